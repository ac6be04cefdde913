"""Real kills: every process of the whole system, servers included, dies or freezes at random moments, round by round.

`python -m tests.kills --help`; ten of them are a test, `tests/integration/test_kills.py`.
"""
