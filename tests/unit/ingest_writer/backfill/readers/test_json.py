"""JSON that is no NDJSON: arrays, answers of the API and objects over several lines, read value by value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest_writer.backfill.readers.model import FileRow, ReadError
from tests._support.events.builders import event
from tests._support.files.written import file_of, numbers, rows_of

EVENTS = [event(flight_number=number) for number in range(1, 6)]


@pytest.mark.parametrize("name", ["a.json", "a.ndjson", "a"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("pattern", ["%s", ' {"data": %s, "truncated": false, "next_cursor": null}\n'])
def test_an_array_of_events_or_an_answer_of_the_api_is_read(
    name: str, indent: int | None, pattern: str, tmp_path: Path
) -> None:
    file = file_of(tmp_path / name, pattern % json.dumps(EVENTS, indent=indent))
    assert numbers(rows_of(file)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("separator", ["\n", "", " "])
def test_objects_over_several_lines_are_read_one_after_the_other(separator: str, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.json", separator.join(json.dumps(each, indent=1) for each in EVENTS))
    assert numbers(rows_of(file)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["a.json", "a"])
def test_objects_on_one_line_are_read_one_after_the_other(name: str, tmp_path: Path) -> None:
    assert numbers(rows_of(file_of(tmp_path / name, "".join(map(json.dumps, EVENTS))))) == [1, 2, 3, 4, 5]


def test_rows_have_the_line_on_which_they_begin_and_their_bytes(tmp_path: Path) -> None:
    rows = rows_of(file_of(tmp_path / "a.json", "\n[\n" + ",\n".join(map(json.dumps, EVENTS)) + "\n]\n"))
    assert [(row.number, row.line) for row in rows] == [(0, 3), (1, 4), (2, 5), (3, 6), (4, 7)]
    assert isinstance(rows[1], FileRow)
    assert rows[1].raw == json.dumps(EVENTS[1]).encode()


def test_values_that_are_no_object_are_refused_one_by_one(tmp_path: Path) -> None:
    data = f'[5, null, {json.dumps(EVENTS[0])}, [1], {{"a": 1, "a": 2}}, {{"a": NaN}}]'
    assert numbers(rows_of(file_of(tmp_path / "a.json", data))) == [
        "a JSON int, not an object",
        "a JSON NoneType, not an object",
        1,
        "a JSON list, not an object",
        "duplicate keys: a",
        "not JSON: NaN is not a JSON value",
    ]


@pytest.mark.parametrize("data", ["[]", '{"data": []}', "  [ ]  "])
def test_an_array_without_events_has_no_rows(data: str, tmp_path: Path) -> None:
    assert rows_of(file_of(tmp_path / "a.json", data)) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("[{}", "a comma is missing, or the file is cut short"),
        ('[{"a": 1},\n{"a"', "line 2: not JSON"),
        ("[{} {}]", "a comma is missing"),
        ("[{},]", "not JSON"),
        ("[{}] {}", "something follows the array"),
        ("[[" * 100_000, "line 1: not JSON: nested too deep$"),
        ('{"data": [{}]', "the object that holds the events is not closed"),
        ('{"data": [{}], "next" 5}', "the object that holds the events is not closed"),
        ('[{"a": "' + "x" * 3000, "more than .*LOAD_ROW_MAX_MB limits"),
    ],
)
def test_a_file_that_is_no_json_is_refused_at_its_line(data: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=message):
        rows_of(file_of(tmp_path / "a.json", data), row_max_bytes=2000)


def test_a_file_larger_than_what_is_read_at_once_is_read_whole(tmp_path: Path) -> None:
    many = [event(flight_number=1 + number % 9999) for number in range(5000)]
    rows = rows_of(file_of(tmp_path / "a.json", json.dumps(many)))
    assert numbers(rows) == [each["flight_number"] for each in many]
