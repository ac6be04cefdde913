"""Measurements against what users would pick instead: `python -m bench`. The result is ratios."""
