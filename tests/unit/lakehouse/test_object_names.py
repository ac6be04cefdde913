"""Object names as literal strings: a change of the layout shows up here."""

from __future__ import annotations

import datetime as dt

import pytest

from lakehouse import object_names

_ID = "0123456789abcdef0123456789abcdef"
_DAY = dt.date(2026, 11, 4)


def test_a_name_is_ours_when_the_layout_knows_it() -> None:
    assert object_names.is_ours("flights/_delta_log/00000000000000000042.json")
    assert object_names.is_ours("flights/_delta_log/_last_checkpoint")
    assert object_names.is_ours("iceberg/metadata/version-hint.text")
    assert object_names.is_ours("iceberg/metadata/snap-42.avro")
    assert object_names.is_ours("snapshots/00000000000000000042.json")
    assert not object_names.is_ours("snapshots/42.json")
    assert not object_names.is_ours("README")


def test_every_name_is_spelled_as_the_contract_says() -> None:
    assert object_names.landed_file(_DAY, _ID) == f"landing/flight_date=2026-11-04/{_ID}.parquet"
    assert object_names.rejected_file(_DAY, _ID) == f"rejected/date=2026-11-04/{_ID}.parquet"
    assert object_names.month_file("2026-11", 41, _ID) == f"flights/flight_month=2026-11/41-{_ID}.parquet"
    assert object_names.snapshot(42) == "snapshots/00000000000000000042.json"
    assert object_names.month_of(dt.date(1980, 1, 31)) == "1980-01"
    assert (object_names.LANDING, object_names.FLIGHTS, object_names.SNAPSHOTS) == (
        "landing/",
        "flights/",
        "snapshots/",
    )
    assert object_names.REJECTED == "rejected/"


def test_every_name_of_the_outside_tables_is_spelled_as_their_formats_say() -> None:
    assert object_names.delta_commit(42) == "flights/_delta_log/00000000000000000042.json"
    assert object_names.delta_checkpoint(42) == "flights/_delta_log/00000000000000000042.checkpoint.parquet"
    assert object_names.DELTA_HINT == "flights/_delta_log/_last_checkpoint"
    assert object_names.iceberg_table(42) == "iceberg/metadata/v42.metadata.json"
    assert object_names.iceberg_manifest_list(42) == "iceberg/metadata/snap-42.avro"
    assert object_names.iceberg_manifest(42) == "iceberg/metadata/42-m0.avro"
    assert object_names.ICEBERG_HINT == "iceberg/metadata/version-hint.text"
    assert object_names.DERIVED == ("flights/_delta_log/", "iceberg/")


def test_names_of_the_outside_tables_are_read_back() -> None:
    for number in (0, 1, 42):
        assert object_names.parse_delta_commit(object_names.delta_commit(number)) == number
        assert object_names.parse_delta_checkpoint(object_names.delta_checkpoint(number)) == number
        assert object_names.parse_iceberg_table(object_names.iceberg_table(number)) == number
        for name in (
            object_names.iceberg_table(number),
            object_names.iceberg_manifest_list(number),
            object_names.iceberg_manifest(number),
        ):
            assert object_names.parse_iceberg(name) == number


@pytest.mark.parametrize(
    "name",
    [
        "flights/_delta_log/42.json",
        "flights/_delta_log/00000000000000000042.crc",
        "iceberg/_delta_log/00000000000000000042.json",
        "iceberg/metadata/v042.metadata.json",
        "iceberg/metadata/v42.json",
        "iceberg/metadata/42-m1.avro",
        "iceberg/metadata/snap-x.avro",
        "iceberg/data/v42.metadata.json",
    ],
)
def test_a_name_that_is_of_no_outside_table_is_none(name: str) -> None:
    assert object_names.parse_delta_commit(name) is None
    assert object_names.parse_delta_checkpoint(name) is None
    assert object_names.parse_iceberg(name) is None
    assert not object_names.is_ours(name)


def test_names_are_read_back() -> None:
    assert object_names.parse_landed_file(f"landing/flight_date=2026-11-04/{_ID}.parquet") == _DAY
    assert object_names.parse_rejected_file(f"rejected/date=2026-11-04/{_ID}.parquet") == _DAY
    assert object_names.parse_month_file(f"flights/flight_month=2026-11/0-{_ID}.parquet") == object_names.MonthFileName(
        "2026-11", 0
    )
    assert object_names.parse_month_file(
        f"flights/flight_month=2026-11/41-{_ID}.parquet"
    ) == object_names.MonthFileName("2026-11", 41)
    assert object_names.parse_snapshot("snapshots/00000000000000000042.json") == 42
    assert object_names.parse_snapshot("snapshots/99999999999999999999.json") == 10**20 - 1


def test_snapshot_names_sort_like_their_numbers() -> None:
    numbers = [1, 2, 9, 10, 99, 100, 10**19]
    assert sorted(map(object_names.snapshot, numbers)) == [object_names.snapshot(number) for number in numbers]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "landing/",
        f"landing/flight_date=2026-11-04/{_ID.upper()}.parquet",
        f"landing/flight_date=2026-11-04/{_ID[:-1]}.parquet",
        f"landing/flight_date=2026-11-04/{_ID}0.parquet",
        f"landing/flight_date=2013-02-30/{_ID}.parquet",
        f"landing/flight_date=0000-01-01/{_ID}.parquet",
        f"landing/flight_date=2026-11-4/{_ID}.parquet",
        f"landing/flight_date=20261104/{_ID}.parquet",
        f"landing/flight_date=２０２６-11-04/{_ID}.parquet",
        f"landing/flight_date=2026-11-04/{_ID}.parquet\n",
        f"landing/flight_date=2026-11-04/{_ID}.parquet.tmp",
        f"landing/flight_date=2026-11-04/x/{_ID}.parquet",
        f"landing/date=2026-11-04/{_ID}.parquet",
        f"/landing/flight_date=2026-11-04/{_ID}.parquet",
        f"rejected/date=2026-11-04/{_ID}.parquet",
    ],
)
def test_a_name_that_is_not_of_a_landed_file_is_none(name: str) -> None:
    assert object_names.parse_landed_file(name) is None


@pytest.mark.parametrize(
    "name",
    [
        f"rejected/flight_date=2026-11-04/{_ID}.parquet",
        f"rejected/date=2026-13-04/{_ID}.parquet",
        f"rejected/date=2026-11-04/{_ID}.PARQUET",
        f"landing/flight_date=2026-11-04/{_ID}.parquet",
    ],
)
def test_a_name_that_is_not_of_a_rejected_file_is_none(name: str) -> None:
    assert object_names.parse_rejected_file(name) is None


@pytest.mark.parametrize(
    "name",
    [
        f"flights/flight_month=2026-11/{_ID}.parquet",
        f"flights/flight_month=2026-11/-{_ID}.parquet",
        f"flights/flight_month=2026-11/-1-{_ID}.parquet",
        f"flights/flight_month=2026-11/01-{_ID}.parquet",
        f"flights/flight_month=2026-11/1-{_ID.upper()}.parquet",
        f"flights/flight_month=2026-11/１-{_ID}.parquet",
        f"flights/flight_month=2026-1/1-{_ID}.parquet",
        f"flights/flight_month=2026-00/1-{_ID}.parquet",
        f"flights/flight_month=2026-13/1-{_ID}.parquet",
        f"flights/flight_month=0000-01/1-{_ID}.parquet",
        f"flights/flight_month=2026-11-04/1-{_ID}.parquet",
    ],
)
def test_a_name_that_is_not_of_a_month_file_is_none(name: str) -> None:
    assert object_names.parse_month_file(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "snapshots/42.json",
        "snapshots/0000000000000000042.json",
        "snapshots/000000000000000000042.json",
        "snapshots/00000000000000000000.json",
        "snapshots/0000000000000000004x.json",
        "snapshots/00000000000000000042.json.tmp",
        "snapshots/00000000000000000042",
        "snapshots/-0000000000000000042.json",
    ],
)
def test_a_name_that_is_not_of_a_snapshot_is_none(name: str) -> None:
    assert object_names.parse_snapshot(name) is None
