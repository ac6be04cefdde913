"""CSV: quotes that are not closed refuse the file, rows of another width are refused one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_writer.backfill.readers.csv import CsvFile, integer_cell
from ingest_writer.backfill.readers.model import FileRow, ReadError, ReadOptions, RefusedRow
from tests._support.files.written import HEADER, file_of, flight_line, numbers, rows_of


def lines(*texts: str, end: str = "\n") -> str:
    return end.join([HEADER, *texts]) + end


# -- quotes ----------------------------------------------------------------------------------------------------


def test_a_quote_that_is_never_closed_refuses_the_file_at_its_line(tmp_path: Path) -> None:
    data = lines(flight_line(1), flight_line(2, '"belt jammed'), flight_line(3), flight_line(4))
    with pytest.raises(ReadError, match=r"a.csv, line 3: a quote that opens here is not closed") as caught:
        rows_of(file_of(tmp_path / "a.csv", data))
    assert caught.value.line == 3


@pytest.mark.parametrize("end", ["", '"'], ids=["open", "closed"])
def test_a_quote_that_swallows_a_row_that_is_cut_short_refuses_the_file(end: str, tmp_path: Path) -> None:
    data = lines(flight_line(1), flight_line(2, '"belt jammed'), "2013-07-02,UA" + end)
    with pytest.raises(ReadError, match="line 3"):
        rows_of(file_of(tmp_path / "a.csv", data))


def test_rows_that_quotes_join_to_one_of_another_width_refuse_the_file(tmp_path: Path) -> None:
    first, second = flight_line(2).split(","), flight_line(3).split(",")
    first[7] = '"' + first[7]  # the last cell but one opens, the next row's first one closes
    second[0] += '"'
    data = lines(flight_line(1), ",".join(first), ",".join(second))
    with pytest.raises(ReadError, match=r"line 3: .*a row over several lines has 16 cells, the header 9"):
        rows_of(file_of(tmp_path / "a.csv", data))


def test_two_rows_that_quotes_join_in_several_cells_refuse_the_file(tmp_path: Path) -> None:
    header = "origin,status,event_time,scheduled_departure,remarks,flight_number,flight_date,carrier,destination"
    first = 'EWR,arrived,2013-07-01T12:00:00Z,2013-07-01T05:15:00-04:00,ok,",2013-07-01,UA,IAH'
    second = 'EWR,",2013-07-01T12:00:00Z,2013-07-01T05:15:00-04:00,",3,2013-07-01,UA,"'
    with pytest.raises(ReadError, match=r"line 2: .*holds what looks like rows of the file"):
        rows_of(file_of(tmp_path / "a.csv", f"{header}\n{first}\n{second}\n"))


@pytest.mark.parametrize("escape", ["double", "backslash"])
def test_what_follows_a_closing_quote_is_no_more_of_its_cell(escape: str, tmp_path: Path) -> None:
    cut, *rows = (f'"2013-07-0{number}"{flight_line(number)[10:]}' for number in range(1, 4))
    with pytest.raises(ReadError, match="line 2"):  # the cut row's quote is closed by the next row's first
        rows_of(file_of(tmp_path / "a.csv", lines(cut[:5], *rows)), csv_escape=escape)


@pytest.mark.parametrize("last", [900, 12, 11], ids=["far", "one between", "next"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_two_stray_quotes_refuse_the_file_at_the_first(last: int, end: str, tmp_path: Path) -> None:
    remarks = {10: '"stand 5', last: 'gate 7"'}
    data = lines(*(flight_line(number, remarks.get(number, "ok")) for number in range(1, 1001)), end=end)
    with pytest.raises(ReadError, match=r"a.csv, line 11: .*holds what looks like rows of the file"):
        rows_of(file_of(tmp_path / "a.csv", data))


@pytest.mark.parametrize("column", range(9))
@pytest.mark.parametrize("between", [0, 1, 5])
def test_two_stray_quotes_are_found_in_whichever_column_they_are(column: int, between: int, tmp_path: Path) -> None:
    rows = [flight_line(number).split(",") for number in range(20)]
    rows[5][column] = '"' + rows[5][column]
    rows[6 + between][column] += '"'
    with pytest.raises(ReadError, match="line 7"):
        rows_of(file_of(tmp_path / "a.csv", lines(*map(",".join, rows))))


def test_a_backslash_before_a_quote_refuses_the_file_and_says_which_option(tmp_path: Path) -> None:
    data = lines(flight_line(1), flight_line(2, r'"wheel 12\""'), flight_line(3), flight_line(4, r'"wheel 14\""'))
    file = file_of(tmp_path / "a.csv", data)
    with pytest.raises(ReadError, match=r"line 3: .*give --csv-escape backslash"):
        rows_of(file)
    assert numbers(rows_of(file, csv_escape="backslash")) == [1, 2, 3, 4]


def test_doubled_quotes_line_breaks_and_delimiters_within_quotes_are_a_cell(tmp_path: Path) -> None:
    remarks = '"said ""late"", and\nthen, ""fine"""'
    data = lines(flight_line(1, remarks), flight_line(2, '""'), flight_line(3))
    table = CsvFile(file_of(tmp_path / "a.csv", data), ReadOptions())
    rows = list(table.rows())
    assert [(row.number, row.line) for row in rows] == [(0, 2), (1, 4), (2, 5)]
    assert not isinstance(rows[0], RefusedRow)
    assert rows[0].cells[-1] == 'said "late", and\nthen, "fine"'


def test_a_long_text_of_several_lines_is_no_row(tmp_path: Path) -> None:
    prose = '"late, since the crew,\nwho came from Newark, waited, and then, after all,\ndid, not, go"'
    assert numbers(rows_of(file_of(tmp_path / "a.csv", lines(flight_line(1, prose), flight_line(2))))) == [1, 2]


# -- rows ------------------------------------------------------------------------------------------------------


def test_a_row_of_another_width_is_refused_with_its_bytes_and_line(tmp_path: Path) -> None:
    short = flight_line(2).rpartition(",")[0]
    data = lines(flight_line(1), short, flight_line(3) + ",more", "", "   ", flight_line(4))
    rows = rows_of(file_of(tmp_path / "a.csv", data))
    assert numbers(rows) == [
        1,
        "the row has fewer cells than the header: 8, not 9",
        "the row has more cells than the header: 10, not 9",
        "the row has fewer cells than the header: 1, not 9",
        4,
    ]
    assert [row.line for row in rows] == [2, 3, 4, 6, 7]
    assert isinstance(rows[1], RefusedRow)
    assert rows[1].raw == short.encode()


def test_a_last_line_that_is_cut_is_refused(tmp_path: Path) -> None:
    data = lines(flight_line(1)) + flight_line(2)[:50]
    assert numbers(rows_of(file_of(tmp_path / "a.csv", data)))[1:] == [
        "the row has fewer cells than the header: 7, not 9"
    ]


def test_nul_bytes_and_what_is_no_utf8_refuse_their_row(tmp_path: Path) -> None:
    data = lines(flight_line(1, "a\0b"), flight_line(2, "caf?"), flight_line(3)).encode().replace(b"?", b"\xe9")
    file = file_of(tmp_path / "a.csv", data)
    assert numbers(rows_of(file)) == [
        r"the row has a NUL byte: remarks is 'a\x00b'",
        r"not UTF-8: remarks is b'caf\xe9'; give --encoding if the file has another, such as windows-1252",
        3,
    ]
    assert numbers(rows_of(file, encoding="cp1252"))[1:] == [2, 3]


def test_a_row_that_is_larger_than_a_row_may_be_refuses_the_file(tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.csv", lines(flight_line(1), flight_line(2, "x" * 1000)))
    with pytest.raises(ReadError, match=r"line 3: has a line of more than .*LOAD_ROW_MAX_MB"):
        rows_of(file, row_max_bytes=500)
    file = file_of(tmp_path / "b.csv", lines(flight_line(1), flight_line(2, '"' + "x\n" * 400 + '"')))
    with pytest.raises(ReadError, match=r"line 3: .*LOAD_ROW_MAX_MB"):
        rows_of(file, row_max_bytes=500)


def test_only_the_fields_of_an_event_have_values_and_empty_cells_are_unknown(tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.csv", "tail_number,distance_km,unlisted," + HEADER + "\n,,7," + flight_line(1) + "\n")
    [row] = rows_of(file)
    assert isinstance(row, FileRow)
    assert row.values == dict(zip(HEADER.split(",")[:-1], flight_line(1).split(",")[:-1], strict=True)) | {
        "flight_number": 1
    }


@pytest.mark.parametrize(
    ("cell", "value"),
    [("5", 5), ("-5", -5), ("5.0", 5), ("5.00", 5), ("0", 0), ("NaN", None), ("nan", None)]
    + [(text, text) for text in ("5.5", "05", "+5", "5.", "1e3", " 5", "x", "-", "٥", "9999999999")],
)
def test_integral_cells_are_integers_and_anything_else_stays_a_text(cell: str, value: object) -> None:
    assert integer_cell(cell) == value


# -- delimiter and header --------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_recognised_from_the_header(delimiter: str, tmp_path: Path) -> None:
    data = lines(flight_line(1)).replace(",", delimiter)
    assert numbers(rows_of(file_of(tmp_path / "a.csv", data))) == [1]


def test_another_delimiter_has_to_be_given(tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.csv", lines(flight_line(1)).replace(",", "^"))
    with pytest.raises(ReadError, match="required columns are missing"):
        rows_of(file)
    assert numbers(rows_of(file, delimiter="^")) == [1]


def test_an_ambiguous_header_asks_for_the_delimiter(tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.csv", "flight_date,carrier;status\n")
    with pytest.raises(ReadError, match="separated by comma and semicolon; give --delimiter"):
        rows_of(file)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\n\r\n"])
def test_an_empty_file_has_no_rows(data: bytes, tmp_path: Path) -> None:
    assert rows_of(file_of(tmp_path / "a.csv", data)) == []


def test_a_header_alone_has_no_rows_and_is_checked(tmp_path: Path) -> None:
    assert rows_of(file_of(tmp_path / "a.csv", HEADER)) == []
    with pytest.raises(ReadError, match=r"a.csv, line 2: required columns are missing: carrier"):
        rows_of(file_of(tmp_path / "a.csv", "\n" + HEADER.replace("carrier,", "")))


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_the_header_is_the_first_line_that_is_not_blank(blank: str, tmp_path: Path) -> None:
    data = "\n".join([blank, "", HEADER, flight_line(1), flight_line(2)])
    rows = rows_of(file_of(tmp_path / "a.csv", data))
    assert [(row.number, row.line) for row in rows] == [(0, 4), (1, 5)]
    assert numbers(rows) == [1, 2]
