"""The page about loading: its example of a reader works, and its tables name what there is."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ingest_writer.backfill.bulk_load import Loader
from ingest_writer.backfill.readers import detect
from ingest_writer.backfill.readers.bts import columns
from ingest_writer.backfill.readers.model import Format
from lakehouse.store.memory import MemoryStore
from tests._support.events.builders import ids
from tests._support.lakes.compactors import compactor, table_rows

PAGE = (Path(__file__).parents[3] / "docs" / "loading.md").read_text()
LEG = {
    "flight": "UA1545",
    "from": "EWR",
    "to": "IAH",
    "std": "2013-07-01T05:15:00",
    "tz": "America/New_York",
    "state": "A",
    "updated": "2013-07-01T12:00:00Z",
}


def _example() -> Format:
    [source] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, "docs/loading.md", "exec"), names)
    found = names["ACME"]
    assert isinstance(found, Format)
    return found


def test_the_reader_of_the_page_loads_the_vendors_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "FORMATS", (_example(), *detect.FORMATS))
    path = tmp_path / "legs.json"
    path.write_text(json.dumps([LEG, LEG | {"tz": "Nowhere/City"}, {"flight": "x"}, 5]))
    store = MemoryStore()
    report = Loader(store, compactor(store, tmp_path), ids(), tmp_path).load([path], dt.datetime.now(dt.UTC))
    assert (report.rows, report.rejected) == (1, 3)
    [flight] = table_rows(store)
    assert (flight["carrier"], flight["flight_number"], flight["scheduled_departure_hour"]) == ("UA", 1545, 5)
    assert flight["scheduled_departure"] == dt.datetime(2013, 7, 1, 9, 15, tzinfo=dt.UTC)


def test_the_file_of_the_page_loads_whole(tmp_path: Path) -> None:
    [text] = re.findall(r"^cat > two\.csv <<EOF\n(.*?)^EOF$", PAGE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "two.csv"
    path.write_text(text)
    store = MemoryStore()
    report = Loader(store, compactor(store, tmp_path), ids(), tmp_path).load([path], dt.datetime.now(dt.UTC))
    assert (report.rows, report.rejected) == (2, 0)
    assert [flight["scheduled_departure_hour"] for flight in table_rows(store)] == [5, 5]


def test_every_format_has_its_row() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(each.name for each in detect.FORMATS)


def test_every_column_of_the_dot_that_is_used_has_its_row() -> None:
    table = "\n".join(re.findall(r"^\| `.*$", PAGE, re.MULTILINE))
    named = set(re.findall(r"`(\w+)`", table)) | set(columns.LANDINGS[1:-1])  # "Div1Airport to Div5Airport"
    assert set(columns.USED) <= named
