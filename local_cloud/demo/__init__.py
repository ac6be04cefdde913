"""`make demo`: the whole system on this machine, with a year of real flights."""
