"""Real kills: every process of the whole system, servers included, dies or freezes at random moments, round by round.

`python -m tests.verification.crash --help`; ten of them are a test, `tests/system/integration/test_kills.py`.
"""
