"""The documents say what is there: every setting, command, module, link and diagram, and the other way round."""
