"""Right answers, and random questions.

The oracles share no SQL with the project. `random_stats.py` uses it: it makes lakes and serves them.
"""
