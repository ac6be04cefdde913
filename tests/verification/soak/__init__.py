"""Minutes of mixed load with faults: every answer is checked, each fault's cost is measured.

`python -m tests.verification.soak --help`; 15 minutes of it are a part of `make verify`.
"""
