"""The same rows in every format, for any question."""

from __future__ import annotations

import io
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.store.memory import MemoryStore
from query_service.representation.encoders import BATCH_ROWS, encoded
from query_service.representation.negotiation import TABLES
from tests._support.api.in_process import Api, serving
from tests._support.api.readers import FORMATS, Row, csv_with_nulls, parsed, read, rows_of
from tests._support.lakes.builder import LakeBuilder, event
from tests._support.oracles import stats_oracle
from tests._support.oracles.random_stats import STATES, lake_of, random_question
from tests._support.sizes import seeds

TIMES = (
    *("scheduled_departure", "scheduled_arrival", "actual_departure", "actual_arrival", "event_time", "publish_time"),
)
MANY = 1200  # more than two chunks


def exactly(rows: list[Row]) -> str:
    """Text that differs when a value, its type or its place does."""
    return json.dumps(rows)


def assert_same_in_all_formats(api: Api, url: str) -> list[Row]:
    """The rows of the question in JSON, after a look at all the others."""
    mark = "&" if "?" in url else "?"
    answers = {name: api.get(f"{url}{mark}format={name}") for name in FORMATS}
    rows = rows_of(answers["json"], "json")
    for name in FORMATS:
        found = rows_of(answers[name], name)
        assert exactly(parsed(found, rows) if name == "csv" else found) == exactly(rows), (url, name)
    for name in FORMATS[1:]:
        assert answers[name].headers["Truncated"] == str(answers["json"].json()["truncated"]).lower()
        assert answers[name].headers.get("Link") == _link(answers["json"], name)
    assert "Truncated" not in answers["json"].headers
    return rows


def _link(answer: Any, name: str) -> str | None:
    link: str | None = answer.headers.get("Link")
    return None if link is None else link.replace("format=json", f"format={name}")


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("state", STATES)
def test_statistics_are_the_same_in_every_format(state: str, seed: int) -> None:
    choose = random.Random(seed)
    with lake_of(stats_oracle.random_events(choose, 300), state) as api:
        found = 0
        for _ in range(12):
            asked, _filters = random_question(choose)
            limit = choose.choice([1, 3, 1000])
            found += len(assert_same_in_all_formats(api, f"/v1/stats?{urlencode(asked, doseq=True)}&limit={limit}"))
        assert found > 12  # a seed whose questions find nothing would prove nothing


@pytest.mark.parametrize("state", STATES)
def test_flights_are_the_same_in_every_format(state: str) -> None:
    choose = random.Random(9)
    with lake_of(stats_oracle.random_events(choose, 300), state) as api:
        url = "/v1/flights?limit=7"
        for _ in range(3):
            rows = assert_same_in_all_formats(api, url)
            assert len(rows) == 7
            url = api.get(url).links["next"]["url"]


@pytest.fixture(scope="module")
def many() -> Iterator[Api]:
    """More flights and more groups than one chunk of an answer has."""
    rows = [
        event(
            flight_number=n + 1,
            tail_number=None if n % 3 == 0 else f"N{n}",
            departure_delay_minutes=n if n % 5 else None,
            destination=f"A{n % 26:02}",
            origin=f"B{n // 26:02}",
        )
        for n in range(MANY)
    ]
    with lake_of(rows) as api:
        yield api


@pytest.mark.parametrize("url", ["/v1/stats?group_by=route&limit=10000", "/v1/flights?limit=1000"])
def test_an_answer_in_several_chunks_is_the_same_in_every_format(many: Api, url: str) -> None:
    rows = assert_same_in_all_formats(many, url)
    assert len(rows) > 2 * BATCH_ROWS - 1


@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_long_answer_says_its_length_so_that_a_cut_shows(many: Api, name: str, coding: str) -> None:
    url = f"/v1/stats?group_by=route&limit=10000&format={name}&order_by=-flights"
    answer, body = many.raw(url, accept_encoding=coding)
    assert int(answer.headers["Content-Length"]) == len(body) > 0


def test_arrow_comes_in_record_batches(many: Api) -> None:
    content = many.get("/v1/stats?group_by=route&limit=10000&format=arrow").content
    batches = list(pa.ipc.open_stream(content))
    assert [batch.num_rows for batch in batches] == [BATCH_ROWS, BATCH_ROWS, MANY - 2 * BATCH_ROWS]


@pytest.fixture(scope="module")
def bytes_of() -> dict[tuple[str, str], set[bytes]]:
    """By question and format, all answers about the same data, stored in each way, and twice."""
    events = stats_oracle.random_events(random.Random(5), 300)
    found: dict[tuple[str, str], set[bytes]] = defaultdict(set)
    for state in (*STATES, *STATES):
        with lake_of(events, state) as api:
            for question, name in itertools.product(SAME, FORMATS):
                found[question, name].add(api.get(f"{question}&format={name}").content)
    return found


SAME = ("/v1/stats?group_by=flight_date,route", "/v1/stats?group_by=flight_date,route,hour", "/v1/flights?limit=1000")


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_data_gives_the_same_bytes_however_it_is_stored(
    name: str, bytes_of: dict[tuple[str, str], set[bytes]]
) -> None:
    """Also in the places of nulls, of which Arrow writes whatever is in memory."""
    assert [len(bytes_of[question, name]) for question in SAME] == [1, 1, 1]
    assert len(set.union(*(bytes_of[question, name] for question in SAME))) == 3


@pytest.mark.parametrize("name", FORMATS)
def test_how_the_database_cut_a_table_does_not_show(name: str) -> None:
    format = next(one for one in TABLES if one.name == name)
    numbers = [None if n % 7 == 0 else n for n in range(2 * BATCH_ROWS + 1)]
    table = pa.table({"number": numbers, "text": [None if n is None else f"é{n % 3}" for n in numbers]})
    cut = pa.concat_tables([table.slice(0, 3), table.slice(3, 1), table.slice(4)])
    assert b"".join(encoded(cut, format, {"truncated": False})) == b"".join(
        encoded(table, format, {"truncated": False})
    )


def schemas(api: Api, url: str) -> list[pa.Schema]:
    arrow = pa.ipc.open_stream(api.get(f"{url}&format=arrow").content).schema
    parquet = pq.read_schema(io.BytesIO(api.get(f"{url}&format=parquet").content))
    return [arrow, parquet]


@pytest.mark.parametrize("rows", [0, 1])
def test_columns_have_the_types_of_the_contract_also_without_rows(rows: int) -> None:
    groups = "carrier,origin,destination,route,status,flight_date,month,weekday,hour"
    other = {"flight_date": pa.date32(), "weekday": pa.int64(), "hour": pa.int64()}
    with lake_of([event()] * rows) as api:
        for schema in schemas(api, f"/v1/stats?group_by={groups}"):
            for field in schema:
                if field.name in groups.split(","):
                    assert field.type == other.get(field.name, pa.string()), field
                else:
                    is_double = field.name.endswith(("_rate", "_mean"))
                    assert field.type == (pa.float64() if is_double else pa.int64()), field
        for schema in schemas(api, "/v1/flights?limit=5"):
            types = {field.name: field.type for field in schema}
            assert {types[name] for name in TIMES} == {pa.timestamp("us", tz="UTC")}
            assert types["flight_date"] == pa.date32()
            integers = [name for name, kind in types.items() if kind == pa.int64()]
            assert integers == [
                *("flight_number", "scheduled_departure_hour", "departure_delay_minutes", "arrival_delay_minutes"),
                *("air_time_minutes", "distance_km"),
            ]
            others = types.keys() - {*TIMES, *integers, "flight_date"}
            assert {types[name] for name in others} == {pa.string()}


@pytest.mark.parametrize("path", ["/v1/stats?group_by=carrier", "/v1/flights?limit=1"])
def test_no_rows_are_no_rows_in_every_format(path: str) -> None:
    with serving(MemoryStore()) as api:
        assert assert_same_in_all_formats(api, path) == []
        header = api.get(f"{path}&format=csv").text
        assert header.count("\r\n") == 1
        assert header.startswith(("carrier,flights,departed", "flight_id,flight_date,carrier"))
        assert api.get(f"{path}&format=ndjson").content == b""


def test_csv_tells_null_from_an_empty_text_and_quotes_what_has_to_be(tmp_path: Path) -> None:
    odd = ['a"b', "a,b", "a\nb", "a\r\nb", " a ", "é☃", "NULL", "", None]
    lake = LakeBuilder(MemoryStore())
    lake.land(*(event(flight_number=n + 1, tail_number=tail) for n, tail in enumerate(odd)))
    with serving(lake.store) as api:
        content = api.get("/v1/flights?format=csv").content
        rows = api.rows("/v1/flights")
    assert [row["tail_number"] for row in rows] == odd
    found = csv_with_nulls(content, tmp_path / "flights.csv")
    assert [row["tail_number"] for row in found] == odd
    assert {row["operational_suffix"] for row in found} == {""}
    assert {row["diverted_to"] for row in found} == {None}


def test_doubles_are_written_so_that_they_parse_back() -> None:
    """Thirds and sevenths: shortest texts of every length."""
    rows = [event(flight_number=n + 1, carrier=f"A{n % 7}", departure_delay_minutes=n * n) for n in range(99)]
    with lake_of(rows) as api:
        exact = [row["departure_delay_mean"] for row in api.rows("/v1/stats?group_by=carrier")]
        text = read("csv", api.get("/v1/stats?group_by=carrier&format=csv").content)
    assert [float(row["departure_delay_mean"]) for row in text] == exact
    assert any(len(row["departure_delay_mean"]) > 15 for row in text)


def test_times_are_moments_in_binary_formats_and_rfc_3339_in_the_others() -> None:
    moments = [datetime(2013, 1, 1, 5, 15, tzinfo=UTC), datetime(2013, 1, 1, 5, 15, 0, 250, UTC)]
    lake = LakeBuilder(MemoryStore())
    lake.land(*(event(flight_number=n + 1, actual_departure=moment) for n, moment in enumerate(moments)))
    texts = ["2013-01-01T05:15:00Z", "2013-01-01T05:15:00.000250Z"]
    with serving(lake.store) as api:
        for name in ("json", "ndjson", "csv"):
            rows = rows_of(api.get(f"/v1/flights?format={name}"), name)
            assert [row["actual_departure"] for row in rows] == texts
        table = pa.ipc.open_stream(api.get("/v1/flights?format=arrow").content).read_all()
    assert table["actual_departure"].to_pylist() == moments


def test_texts_that_a_spreadsheet_would_run_are_escaped_in_csv_where_asked() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(tail_number="=1+1", departure_delay_minutes=-5), event(flight_number=2, tail_number="N1"))
    with serving(lake.store) as api:
        plain, false, escaped = (
            api.get(f"/v1/flights?format=csv{switch}")
            for switch in ("", "&escape_formulas=false", "&escape_formulas=true")
        )
    assert b',"=1+1",' in plain.content
    assert escaped.content == plain.content.replace(b'"=1+1"', b'"\'=1+1"')
    assert b",-5," in escaped.content
    assert (false.content, false.headers["ETag"]) == (plain.content, plain.headers["ETag"])
    assert escaped.headers["ETag"] != plain.headers["ETag"]
    assert escaped.headers["Content-Disposition"] == plain.headers["Content-Disposition"]


@pytest.mark.parametrize("format", ["json", "ndjson", "arrow", "parquet"])
def test_the_switch_for_spreadsheets_is_refused_where_it_would_do_nothing(format: str) -> None:
    with serving(LakeBuilder(MemoryStore()).store) as api:
        for path in ("/v1/stats", "/v1/flights"):
            answer = api.get(f"{path}?escape_formulas=true&format={format}")
            assert (answer.status_code, answer.json()["parameter"]) == (422, "escape_formulas")
            assert api.get(f"{path}?escape_formulas=true", Accept="text/csv").status_code == 200
