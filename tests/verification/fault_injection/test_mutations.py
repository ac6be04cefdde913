"""Without a safeguard, its test fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from local_cloud.emulators.gcs import GcsServer
from tests._support.sizes import seeds
from tests.verification.fault_injection import checks
from tests.verification.fault_injection.faults import FLIP_UPLOAD, UPLOADS, Operation, Plan, every
from tests.verification.fault_injection.lakes import LyingLake, resumable_uploads
from tests.verification.fault_injection.mutations import MUTATIONS, without
from tests.verification.fault_injection.run import run

pytestmark = pytest.mark.early

Check = Callable[[LyingLake, Path], None]


def _damaged_upload(lake: LyingLake, _: Path) -> None:
    checks.check_damaged_upload_is_not_stored(lake, Operation.CREATE, checks.SOURCE, 0.3)


def _damaged_resumable_upload(lake: LyingLake, _: Path) -> None:
    with resumable_uploads():
        checks.check_damaged_upload_is_not_stored(lake, Operation.SEND, checks.SOURCE, 0.3)


def _damaged_answer(lake: LyingLake, _: Path) -> None:
    with resumable_uploads():
        checks.check_damaged_answer_takes_nothing_away(lake, Operation.SEND, b'"crc32c":"')


def _another_key(near: bytes) -> Check:
    return lambda lake, _: checks.check_listing_under_another_key_is_refused(lake, near)


FINDS: dict[str, list[Check]] = {
    "crc32c on download": [
        lambda lake, path: checks.check_damaged_download_is_unreadable(lake, path, "read", 0.5),
        lambda lake, path: checks.check_damaged_download_is_unreadable(lake, path, "download", 0.5),
    ],
    "a download is checked whole": [
        lambda lake, path: checks.check_damage_after_a_cut_is_unreadable(lake, path, "read"),
        lambda lake, path: checks.check_damage_after_a_cut_is_unreadable(lake, path, "download"),
    ],
    "crc32c on upload": [_damaged_upload, _damaged_resumable_upload],
    "nothing is deleted after a create": [_damaged_answer],
    "create if absent": [lambda lake, _: checks.check_second_create_is_refused(lake)],
    "a listing has its shape": [_another_key(b'"storage#objects","'), _another_key(b'"storage#object","')],
}
"""What notices that the safeguard is not there."""

_CASES = [(safeguard, number) for safeguard in MUTATIONS for number in range(len(FINDS[safeguard]))]


@pytest.mark.parametrize(("safeguard", "number"), _CASES)
def test_a_safeguard_that_is_not_there_is_noticed(lake: LyingLake, tmp_path: Path, safeguard: str, number: int) -> None:
    with without(safeguard), pytest.raises((AssertionError, pytest.fail.Exception)):
        FINDS[safeguard][number](lake, tmp_path)


@pytest.mark.parametrize("seed", seeds(2))  # simple uploads, and resumable ones in `make verify`
def test_a_random_run_notices_that_uploads_are_not_checked(gcs_server: GcsServer, tmp_path: Path, seed: int) -> None:
    def damaged_uploads() -> Plan:
        return every(3, FLIP_UPLOAD, *UPLOADS)

    outcome = run(seed, gcs_server, tmp_path, damaged_uploads())
    assert (outcome.violations, outcome.lies > 0) == ((), True)
    with without("crc32c on upload"):
        assert run(seed, gcs_server, tmp_path, damaged_uploads()).violations


@pytest.mark.parametrize(("safeguard", "number"), _CASES)
def test_a_safeguard_that_is_there_is_not(lake: LyingLake, tmp_path: Path, safeguard: str, number: int) -> None:
    FINDS[safeguard][number](lake, tmp_path)
