"""`python -m lakehouse sql` over gs:// reads what its query needs, and once. Counted between it and Cloud Storage."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.storage_traffic import Traffic, counted
from lakehouse import object_names
from lakehouse.store.gcs import GcsStore
from lakehouse.table.snapshot import MonthFile
from local_cloud.emulators.gcs import GcsServer
from tests._support.lakes.rows import commit, land, put_month, row

_ONE_DAY = "SELECT count(*) AS flights FROM flights WHERE flight_date = '2013-06-15'"


@pytest.fixture(scope="module")
def traffic() -> Iterator[Traffic]:
    with (
        GcsServer(buckets=("lake",)) as server,
        counted(server.url) as traffic,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("STORAGE_EMULATOR_HOST", server.url)
        _build(GcsStore("lake"))
        patch.setenv("STORAGE_EMULATOR_HOST", traffic.url)
        yield traffic


def _build(store: GcsStore) -> None:
    """Six months, an absorbed file of each, and a tail on two days."""
    entries: list[MonthFile] = []
    absorbed = []
    for month in range(1, 7):
        rows = [row(f"2013-{month:02}-{day:02}", number) for day in (1, 15) for number in range(1, 50)]
        entries.append(put_month(store, rows, 1))
        absorbed.append(land(store, rows[:49]))
    commit(store, 1, entries, absorbed)
    for day in ("2013-06-15", "2013-06-16"):
        land(store, [row(day, 100)])


def _sql(traffic: Traffic, cache: Path, *arguments: str) -> tuple[str, str]:
    """What it prints; `traffic` is of this call alone."""
    traffic.forget()
    done = subprocess.run(
        [sys.executable, "-m", "lakehouse", "sql", "--lake", "gs://lake", *arguments],
        env={**os.environ, "FLIGHTS_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return done.stdout, done.stderr


def test_one_day_reads_its_month_and_its_tail_and_the_second_call_only_listings(
    traffic: Traffic, tmp_path: Path
) -> None:
    out, err = _sql(traffic, tmp_path, _ONE_DAY)
    assert out.split()[2] == "50"
    assert err.startswith("lakehouse: reads 1 of 6 months and 1 landed file, ")
    assert err.endswith("; --from/--to narrow it\n")
    assert (traffic.objects_of(object_names.FLIGHTS), traffic.objects_of(object_names.LANDING)) == (1, 1)
    first = traffic.bytes
    again, _ = _sql(traffic, tmp_path, _ONE_DAY)
    assert again == out
    assert (traffic.objects, traffic.listings) == ([], 3)  # is there such a bucket; landing; snapshots
    assert traffic.bytes < first


def test_named_dates_read_the_same_whatever_the_query_says(traffic: Traffic, tmp_path: Path) -> None:
    out, err = _sql(traffic, tmp_path, "SELECT count(*) FROM flights", "--from", "2013-06-15", "--to", "2013-06-15")
    assert out.split()[2] == "50"
    assert "narrow it" not in err
    assert (traffic.objects_of(object_names.FLIGHTS), traffic.objects_of(object_names.LANDING)) == (1, 1)


def test_without_dates_all_months_are_read_and_no_absorbed_file(traffic: Traffic, tmp_path: Path) -> None:
    out, err = _sql(traffic, tmp_path, "SELECT count(*) FROM flights")
    assert out.split()[2] == str(6 * 98 + 2)
    assert err.startswith("lakehouse: reads 6 of 6 months and 2 landed files, ")
    assert (traffic.objects_of(object_names.FLIGHTS), traffic.objects_of(object_names.LANDING)) == (6, 2)


def test_absorbed_files_are_read_for_the_view_landing(traffic: Traffic, tmp_path: Path) -> None:
    out, _ = _sql(traffic, tmp_path, "SELECT count(*) FROM landing")
    assert out.split()[2] == str(6 * 49 + 2)
    assert traffic.objects_of(object_names.LANDING) == 8


def test_a_query_without_flights_reads_none(traffic: Traffic, tmp_path: Path) -> None:
    out, err = _sql(traffic, tmp_path, "SELECT name FROM carriers WHERE code = 'UA'", "--format", "csv")
    assert (out, err) == ('"name"\n"United Air Lines Inc."\n', "")
    assert traffic.objects_of(object_names.FLIGHTS) == traffic.objects_of(object_names.LANDING) == 0
