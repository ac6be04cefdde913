"""`make test-engines` never passes without having tested anything; what it installs is locked."""

from __future__ import annotations

import os
import re
import subprocess

from tests.verification.campaign.ledger import ROOT


def test_without_java_it_fails_and_says_so() -> None:
    done = subprocess.run(
        ["make", "--old-file=setup", "test-engines"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "JAVA_HOME": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "NOTHING WAS TESTED" in done.stderr
    assert done.stdout == ""


def test_its_lock_has_a_version_and_hashes_of_each_package() -> None:
    lock = (ROOT / "requirements.engines.lock").read_text()
    packages = re.findall(
        r"^(\S+?)==\S+(?: ; \S.*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", lock, re.MULTILINE
    )
    assert {"chdb", "datafusion", "pyspark"} <= {name for name, _ in packages}
    assert len(re.findall(r"^\w", lock, re.MULTILINE)) == len(packages)
