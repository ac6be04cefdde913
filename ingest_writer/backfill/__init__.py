"""Events that do not come from the subscription: files, and rejected lines decoded again."""
