"""Real kills: every process of the system, servers included, is killed or frozen at random moments.

`python -m tests.verification.crash --help`; ten of them are a test, `tests/system/integration/test_kills.py`.
"""
