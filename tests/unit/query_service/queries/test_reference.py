"""Names and places: tables of their own, and columns after the codes of other answers."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from lakehouse.client.connection import connect_store
from lakehouse.errors import StoreUnavailableError
from lakehouse.store.memory import MemoryStore
from lakehouse.table.planner import utc_now
from query_service.queries import conditional_get
from query_service.queries.reference import NAMES, reference_table
from tests._support.api.in_process import serving
from tests._support.api.query_counter import Counter
from tests._support.api.readers import FORMATS, csv_with_nulls, parsed, read, rows_of
from tests._support.lakes.builder import event
from tests._support.lakes.stores import WatchedStore
from tests._support.lakes.two_months import raising
from tests._support.oracles.names_oracle import airport_lines, carrier_names, named
from tests._support.oracles.random_stats import lake_of

FLIGHT = "/v1/flights/2013-01-01-UA-1545-EWR"
UNKNOWN = "0AK"


def flights() -> list[dict[str, Any]]:
    return [
        event(),
        event(carrier="X0", flight_number=1, origin=UNKNOWN, destination="KLAX"),
        event(carrier="B6", flight_number=2, origin="JFK", destination="SJU", status="diverted", diverted_to="BQN"),
        event(carrier="B6", flight_number=3, status="diverted", diverted_to=UNKNOWN),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "/v1/stats?group_by=carrier",
        "/v1/stats?group_by=route,origin,month,destination&order_by=-flights",
        "/v1/flights?order_by=-flight_id",
        "/v1/flights?columns=destination,status,carrier&limit=2",
        "/v1/flights?columns=diverted_to",
        f"{FLIGHT}/events?snapshot=1",
    ],
)
@pytest.mark.parametrize("name", FORMATS)
def test_names_follow_their_codes_in_every_format(url: str, name: str) -> None:
    with lake_of(flights()) as api:
        plain, answer = api.rows(url), api.get(f"{url}&names=true&format={name}")
        assert answer.status_code == 200, answer.text
        wanted = [named(row) for row in plain]
        found = rows_of(answer, name)
        assert (parsed(found, wanted) if name == "csv" else found) == wanted
        assert list(read(name, answer.content)[0]) == list(wanted[0])


@pytest.mark.parametrize("url", ["/v1/stats?group_by=carrier", "/v1/flights?limit=2", FLIGHT, f"{FLIGHT}/events"])
def test_an_answer_of_a_snapshot_is_kept_forever_only_without_names(url: str) -> None:
    with lake_of(flights()) as api:
        of_snapshot = f"{url}{'&' if '?' in url else '?'}snapshot=1"
        for names, lasts in (("false", True), ("true", False)):  # a release may bring other names
            answer = api.get(f"{of_snapshot}&names={names}")
            assert answer.status_code == 200, answer.text
            again = api.get(f"{of_snapshot}&names={names}", **{"If-None-Match": answer.headers["ETag"]})
            assert again.status_code == 304
            assert {("immutable" in each.headers["Cache-Control"]) for each in (answer, again)} == {lasts}


def test_all_who_wait_for_a_table_get_the_one_that_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    whole = conditional_get._whole

    def counted(*given: Any) -> Any:
        made.append(given)
        return whole(*given)

    monkeypatch.setattr(conditional_get, "_whole", counted)
    with serving(MemoryStore()) as api:

        async def together() -> list[httpx.Response]:
            return await asyncio.gather(*(api.client.get("/v1/airports") for _ in range(8)))

        answers = api.run(together())
    assert {answer.status_code for answer in answers} == {200}
    assert len(made) == 1


def test_one_flight_has_names_too_and_where_it_came_from() -> None:
    with lake_of(flights()) as api:
        plain, with_names = api.json(FLIGHT)["data"], api.json(f"{FLIGHT}?names=true")["data"]
    assert list(with_names.items()) == list(named(plain).items())
    assert (with_names["carrier_name"], with_names["destination_city"]) == ("United Air Lines Inc.", "Houston")


def test_where_a_diverted_flight_landed_has_a_name() -> None:
    with lake_of(flights()) as api:
        rows = api.rows("/v1/flights?names=true&columns=diverted_to")
    found = {row["diverted_to"]: (row["diverted_to_name"], row["diverted_to_city"]) for row in rows}
    assert found == {"BQN": ("Rafael Hernandez Airport", "Aguadilla"), UNKNOWN: (None, None), None: (None, None)}


def test_a_code_that_no_table_knows_has_null_next_to_it() -> None:
    with lake_of(flights()) as api:
        (row,) = api.rows("/v1/stats?names=true&group_by=carrier,route&carrier=X0")
    assert {name: row[name] for name in (*NAMES["carrier"], *NAMES["route"])} == dict.fromkeys(
        (*NAMES["carrier"], *NAMES["route"])
    )
    assert row["route"] == f"{UNKNOWN}-KLAX"


def test_names_have_a_tag_of_their_own_and_pages_that_go_on_with_them() -> None:
    with lake_of(flights()) as api:
        tags = [api.get(f"/v1/stats?group_by=carrier{names}").headers["ETag"] for names in ("", "&names=false")]
        other = api.get("/v1/stats?group_by=carrier&names=true").headers["ETag"]
        assert tags[0] == tags[1] != other
        page = api.get("/v1/flights?names=true&limit=1")
        assert "carrier_name" in api.rows(page.links["next"]["url"])[0]


@pytest.mark.parametrize("url", ["/v1/stats?names=true", "/v1/stats?names=true&group_by=month,status"])
def test_names_of_nothing_are_refused(url: str) -> None:
    with lake_of(flights()) as api:
        problem = api.get(url).json()
        assert (problem["status"], problem["parameter"]) == (422, "names")
        assert (
            problem["expected"]
            == "a column of codes beside it: group_by with one of carrier, origin, destination, route"
        )
        problem = api.get("/v1/flights?names=true&columns=flight_id").json()
        expected = "a column of codes beside it: columns with one of carrier, origin, destination, diverted_to"
        assert problem["expected"] == expected


@pytest.mark.parametrize("name", FORMATS)
def test_airports_and_carriers_are_whole_in_every_format(name: str, tmp_path: Path) -> None:
    with serving(MemoryStore()) as api:
        for table, codes in (("airports", airport_lines()), ("carriers", carrier_names())):
            answer = api.get(f"/v1/{table}?format={name}")
            assert answer.headers["Content-Disposition"].endswith(f'filename="{table}.{name}"')
            rows = csv_with_nulls(answer.content, tmp_path / "a.csv") if name == "csv" else read(name, answer.content)
            assert [row["code"] for row in rows] == sorted(codes)


def test_airports_have_the_values_of_the_package() -> None:
    with serving(MemoryStore()) as api:
        body = api.json("/v1/airports")
        by_code = {row["code"]: row for row in body["data"]}
    assert body["truncated"] is False
    for code, line in airport_lines().items():
        texts = {
            name: line[column] or None for name, column in (("city", "city"), ("region", "subd"), ("name", "name"))
        }
        place = {"latitude": float(line["lat"]), "longitude": float(line["lon"]), "time_zone": line["tz"] or None}
        wanted = {"code": code, "icao": line["icao"] or None, "country": line["country"], **texts, **place}
        assert by_code[code] == wanted


def test_the_tables_are_those_of_an_analysts_connection(tmp_path: Path) -> None:
    """But for texts that are empty there, and null here as in other answers."""
    with connect_store(MemoryStore(), utc_now, tmp_path, None) as connection:
        for table in ("airports", "carriers"):
            found = connection.sql(f"SELECT * FROM {table} ORDER BY code").to_arrow_table()
            rows = [{name: value or None for name, value in row.items()} for row in found.to_pylist()]
            assert rows == reference_table(table).to_pylist()
            assert found.schema.names == reference_table(table).schema.names


def test_a_reference_is_asked_for_again_by_its_tag(queries: Counter) -> None:
    with serving(MemoryStore()) as api:
        for url in ("/v1/airports", "/v1/carriers?format=csv"):
            first = api.get(url)
            again = api.get(url, **{"if-none-match": first.headers["ETag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert api.get(url).content == first.content
            assert "Lake-Snapshot" not in first.headers
            assert api.get(url, **{"if-match": '"other"'}).status_code == 412
            part = api.get(url, range="bytes=0-9", **{"accept-encoding": "identity"})
            assert (part.status_code, part.content) == (206, first.content[:10])
        tags = [api.get(f"/v1/{table}").headers["ETag"] for table in ("airports", "carriers")]
    assert len({*tags}) == 2
    assert queries.count == 0


def test_references_are_answered_when_the_store_is_not_there() -> None:
    store = WatchedStore()
    store.on_list = raising(StoreUnavailableError("no store"))
    with serving(store) as api:
        assert api.get("/v1/stats").status_code == 503
        assert api.get("/v1/carriers").status_code == 200


def test_other_parameters_of_a_reference_are_refused() -> None:
    with serving(MemoryStore()) as api:
        problem = api.get("/v1/airports?code=EWR").json()
        assert (problem["status"], problem["parameter"]) == (422, "code")
        escaped = api.get("/v1/carriers?format=csv&escape_formulas=true")
        assert next(csv.reader(io.StringIO(escaped.text))) == ["code", "name"]


def test_a_table_without_rows_gets_the_columns_of_names() -> None:
    with serving(MemoryStore()) as api:
        answer = api.get("/v1/flights?names=true&format=arrow&carrier=UA")
        columns = pa.ipc.open_stream(answer.content).schema
    assert columns.field("carrier_name").type == pa.string()
    assert columns.names[columns.names.index("origin") + 1] == "origin_name"
