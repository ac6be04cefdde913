"""Bulk load of files: what is accepted, what is rejected, and that a second time changes nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest_writer.backfill import bulk_load
from ingest_writer.backfill.bulk_load import Loader
from ingest_writer.backfill.load_report import LoadReport
from ingest_writer.backfill.readers.model import Silent
from ingest_writer.backfill.replay_rejected import replay_rejected
from lakehouse import object_names
from lakehouse.errors import ConfigError, CreateStateUnknownError, LocalDiskError
from lakehouse.schema.event import COLUMNS, EVENT_SCHEMA
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from lakehouse.table.parquet_files import read_rejected_file
from tests._support.events.builders import Event, encode, event, ids, later_fields, line, whole_event
from tests._support.lakes.compactors import MeddlingStore, compactor, latest, problems, table_rows
from tests._support.lakes.rows import row, write
from tests._support.processes.full_disk import files_limited_to

_names = ids()  # never the same name twice, over all loads

PUBLISHED = "2013-03-01T00:00:00.123456Z"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def load(store: Store, tmp_path: Path, *files: Path, published: str = PUBLISHED) -> LoadReport:
    scratch = tmp_path / "scratch"
    moment = dt.datetime.fromisoformat(published)
    report = Loader(store, compactor(store, scratch), _names, scratch).load(list(files), moment)
    assert list(scratch.iterdir()) == []
    return report


def file_of(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def csv(*rows: Event, header: Sequence[str] = ()) -> bytes:
    columns = list(header or rows[0])
    texts = [",".join(columns), *(",".join(str(each.get(c, "")) for c in columns) for each in rows)]
    return ("\n".join(texts) + "\n").encode()


def parquet_of(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema | None = None) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
    return file_of(path, path.read_bytes())


def rejected(store: Store, tmp_path: Path) -> list[dict[str, Any]]:
    found = []
    for info in store.list(object_names.REJECTED):
        assert object_names.parse_rejected_file(info.name) == dt.date(2013, 3, 1)
        path = tmp_path / "rejected.parquet"
        path.unlink(missing_ok=True)
        store.download(info.name, path)
        found += read_rejected_file(info.name, path).to_pylist()
    return found


# -- formats ---------------------------------------------------------------------------------------------------


def _expected(path: Path) -> dict[str, Any]:
    """The row of `whole_event`, loaded from `path` as its row 0."""
    return {
        "flight_date": dt.date(2013, 1, 1),
        "carrier": "UA",
        "flight_number": 1545,
        "operational_suffix": "A",
        "origin": "EWR",
        "destination": "IAH",
        "diverted_to": "DFW",
        "scheduled_departure": dt.datetime(2013, 1, 1, 10, 15, tzinfo=dt.UTC),
        "scheduled_departure_hour": 5,
        "scheduled_arrival": dt.datetime(2013, 1, 1, 14, 19, tzinfo=dt.UTC),
        "actual_departure": dt.datetime(2013, 1, 1, 10, 17, tzinfo=dt.UTC),
        "actual_arrival": dt.datetime(2013, 1, 1, 14, 30, tzinfo=dt.UTC),
        "status": "diverted",
        "departure_delay_minutes": 2,
        "arrival_delay_minutes": 11,
        "air_time_minutes": 227,
        "distance_km": 2253,
        "tail_number": "N14228",
        "event_time": dt.datetime(2013, 1, 1, 11, tzinfo=dt.UTC),
        "publish_time": dt.datetime.fromisoformat(PUBLISHED),
        "message_id": "load:" + hashlib.sha256(path.read_bytes()).hexdigest(),
        "message_line": 0,
        "decoder_version": 3,
    } | dict.fromkeys(later_fields())


def _as_timestamps(values: Event) -> Event:
    """Times as Arrow knows them; the departure stays a text, since a timestamp would lose its offset."""
    times = ("scheduled_arrival", "actual_departure", "actual_arrival", "event_time")
    typed: Event = {name: dt.datetime.fromisoformat(values[name]) for name in times}
    return values | typed | {"flight_date": dt.date.fromisoformat(values["flight_date"])}


@pytest.mark.parametrize("suffix", [".ndjson", ".jsonl", ".csv", ".parquet", ".typed.parquet"])
def test_a_file_of_each_format_becomes_the_same_row(suffix: str, store: MemoryStore, tmp_path: Path) -> None:
    path = tmp_path / f"flights{suffix}"
    if suffix == ".csv":
        file_of(path, csv(whole_event()))
    elif suffix.endswith(".parquet"):
        parquet_of(path, [_as_timestamps(whole_event()) if suffix == ".typed.parquet" else whole_event()])
    else:
        file_of(path, encode(whole_event()) + b"\n")
    report = load(store, tmp_path, path)
    assert (report.files, report.rows, report.rejected, report.months) == (1, 1, 0, ["2013-01"])
    assert table_rows(store) == [_expected(path)]
    assert problems(store) == ()


def test_lines_of_ndjson_are_numbered_with_the_blank_ones(store: MemoryStore, tmp_path: Path) -> None:
    data = line(flight_number=1) + b"\r\n\r\n" + line(flight_number=2) + b"\n \n" + line(flight_number=3)
    load(store, tmp_path, file_of(tmp_path / "a.ndjson", data))
    assert [(r["flight_number"], r["message_line"]) for r in table_rows(store)] == [(1, 0), (2, 2), (3, 4)]


def test_an_empty_cell_of_a_csv_is_an_unknown_value(store: MemoryStore, tmp_path: Path) -> None:
    values = whole_event()
    header = list(values)
    data = csv(event(), header=header).replace(b"\n", b"\r\n")
    load(store, tmp_path, file_of(tmp_path / "a.csv", b"\xef\xbb\xbf" + data))  # as spreadsheets write it
    [loaded] = table_rows(store)
    assert loaded["operational_suffix"] == ""
    assert loaded["tail_number"] is None
    assert loaded["distance_km"] is None


def test_a_text_of_digits_stays_a_text_in_a_csv(store: MemoryStore, tmp_path: Path) -> None:
    load(store, tmp_path, file_of(tmp_path / "a.csv", csv(event(carrier="99", tail_number="007", origin="123"))))
    [loaded] = table_rows(store)
    assert (loaded["carrier"], loaded["tail_number"], loaded["origin"]) == ("99", "007", "123")


def test_unknown_fields_are_ignored_and_counted(store: MemoryStore, tmp_path: Path) -> None:
    files = [
        file_of(tmp_path / "a.ndjson", line(unlisted="A")),
        file_of(tmp_path / "b.csv", csv(event(unlisted="A", flight_number=2))),
        parquet_of(tmp_path / "c.parquet", [event(unlisted="A", flight_number=3)]),
    ]
    report = load(store, tmp_path, *files)
    assert (report.rows, report.unknown_fields) == (3, {"unlisted": 3})


# -- the lake's own files --------------------------------------------------------------------------------------


def test_a_landed_file_can_be_loaded_and_keeps_the_local_hour(store: MemoryStore, tmp_path: Path) -> None:
    own = [row(number=1), row(number=2, scheduled_departure_hour=23), row(number=3, operational_suffix="B")]
    path = write(tmp_path / "landed.parquet", own)
    report = load(store, tmp_path, file_of(path, path.read_bytes()))
    assert (report.rows, report.rejected, report.unknown_fields) == (3, 0, {})
    mine = ("publish_time", "message_id", "message_line", "decoder_version")
    loaded = table_rows(store)
    assert [{k: v for k, v in r.items() if k not in mine} for r in loaded] == [
        {k: v for k, v in r.items() if k not in mine} for r in own
    ]
    assert {r["message_id"] for r in loaded} == {"load:" + hashlib.sha256(path.read_bytes()).hexdigest()}


def test_a_month_file_can_be_loaded_into_another_lake(store: MemoryStore, tmp_path: Path) -> None:
    load(store, tmp_path, file_of(tmp_path / "a.ndjson", encode(whole_event()) + b"\n" + line(carrier="AA")))
    path = tmp_path / "month.parquet"
    store.download(latest(store).months["2013-01"][0].name, path)
    other = MemoryStore()
    load(other, tmp_path, path)
    mine = {"publish_time", "message_id", "message_line"}
    assert [{k: v for k, v in r.items() if k not in mine} for r in table_rows(other)] == [
        {k: v for k, v in r.items() if k not in mine} for r in table_rows(store)
    ]


def test_a_utc_timestamp_without_the_local_hour_is_refused_and_stays_so(store: MemoryStore, tmp_path: Path) -> None:
    departure = dt.datetime(2013, 1, 1, 10, 15, tzinfo=dt.UTC)
    path = parquet_of(tmp_path / "a.parquet", [event(scheduled_departure=departure)])
    report = load(store, tmp_path, path)
    assert (report.rows, report.rejected) == (0, 1)
    [line_] = rejected(store, tmp_path)
    assert "its local hour is unknown" in line_["reason"]
    # Replayed, the text must not be taken for one with the origin's offset.
    assert replay_rejected(store, _names).landed == 0
    assert list(store.list(object_names.LANDING)) == []


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "-05:00"])
def test_a_zone_of_the_column_is_not_taken_for_the_origins(zone: str, store: MemoryStore, tmp_path: Path) -> None:
    departure = pa.array([dt.datetime(2013, 7, 1, 12, tzinfo=dt.UTC)], pa.timestamp("us", tz=zone))
    table = pa.Table.from_pylist([event(flight_date="2013-07-01", origin="LAX")])
    table = table.drop_columns("scheduled_departure").append_column("scheduled_departure", departure)
    pq.write_table(table, tmp_path / "a.parquet")
    assert load(store, tmp_path, file_of(tmp_path / "a.parquet", (tmp_path / "a.parquet").read_bytes())).rejected == 1
    assert "its local hour is unknown" in rejected(store, tmp_path)[0]["reason"]


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (1_357_041_600_123_456_789, dt.datetime(2013, 1, 1, 12, 0, 0, 123456, tzinfo=dt.UTC)),
        (-1, dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC)),
        (-1000, dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC)),
    ],
)
def test_nanoseconds_are_cut_to_microseconds_towards_the_past(
    nanoseconds: int, expected: dt.datetime, store: MemoryStore, tmp_path: Path
) -> None:
    moment = pa.array([nanoseconds], pa.timestamp("ns", tz="UTC"))
    table = pa.Table.from_pylist([event()]).drop_columns("event_time").append_column("event_time", moment)
    pq.write_table(table, tmp_path / "a.parquet")
    assert load(store, tmp_path, tmp_path / "a.parquet").rejected == 0
    [loaded] = table_rows(store)
    assert loaded["event_time"] == expected


@pytest.mark.parametrize("suffix", [".csv", ".ndjson"])
def test_times_as_text_keep_to_rfc_3339_and_are_cut_in_every_format(
    suffix: str, store: MemoryStore, tmp_path: Path
) -> None:
    good = event(event_time="2013-01-01T11:00:00.1234569Z")
    bad = event(flight_number=2, event_time="2013-01-01 11:00:00Z")
    path = tmp_path / f"a{suffix}"
    if suffix == ".csv":
        file_of(path, csv(good, bad))
    else:
        file_of(path, encode(good) + b"\n" + encode(bad))
    assert load(store, tmp_path, path).rejected == 1
    [loaded] = table_rows(store)
    assert loaded["event_time"] == dt.datetime(2013, 1, 1, 11, 0, 0, 123456, tzinfo=dt.UTC)


# -- rejected rows ---------------------------------------------------------------------------------------------


def test_bad_rows_are_rejected_with_their_reason_and_the_others_land(store: MemoryStore, tmp_path: Path) -> None:
    data = b"\n".join([line(flight_number=1), b"{", line(status="late"), line(flight_number=2)])
    report = load(store, tmp_path, file_of(tmp_path / "a.ndjson", data))
    assert (report.rows, report.rejected) == (2, 2)
    sha = hashlib.sha256(data).hexdigest()
    found = rejected(store, tmp_path)
    assert [(r["bytes"], r["stage"], r["message_line"]) for r in found] == [
        (b"{", "decode", 1),
        (line(status="late"), "validate", 2),
    ]
    assert {(r["message_id"], r["publish_time"]) for r in found} == {
        (f"load:{sha}", dt.datetime.fromisoformat(PUBLISHED))
    }
    assert [r["attributes"] for r in found] == [[("file", "a.ndjson"), ("line", str(number))] for number in (2, 3)]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (b"2013-01-01,UA,x,EWR,IAH,2013-01-01T05:15:00-05:00,scheduled,2013-01-01T11:00:00Z", "$.flight_number"),
        (b"2013-01-01,UA,1.5,EWR,IAH,2013-01-01T05:15:00-05:00,scheduled,2013-01-01T11:00:00Z", "$.flight_number"),
        (b"2013-01-01,UA,,EWR,IAH,2013-01-01T05:15:00-05:00,scheduled,2013-01-01T11:00:00Z", "`flight_number`"),
        (b"2013-01-01,UA,1,EWR,IAH,2013-01-01T05:15:00,scheduled,2013-01-01T11:00:00Z", "$.scheduled_departure"),
        (b"2013-01-01,UA,1,EWR,IAH,2013-01-01T05:15:00Z,scheduled,2099-01-01T11:00:00Z", "24 h"),
        (b"2013-01-01,UA,1,EWR,IAH,2013-01-01T05:15:00Z,scheduled,2013-01-01T11:00:00Z,9", "more cells"),
        (b"2013-01-01,UA,1,EWR", "fewer cells than the header: 4, not 8"),
        (b"2013-01-01,U\xff,1,EWR,IAH,2013-01-01T05:15:00Z,scheduled,2013-01-01T11:00:00Z", "not UTF-8"),
    ],
)
def test_a_bad_row_of_a_csv_is_rejected_and_the_next_one_lands(
    cells: bytes, reason: str, store: MemoryStore, tmp_path: Path
) -> None:
    good = csv(event())
    data = good.split(b"\n")[0] + b"\n" + cells + b"\n" + good.split(b"\n")[1] + b"\n"
    report = load(store, tmp_path, file_of(tmp_path / "a.csv", data))
    assert (report.rows, report.rejected) == (1, 1)
    [line_] = rejected(store, tmp_path)
    assert reason in line_["reason"]
    assert line_["message_line"] == 0


def test_a_text_that_is_not_utf8_is_rejected_with_its_bytes_in_any_column(store: MemoryStore, tmp_path: Path) -> None:
    data = csv(event(tail_number="?")).replace(b"?", b"\xe9")  # Latin-1: any text is a tail number, but not this
    report = load(store, tmp_path, file_of(tmp_path / "a.csv", data))
    assert (report.rows, report.rejected) == (0, 1)
    [line_] = rejected(store, tmp_path)
    assert line_["reason"].startswith(r"not UTF-8: tail_number is b'\xe9'; give --encoding")
    assert line_["bytes"].endswith(b",\xe9")


# -- again, month by month -------------------------------------------------------------------------------------


def test_loading_a_file_again_changes_nothing(store: MemoryStore, tmp_path: Path) -> None:
    data = b"\n".join(line(flight_number=n, flight_date=d) for n in range(1, 50) for d in ("2013-01-01", "2012-12-31"))
    path = file_of(tmp_path / "a.ndjson", data)
    load(store, tmp_path, path)
    before = table_rows(store)
    assert len(before) == 98
    load(store, tmp_path, path, path)
    assert table_rows(store) == before
    assert problems(store) == ()


def test_the_newest_state_wins_over_files_in_any_order(store: MemoryStore, tmp_path: Path) -> None:
    older = file_of(tmp_path / "older.ndjson", line(status="departed", event_time="2013-01-01T10:00:00Z"))
    newer = file_of(tmp_path / "newer.ndjson", line(status="arrived", event_time="2013-01-01T11:00:00Z"))
    load(store, tmp_path, newer)
    load(store, tmp_path, older)
    assert [r["status"] for r in table_rows(store)] == ["arrived"]


def test_each_month_is_compacted_before_the_next_one_lands(store: MemoryStore, tmp_path: Path) -> None:
    spy = MeddlingStore(store)
    days = ["2013-03-01", "2013-01-01", "2013-02-01", "2013-01-02"]  # not in their order
    data = b"\n".join(line(flight_date=day, scheduled_departure=f"{day}T10:00:00Z") for day in days)
    report = load(spy, tmp_path, file_of(tmp_path / "a.ndjson", data))
    assert report.months == ["2013-01", "2013-02", "2013-03"]
    created = [name.split("/")[0] for name in spy.called("create", "")]
    assert created == [
        *("landing", "landing", "flights", "snapshots"),
        *("landing", "flights", "snapshots"),
        *("landing", "flights", "snapshots"),
    ]
    assert report.snapshot == 3


def test_a_create_of_unknown_outcome_is_followed_by_one_under_another_name(store: MemoryStore, tmp_path: Path) -> None:
    meddling = MeddlingStore(store)

    def lose(name: str) -> None:
        raise CreateStateUnknownError(name)

    meddling.after("create", object_names.LANDING, lose)
    load(meddling, tmp_path, file_of(tmp_path / "a.ndjson", line()))
    assert len(set(meddling.called("create", object_names.LANDING))) == 2
    assert len(table_rows(store)) == 1


def test_an_empty_file_loads_nothing(store: MemoryStore, tmp_path: Path) -> None:
    files = [file_of(tmp_path / name, b"") for name in ("a.ndjson", "b.csv")]
    own = tmp_path / "c.parquet"
    pq.write_table(pa.table([pa.array([], f.type) for f in EVENT_SCHEMA], names=list(COLUMNS)), own)
    report = load(store, tmp_path, *files, own)
    assert (report.files, report.rows, report.rejected, report.months) == (3, 0, 0, [])
    assert list(store.list("")) == []


# -- files that are none ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.csv", "there is no such file"),
        ("flights.xlsx", "its format is not recognised; give --format with one of"),
        ("flights", "its format is not recognised"),
        ("broken.parquet", "not a Parquet file"),
        ("twice.csv", "names a column more than once: 'carrier', 'carrier'"),
        ("huge.csv", "line 2: has a line of more than 10 MB"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_named_and_nothing_lands(
    name: str, message: str, store: MemoryStore, tmp_path: Path
) -> None:
    good = file_of(tmp_path / "good.ndjson", line())
    if not name.startswith("missing"):
        cell = b"x" * 10_000_001 if name == "huge.csv" else b"no"
        header = {"twice.csv": b"flight_date,carrier,carrier", "huge.csv": csv(event()).splitlines()[0]}
        file_of(tmp_path / name, header.get(name, b'"no"') + b"\n" + cell)
    with pytest.raises(ConfigError, match=message) as caught:
        load(store, tmp_path, good, tmp_path / name)
    assert name in str(caught.value)
    assert list(store.list("")) == []


@pytest.mark.parametrize("days", [2**31 - 1, -(2**31 - 1), 10_000_000])
def test_a_date_beyond_all_years_rejects_its_row_alone(store: Store, tmp_path: Path, days: int) -> None:
    path = parquet_of(tmp_path / "a.parquet", [event(flight_number=1), event(flight_number=2)])
    table = pq.read_table(path)
    dates = pa.array([15706, days], pa.int32()).cast(pa.date32())
    number = table.schema.get_field_index("flight_date")
    pq.write_table(table.set_column(number, "flight_date", dates), path)
    report = load(store, tmp_path, file_of(path, path.read_bytes()))
    assert (report.rows, report.rejected) == (1, 1)
    [line_] = rejected(store, tmp_path)
    assert "flight_date" in line_["reason"]


@pytest.mark.parametrize("microseconds_", [2**63 - 1, -(2**63 - 1)])
def test_an_infinite_time_rejects_its_row_alone(store: Store, tmp_path: Path, microseconds_: int) -> None:
    rows = [event(flight_number=1), event(flight_number=2)]
    table = pq.read_table(parquet_of(tmp_path / "a.parquet", rows))
    times = pa.array([1_357_034_400_000_000, microseconds_], pa.int64()).cast(pa.timestamp("us", "UTC"))
    number = table.schema.get_field_index("event_time")
    path = tmp_path / "b.parquet"
    pq.write_table(table.set_column(number, "event_time", times), path)
    report = load(store, tmp_path, file_of(path, path.read_bytes()))
    assert (report.rows, report.rejected) == (1, 1)


@pytest.mark.parametrize("field", ["flight_date", "event_time", "scheduled_departure"])
@pytest.mark.parametrize("suffix", [".csv", ".ndjson"])
def test_infinity_as_text_rejects_its_row_alone(store: Store, tmp_path: Path, field: str, suffix: str) -> None:
    rows = [event(flight_number=1), event(flight_number=2) | {field: "infinity"}]
    data = csv(*rows) if suffix == ".csv" else b"\n".join(map(encode, rows))
    report = load(store, tmp_path, file_of(tmp_path / f"a{suffix}", data))
    assert (report.rows, report.rejected) == (1, 1)


def test_a_full_scratch_folder_is_named_with_its_room(store: MemoryStore, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.ndjson", encode(event()))
    with (
        files_limited_to(100),
        pytest.raises(LocalDiskError, match=rf"{tmp_path}/scratch/load-.*MB are free; COMPACTOR_SCRATCH_DIR"),
    ):
        load(store, tmp_path, file)
    assert list((tmp_path / "scratch").iterdir()) == []
    assert load(store, tmp_path, file).rows == 1


def test_a_file_may_have_more_flight_dates_than_a_message(store: MemoryStore, tmp_path: Path) -> None:
    dates = [dt.date(2013, 1, 1) + dt.timedelta(days=day) for day in range(402)]
    lines = [line(flight_date=f"{date}", scheduled_departure=f"{date}T09:00:00Z") for date in dates]
    report = load(store, tmp_path, file_of(tmp_path / "a.ndjson", b"\n".join(lines)))
    assert (report.rows, report.rejected, len(report.months)) == (402, 0, 14)


def test_the_checksum_of_a_large_file_says_how_far_it_is(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    class Heard(Silent):
        def step(self, what: str, unit: str = "rows") -> None:
            heard.append(f"{what}: {unit}")

    path = file_of(tmp_path / "events.csv", csv(event()))
    monkeypatch.setattr(bulk_load, "_SLOW_BYTES", path.stat().st_size)
    loader = Loader(store, compactor(store, tmp_path / "scratch"), _names, tmp_path / "scratch", progress=Heard())
    loader.load([path], dt.datetime.fromisoformat(PUBLISHED))
    reading = [f"checksum of {path}: MB", f"reading {path}: rows", f"checksum of {path}: MB"]
    assert heard[:3] == reading
