"""Crash tests: every process of the system, servers included, is killed or frozen at random moments.

A few of them are a test, `test_crash.py`; more: `python -m tests.verification.crash --help`.
"""
