"""Measurements against what a user would pick instead: `python -m bench`. Ratios are the result, times illustrate."""
