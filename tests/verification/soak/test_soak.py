"""The whole system under load and faults: nothing wrong, lost without a reason, or growing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verification.soak.document import is_publishable, lines, publish
from tests.verification.soak.soak import Soak

_DEFAULT_S = 60


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_under_load_and_faults_every_answer_is_right_or_refused(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    seconds = request.config.getoption("--soak-s") or _DEFAULT_S
    outcome = Soak(tmp_path / "soak", str(request.config.getoption("--seed")), seconds).run()
    print("", *lines(outcome), sep="\n")
    assert outcome.failures() == []
    if is_publishable(outcome):
        publish(outcome)
