"""A user of the whole system: publishes a ZZ event and looks for it over HTTP. Knows only what a user knows."""
