"""Commands and the whole system as processes, and what may happen to a process."""
