"""The store against a Cloud Storage that lies: the right error, a few retries, never wrong bytes.

The client is Google's, the server is the emulator, and a proxy between them injects faults.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from lakehouse.errors import (
    CreateStateUnknownError,
    LakeError,
    ObjectExistsError,
    StoreUnavailableError,
    UnreadableError,
)
from tests.verification.fault_injection.checks import (
    NAME,
    READS,
    SOURCE,
    check_damage_after_a_cut_is_unreadable,
    check_damaged_answer_takes_nothing_away,
    check_damaged_download_is_unreadable,
    check_damaged_upload_is_not_stored,
    check_listing_under_another_key_is_refused,
    check_second_create_is_refused,
    found,
    three,
)
from tests.verification.fault_injection.faults import (
    CUT,
    HONEST,
    LATE,
    LOST_ANSWERS,
    OUTAGES,
    RESET,
    RESET_AFTER,
    STALL,
    STALL_AFTER,
    Fault,
    Kind,
    Operation,
    times,
    told,
)
from tests.verification.fault_injection.lakes import TIMEOUT_S, LyingLake, resumable_uploads

pytestmark = pytest.mark.early


_GIVES_UP_S = 0.2  # tiny: time for several tries, and many tests wait for it
_GIVES_UP_STALLED_S = 0.5  # time for a second try after one that was stalled


HONESTLY: dict[str, object] = {"list": [(NAME, 5000)], "read": SOURCE, "download": SOURCE, "generation": True}


@pytest.fixture(params=["simple", "resumable"])
def carrier(request: pytest.FixtureRequest) -> Iterator[Operation]:
    """The request that carries an object's bytes, for both ways of uploading."""
    is_simple = request.param == "simple"
    with nullcontext() if is_simple else resumable_uploads():
        yield Operation.CREATE if is_simple else Operation.SEND


@pytest.fixture(params=["bytes", "file"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> bytes | Path:
    if request.param == "bytes":
        return SOURCE
    path = tmp_path / "source"
    path.write_bytes(SOURCE)
    return path


# -- creates -------------------------------------------------------------------------------------------------------


def test_an_honest_create_stores_what_it_was_given(lake: LyingLake, carrier: Operation, source: bytes | Path) -> None:
    lake.store.create(NAME, source)
    assert found(lake) == SOURCE
    assert carrier in [request.operation for request, _ in lake.proxy.told]


@pytest.mark.parametrize("fault", [RESET, STALL, *OUTAGES], ids=told)
def test_a_create_that_did_not_happen_is_unknown_and_tried_once(
    lake: LyingLake, carrier: Operation, fault: Fault
) -> None:
    lake.proxy.plan = times(1, fault, carrier)
    with pytest.raises(CreateStateUnknownError, match=NAME):
        lake.store.create(NAME, SOURCE)
    assert lake.proxy.lies() == [fault]
    assert [request.operation for request, _ in lake.proxy.told].count(carrier) == 1
    lake.proxy.be_honest()
    assert found(lake) is None


@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=told)
def test_a_create_whose_answer_is_lost_is_unknown_and_what_it_made_stays(
    lake: LyingLake, carrier: Operation, fault: Fault
) -> None:
    lake.proxy.plan = times(1, fault, carrier)
    with pytest.raises(CreateStateUnknownError, match=NAME):
        lake.store.create(NAME, SOURCE)
    assert [request.operation for request, _ in lake.proxy.told].count(carrier) == 1
    assert Operation.DELETE not in [request.operation for request, _ in lake.proxy.told]
    lake.proxy.be_honest()
    assert found(lake) == SOURCE


def test_a_create_of_what_is_there_replaces_nothing(lake: LyingLake, carrier: Operation) -> None:
    lake.store.create(NAME, SOURCE)
    with pytest.raises(ObjectExistsError, match=NAME):
        lake.store.create(NAME, SOURCE[::-1])
    assert Operation.DELETE not in [request.operation for request, _ in lake.proxy.told]
    assert found(lake) == SOURCE


def test_a_create_that_arrives_late_replaces_nothing(lake: LyingLake, carrier: Operation) -> None:
    lake.proxy.plan = times(1, LATE, carrier)
    with pytest.raises(CreateStateUnknownError):
        lake.store.create(NAME, SOURCE[::-1])
    lake.truth.create(NAME, SOURCE)
    lake.proxy.be_honest()
    assert found(lake) == SOURCE


def test_a_create_may_yet_happen_after_it_was_given_up(lake: LyingLake, carrier: Operation) -> None:
    lake.proxy.plan = times(1, LATE, carrier)
    with pytest.raises(CreateStateUnknownError):
        lake.store.create(NAME, SOURCE)
    assert found(lake) is None
    lake.proxy.be_honest()
    assert found(lake) == SOURCE


@pytest.mark.parametrize("fault", [RESET, RESET_AFTER, STALL, *OUTAGES], ids=told)
def test_a_resumable_create_that_could_not_begin_is_unknown_and_leaves_nothing(lake: LyingLake, fault: Fault) -> None:
    lake.proxy.plan = times(1, fault, Operation.BEGIN)
    with resumable_uploads(), pytest.raises(CreateStateUnknownError, match=NAME):
        lake.store.create(NAME, SOURCE)
    lake.proxy.be_honest()
    assert [request.operation for request, _ in lake.proxy.told] == [Operation.BEGIN]
    assert found(lake) is None


@pytest.mark.parametrize("after", [False, True])
def test_a_create_that_is_told_412_is_no_success(lake: LyingLake, carrier: Operation, after: bool) -> None:
    lake.proxy.plan = times(1, Fault(Kind.STATUS, after=after, status=412), carrier)
    with pytest.raises(ObjectExistsError):
        lake.store.create(NAME, SOURCE)
    assert found(lake) == (SOURCE if after else None)


def test_a_second_create_is_refused_and_changes_nothing(lake: LyingLake) -> None:
    check_second_create_is_refused(lake)


@pytest.mark.parametrize("at", [0.0, 0.3, 0.999])
def test_bytes_that_are_damaged_on_their_way_up_are_not_stored_and_can_be_sent_again(
    lake: LyingLake, carrier: Operation, source: bytes | Path, at: float
) -> None:
    check_damaged_upload_is_not_stored(lake, carrier, source, at)


@pytest.mark.parametrize("near", [b'"crc32c":"', b'"size":"', b'{"', b'"generation":"'])
def test_a_create_with_a_damaged_answer_never_takes_anything_away(
    lake: LyingLake, carrier: Operation, near: bytes
) -> None:
    check_damaged_answer_takes_nothing_away(lake, carrier, near)


@pytest.mark.parametrize("at", [0.0, 0.2, 0.5, 0.8, 0.999])
@pytest.mark.parametrize("kind", [Kind.SHORT, Kind.FLIP_ANSWER], ids=lambda kind: kind.name)
def test_a_create_with_any_damaged_answer_ends_well_or_unknown(
    lake: LyingLake, carrier: Operation, kind: Kind, at: float
) -> None:
    lake.proxy.plan = times(1, Fault(kind, at=at))
    try:
        lake.store.create(NAME, SOURCE)
    except CreateStateUnknownError:
        return
    assert found(lake) == SOURCE


def test_a_create_gives_up_in_time_when_nothing_answers(lake: LyingLake, carrier: Operation) -> None:
    lake.proxy.plan = times(9, STALL)
    began = time.monotonic()
    with pytest.raises(CreateStateUnknownError):
        lake.store.create(NAME, SOURCE)
    assert time.monotonic() - began < TIMEOUT_S[1] + 1
    assert len(lake.proxy.told) == 1


def test_a_replace_that_is_told_412_did_not_happen_as_far_as_we_know(lake: LyingLake) -> None:
    lake.store.create("flights/_delta_log/_last_checkpoint", b"1")
    lake.proxy.plan = times(1, Fault(Kind.STATUS, after=True, status=412), Operation.CREATE)
    assert not lake.store.replace(
        "flights/_delta_log/_last_checkpoint", b"2", lake.truth.generation("flights/_delta_log/_last_checkpoint")
    )
    assert lake.truth.read("flights/_delta_log/_last_checkpoint") == b"2"


# -- reads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [RESET, RESET_AFTER, STALL, CUT, LATE, *OUTAGES], ids=told)
@pytest.mark.parametrize("operation", READS)
def test_a_read_gets_over_what_passes(lake: LyingLake, tmp_path: Path, operation: str, fault: Fault) -> None:
    lake.truth.create(NAME, SOURCE)
    lake.proxy.plan = times(1, fault)
    assert READS[operation](lake.store, tmp_path / "copy") == HONESTLY[operation]
    assert len(lake.proxy.told) == 2


@pytest.mark.parametrize("fault", [STALL, CUT, OUTAGES[-1]], ids=told)
@pytest.mark.parametrize("operation", READS)
def test_a_read_is_unavailable_in_time_when_it_does_not_pass(
    lake: LyingLake, tmp_path: Path, operation: str, fault: Fault
) -> None:
    lake.truth.create(NAME, SOURCE)
    lake.proxy.plan = lambda _: fault
    gives_up_s = _GIVES_UP_STALLED_S if fault is STALL else _GIVES_UP_S
    lake.store._retry = lake.store._retry.with_timeout(gives_up_s)
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="landing/"):
        READS[operation](lake.store, tmp_path / "copy")
    assert time.monotonic() - began < gives_up_s + TIMEOUT_S[1] + 1
    assert len(lake.proxy.told) < 100  # on a slow machine one stalled try may take all of the time
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("fault", [RESET, RESET_AFTER, STALL_AFTER, *OUTAGES], ids=told)
def test_a_delete_gets_over_what_passes(lake: LyingLake, fault: Fault) -> None:
    lake.truth.create(NAME, SOURCE)
    lake.proxy.plan = times(1, fault)
    lake.store.delete(NAME)
    assert found(lake) is None


@pytest.mark.parametrize("at", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("operation", ["read", "download"])
def test_bytes_that_are_damaged_on_their_way_down_are_unreadable(
    lake: LyingLake, tmp_path: Path, operation: str, at: float
) -> None:
    check_damaged_download_is_unreadable(lake, tmp_path, operation, at)


@pytest.mark.parametrize("operation", ["read", "download"])
def test_bytes_that_are_damaged_after_a_cut_are_unreadable(lake: LyingLake, tmp_path: Path, operation: str) -> None:
    check_damage_after_a_cut_is_unreadable(lake, tmp_path, operation)


@pytest.mark.parametrize("at", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("operation", ["read", "download"])
def test_an_object_without_its_end_is_no_object(lake: LyingLake, tmp_path: Path, operation: str, at: float) -> None:
    lake.truth.create(NAME, SOURCE)
    lake.proxy.plan = lambda _: Fault(Kind.SHORT, at=at)
    with pytest.raises((UnreadableError, StoreUnavailableError)):
        READS[operation](lake.store, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


# -- listings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.SHORT], ids=lambda kind: kind.name)
def test_a_listing_that_is_cut_is_never_a_short_listing(lake: LyingLake, kind: Kind) -> None:
    whole = three(lake)
    for step in range(40):
        lake.proxy.plan = times(1, Fault(kind, at=step / 40))
        try:
            assert [info.name for info in lake.store.list("landing/")] == whole  # asked again
        except StoreUnavailableError:
            continue


def test_a_listing_with_any_bit_flipped_is_never_a_short_listing(lake: LyingLake) -> None:
    whole = three(lake)
    list(lake.store.list("landing/"))
    refused = 0
    for step in range(300):
        fault = Fault(Kind.FLIP_ANSWER, at=step / 300, spares_names=True)
        lake.proxy.plan = times(1, fault)
        try:
            assert [info.name for info in lake.store.list("landing/")] == whole, fault
        except StoreUnavailableError:
            refused += 1
    assert refused > 30  # the emulator tells more than was asked; what nobody reads may be wrong


@pytest.mark.parametrize("near", [b'"storage#objects","', b'"storage#object","'], ids=["items", "name"])
def test_a_listing_whose_objects_are_under_another_key_is_not_an_empty_one(lake: LyingLake, near: bytes) -> None:
    check_listing_under_another_key_is_refused(lake, near)


def test_a_listing_whose_names_are_not_in_order_or_not_asked_for_is_refused(lake: LyingLake) -> None:
    three(lake)
    for at in (0.0, 0.2, 0.8):  # another prefix, another prefix, and a name twice: "a" is then "`"
        lake.proxy.plan = times(1, Fault(Kind.FLIP_ANSWER, at=at, near=b'"name":"'))
        with pytest.raises(StoreUnavailableError, match="the listing has"):
            list(lake.store.list("landing/"))
    lake.proxy.plan = HONEST
    assert len(list(lake.store.list("landing/"))) == 3


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.SHORT, Kind.FLIP_ANSWER], ids=lambda kind: kind.name)
@pytest.mark.parametrize("operation", READS)
def test_no_error_but_ours_comes_from_any_damaged_answer(
    lake: LyingLake, tmp_path: Path, operation: str, kind: Kind
) -> None:
    lake.truth.create(NAME, SOURCE)
    for step in range(30):
        lake.proxy.plan = times(1, Fault(kind, at=step / 30))
        try:
            READS[operation](lake.store, tmp_path / "copy")
        except LakeError:
            continue
