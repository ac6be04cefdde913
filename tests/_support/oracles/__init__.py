"""Right answers that share no code with the project, and random questions."""
