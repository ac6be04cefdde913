"""The JSON form of a snapshot."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse import object_names
from lakehouse.errors import FormatTooNewError, UnreadableError
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.table.snapshot import EMPTY, MonthFile, Snapshot, from_json, to_json

_NEWER = FORMAT_VERSION + 1
_TOO_NEW = f"format_version {_NEWER} is newer than {FORMAT_VERSION}.*upgrade"
_ID = "0123456789abcdef0123456789abcdef"
_NAME = "snapshots/00000000000000000042.json"
_ENTRY = MonthFile(
    name=f"flights/flight_month=2013-01/40-{_ID}.parquet",
    added_snapshot=41,
    rows=3,
    size=1234,
    crc32c=2**32 - 1,
    min_flight_date=dt.date(2013, 1, 1),
    max_flight_date=dt.date(2013, 1, 31),
    max_event_time=dt.datetime(2013, 1, 31, 12, 0, 0, 7, dt.UTC),
)
_HIDDEN = dataclasses.replace(_ENTRY, name=f"hidden/flight_month=2013-01/40-{_ID}.parquet", rows=1)
_SNAPSHOT = Snapshot(
    number=42,
    min_retained=7,
    months={"2013-01": (_ENTRY,)},
    absorbed=frozenset({f"landing/flight_date=2013-01-0{day}/{_ID}.parquet" for day in (1, 2, 3)}),
    hidden={"2013-01": (_HIDDEN,)},
)


def _document(**changes: Any) -> bytes:
    return json.dumps({**json.loads(to_json(_SNAPSHOT)), **changes}).encode()


def _with_entry(**changes: Any) -> bytes:
    (entry,) = json.loads(to_json(_SNAPSHOT))["months"]["2013-01"]
    return _document(months={"2013-01": [{**entry, **changes}]})


def test_a_snapshot_is_read_back_as_it_was_written() -> None:
    assert from_json(_NAME, to_json(_SNAPSHOT)) == _SNAPSHOT


def test_the_document_is_the_one_of_the_contract() -> None:
    document = json.loads(to_json(_SNAPSHOT))
    assert list(document) == ["format_version", "number", "oldest", "months", "hidden", "absorbed"]
    assert document["format_version"] == FORMAT_VERSION
    entry = {
        "path": f"flights/flight_month=2013-01/40-{_ID}.parquet",
        "since": 41,
        "rows": 3,
        "bytes": 1234,
        "crc32c": 4294967295,
        "min_flight_date": "2013-01-01",
        "max_flight_date": "2013-01-31",
        "max_event_time": "2013-01-31T12:00:00.000007+00:00",
        "format_version": FORMAT_VERSION,
    }
    assert document["months"] == {"2013-01": [entry]}
    assert document["hidden"] == {
        "2013-01": [entry | {"path": f"hidden/flight_month=2013-01/40-{_ID}.parquet", "rows": 1}]
    }
    assert document["absorbed"] == sorted(_SNAPSHOT.absorbed)


def test_equal_snapshots_have_equal_bytes() -> None:
    february = dataclasses.replace(_ENTRY, name=f"flights/flight_month=2013-02/0-{_ID}.parquet")
    elsewhere = dataclasses.replace(
        _ENTRY, max_event_time=_ENTRY.max_event_time.astimezone(dt.timezone(dt.timedelta(hours=9)))
    )
    one = Snapshot(1, 1, {"2013-01": (_ENTRY,), "2013-02": (february,)}, frozenset(["a", "b", "c"]))
    other = Snapshot(1, 1, {"2013-02": (february,), "2013-01": (elsewhere,)}, frozenset(["c", "b", "a"]))
    assert to_json(one) == to_json(other)


def test_since_is_that_of_the_entry_and_0_without_one() -> None:
    assert _SNAPSHOT.added_snapshot("2013-01") == 41
    assert _SNAPSHOT.added_snapshot("2013-02") == 0
    assert EMPTY.added_snapshot("2013-01") == 0


def test_since_is_that_of_the_file_that_changed_last_on_either_side() -> None:
    later = dataclasses.replace(_HIDDEN, added_snapshot=42)
    assert dataclasses.replace(_SNAPSHOT, hidden={"2013-01": (later,)}).added_snapshot("2013-01") == 42
    later = dataclasses.replace(_ENTRY, added_snapshot=42)
    assert dataclasses.replace(_SNAPSHOT, months={"2013-01": (later,)}).added_snapshot("2013-01") == 42


def test_a_snapshot_of_format_1_has_one_file_a_month_and_none_hidden() -> None:
    (entry,) = json.loads(to_json(_SNAPSHOT))["months"]["2013-01"]
    del entry["format_version"]
    document = json.loads(_document(format_version=1, months={"2013-01": entry}))
    del document["hidden"]
    old = dataclasses.replace(_ENTRY, format_version=1)
    expected = dataclasses.replace(_SNAPSHOT, months={"2013-01": (old,)}, hidden={})
    assert from_json(_NAME, json.dumps(document).encode()) == expected


def test_files_are_listed_by_date_the_hidden_ones_last() -> None:
    days = (dt.date(2013, 1, 1), dt.date(2013, 1, 2), dt.date(2013, 2, 1))
    files = [dataclasses.replace(_ENTRY, min_flight_date=day, max_flight_date=day) for day in days]
    january, february = tuple(files[:2]), tuple(files[2:])
    snapshot = Snapshot(1, 1, {"2013-02": february, "2013-01": january}, hidden={"2012-12": (_HIDDEN,)})
    assert snapshot.shown_files() == (*january, *february)
    assert snapshot.all_files() == (*january, *february, _HIDDEN)
    assert snapshot.month_names == ("2012-12", "2013-01", "2013-02")


def test_files_of_one_side_that_share_a_date_make_no_snapshot() -> None:
    with pytest.raises(ValueError, match="month 2013-01 has 2013-01-01 in"):
        to_json(dataclasses.replace(_SNAPSHOT, months={"2013-01": (_ENTRY, _ENTRY)}))


def test_unknown_members_are_ignored_when_the_version_is_known() -> None:
    assert from_json(_NAME, _document(note="from a later program")) == _SNAPSHOT


def test_a_month_file_of_a_newer_format_is_refused_by_its_name() -> None:
    with pytest.raises(FormatTooNewError, match=f"{_ENTRY.name}: {_TOO_NEW}"):
        from_json(_NAME, _with_entry(format_version=_NEWER))


def test_a_newer_format_version_is_refused() -> None:
    with pytest.raises(FormatTooNewError, match=rf"snapshots/0+42\.json: {_TOO_NEW}"):
        from_json(_NAME, _document(format_version=_NEWER, months="something else by then"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"42",
        b"[" * 100_000,
        _document(format_version="1"),
        _document(format_version=None),
        _document(number="many"),
        _document(number=float("inf")),
        _document(number=41),
        _document(oldest=43),
        _document(oldest=-1),
        _document(months=[]),
        _document(months={"2013-02": json.loads(to_json(_SNAPSHOT))["months"]["2013-01"]}),
        _document(months={"2013-01": None}),
        _document(months={"2013-01": json.loads(to_json(_SNAPSHOT))["months"]["2013-01"][0]}),
        _document(months={"2013-01": []}),
        _document(months=json.loads(to_json(_SNAPSHOT))["hidden"]),
        _document(hidden=json.loads(to_json(_SNAPSHOT))["months"]),
        _document(months={"2013-01": json.loads(to_json(_SNAPSHOT))["months"]["2013-01"] * 2}),
        _document(absorbed=None),
        _with_entry(path="flights/flight_month=2013-01/x.parquet"),
        _with_entry(path=None),
        _with_entry(rows="three"),
        _with_entry(format_version=0),
        _with_entry(format_version="1"),
        _with_entry(min_flight_date="2013-02-30"),
        _with_entry(max_event_time="2013-01-31T12:00:00"),
        to_json(_SNAPSHOT)[:-1],
    ],
    ids=lambda data: repr(data[:30]),
)
def test_bytes_that_are_no_snapshot_of_that_name_are_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableError, match=_NAME):
        from_json(_NAME, data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["format_version", "number", "oldest", "months", "hidden", "absorbed"]), _JSON)
def test_any_value_of_a_member_is_understood_or_refused_as_ours(member: str, value: Any) -> None:
    try:
        snapshot = from_json(_NAME, _document(**{member: value}))
    except (UnreadableError, FormatTooNewError):
        return
    assert object_names.snapshot(snapshot.number) == _NAME
