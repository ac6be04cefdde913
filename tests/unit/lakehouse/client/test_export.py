"""`python -m lakehouse sql --format csv|parquet`: all rows, the API's values, a whole file or none."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import duckdb
import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakehouse.client.export as export_module
from lakehouse.__main__ import main
from lakehouse.client.export import export
from lakehouse.client.query import QueryError
from lakehouse.store.local import LocalStore
from tests._support.api.in_process import serving
from tests._support.lakes.rows import land, row

_ALL = "SELECT flight_number FROM flights, range(100) ORDER BY ALL"  # 300 rows, more than a table shows


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    """Three flights, in a lake that LAKE_URL names."""
    store = LocalStore(tmp_path / "lake")
    delays = {1: 10, 2: 20, 3: None}
    land(store, [row(number=n, departure_delay_minutes=delay) for n, delay in delays.items()])
    monkeypatch.setenv("LAKE_URL", store.url)
    return store


def _exported(query: str, format: str = "csv") -> bytes:
    sink = io.BytesIO()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        export(connection, query, format, sink)
    return sink.getvalue()


def _fails(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> str:
    assert main(["sql", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    told = [line for line in err.splitlines() if not line.startswith("lakehouse: reads ")]
    assert len(told) == 1
    return told[0]


def test_csv_tells_null_from_an_empty_text_and_quotes_what_needs_it() -> None:
    query = """SELECT * FROM (VALUES (NULL, NULL), ('', 1), ('a "b", c', 2)) t(text, "a, number")"""
    assert _exported(query) == b'"text","a, number"\n,\n"",1\n"a ""b"", c",2\n'


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("0.1::DOUBLE + 0.2::DOUBLE", "0.30000000000000004"),
        ("1e300::DOUBLE", "1e+300"),
        ("1::HUGEINT", "1"),
        ("1.50::DECIMAL(10, 2)", "1.50"),
        ("true", "true"),
        ("DATE '2013-01-01'", "2013-01-01"),
        ("TIMESTAMPTZ '2013-01-01 05:15:00.00025+00'", "2013-01-01T05:15:00.000250Z"),
        ("TIMESTAMPTZ '2013-01-01 05:15:00+00'", "2013-01-01T05:15:00Z"),
        ("TIMESTAMP '2013-01-01 05:15:00'", "2013-01-01T05:15:00"),
        ("TIMESTAMP_NS '2013-01-01 05:15:00.123456789'", "2013-01-01T05:15:00.123456789"),
        ("'a'::ENUM('a', 'b')", "a"),
    ],
)
def test_each_type_has_one_text_in_csv(expression: str, text: str) -> None:
    assert list(csv.reader(io.StringIO(_exported(f"SELECT {expression} AS x").decode()))) == [["x"], [text]]


@pytest.mark.parametrize("expression", ["[1, 2]", "{'a': 1}", "INTERVAL 1 DAY", "'x'::BLOB"])
def test_what_csv_has_no_form_for_is_refused_by_its_column(expression: str) -> None:
    with pytest.raises(QueryError, match=r'column "x": CSV has no form .* VARCHAR'):
        _exported(f"SELECT 1 AS y, {expression} AS x")


def test_what_parquet_has_no_form_for_is_refused() -> None:
    with pytest.raises(QueryError, match="Parquet has no form for a column"):
        _exported("SELECT INTERVAL 1 DAY AS x", "parquet")


def test_a_query_that_fails_at_its_last_row_is_an_error() -> None:
    """Now and then (2 of 300 times) DuckDB loses the reason; then the error says what to do."""
    with pytest.raises(QueryError, match=r"299999|run it again"):
        _exported("SELECT CASE WHEN i = 299999 THEN error(i::VARCHAR) ELSE 'x' END FROM range(300000) t(i)")


def test_a_query_that_fails_without_a_reason_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Mock(side_effect=OSError("INTERRUPT Error: Interrupted!"))
    interrupted = Mock(schema=pa.schema([("x", pa.int64())]), read_next_batch=failing)
    monkeypatch.setattr(
        export_module, "executed", lambda *_: Mock(description=(), to_arrow_reader=lambda _: interrupted)
    )
    with pytest.raises(QueryError, match="did not say why: run it again"):
        _exported("SELECT 1 AS x")


def test_no_rows_still_have_their_columns() -> None:
    assert _exported("SELECT 1 AS x WHERE false") == b'"x"\n'
    assert pq.read_table(io.BytesIO(_exported("SELECT 1 AS x WHERE false", "parquet"))).column_names == ["x"]


@pytest.mark.usefixtures("lake")
def test_csv_on_stdout_has_all_rows_and_nothing_else(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["sql", _ALL, "--format", "csv"]) == 0
    lines = capsysbinary.readouterr().out.splitlines()
    assert lines == [b'"flight_number"', *[b"%d" % n for n in (1, 2, 3) for _ in range(100)]]


@pytest.mark.usefixtures("lake")
def test_parquet_on_a_pipe_has_all_rows_and_types(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["sql", "FROM flights ORDER BY ALL", "--format", "parquet"]) == 0
    table = pq.read_table(io.BytesIO(capsysbinary.readouterr().out))
    assert table.column("departure_delay_minutes").to_pylist() == [10, 20, None]
    assert str(table.schema.field("event_time").type) == "timestamp[us, tz=UTC]"


def test_values_are_those_of_the_api(lake: LocalStore, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    columns = "flight_number, scheduled_departure, departure_delay_minutes, flight_date, tail_number"
    with serving(lake) as api:
        theirs = list(csv.DictReader(io.StringIO(api.run(api.client.get("/v1/flights?format=csv")).text)))
        mean = api.run(api.client.get("/v1/stats", params=httpx.QueryParams(format="csv"))).text
    assert main(["sql", f"SELECT {columns} FROM flights ORDER BY ALL", "--format", "csv"]) == 0
    ours = list(csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode())))
    assert ours == [{name: flight[name] for name in columns.split(", ")} for flight in theirs]
    assert main(["sql", "SELECT avg(departure_delay_minutes) AS m FROM flights", "--format", "csv"]) == 0
    (row_,) = csv.DictReader(io.StringIO(mean))
    assert capsysbinary.readouterr().out.decode() == f'"m"\n{row_["departure_delay_mean"]}\n'


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize("name", ["flights.csv", "flights.PARQUET"])
def test_a_file_has_the_format_that_it_ends_with(tmp_path: Path, name: str) -> None:
    assert main(["sql", _ALL, "--output", str(tmp_path / name)]) == 0
    rows = duckdb.sql(f"FROM read_{name[8:]}('{tmp_path / name}')").fetchall()
    assert [n for (n,) in rows] == [n for n in (1, 2, 3) for _ in range(100)]


@pytest.mark.usefixtures("lake")
def test_a_file_is_replaced_whole_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "flights.txt"
    assert main(["sql", "SELECT 1 AS x", "--format", "csv", "--output", str(path)]) == 0
    path.chmod(0o640)
    assert main(["sql", "SELECT 2 AS x", "--format", "csv", "--output", str(path)]) == 0
    assert path.read_text() == '"x"\n2\n'
    assert path.stat().st_mode & 0o777 == 0o640
    assert main(["sql", "SELECT 3 AS x", "--format", "table", "--output", str(path)]) == 0
    assert path.read_text().splitlines() == ["x", "-", "3", "(1 row)"]


@pytest.mark.usefixtures("lake")
def test_a_query_that_fails_leaves_the_file_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out" / "flights.csv"
    path.parent.mkdir()
    path.write_text("before")
    query = "SELECT CASE WHEN i = 299999 THEN error(i::VARCHAR) ELSE 'x' END FROM range(300000) t(i)"
    told = _fails(capsys, [query, "--output", str(path)], 1)
    assert "299999" in told or "run it again" in told  # now and then DuckDB loses the reason
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.usefixtures("lake")
def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        assert main(["sql", "SELECT 1 AS x", "--format", "csv", "--output", str(pipe)]) == 0
        assert reader.communicate(timeout=60)[0] == b'"x"\n1\n'
    assert pipe.is_fifo()


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "flights.xlsx"], "it ends with none of .csv .json .parquet: say which --format"),
        (["--output", "."], "it is a folder"),
        (["--output", "nowhere/flights.csv"], "its folder does not exist"),
        (["--format", "csv", "--max-rows", "3"], "put a LIMIT into the query"),
        (["--format", "parquet", "--escape-formulas"], "--escape-formulas is for CSV"),
        (["--escape-formulas"], "--escape-formulas is for CSV"),
    ],
)
def test_a_wrong_output_is_exit_code_2_and_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    if arguments == ["--output", "."]:
        arguments = [*arguments, "--format", "csv"]
    assert message in _fails(capsys, ["FROM flights", *arguments], 2)


_FORMULAS = """SELECT '=1+1' AS "=2", '-x' AS text, -1 AS number, 'a' AS plain, '@x'::ENUM ('@x') AS enum"""


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ([], b'"=2","text","number","plain","enum"\n"=1+1","-x",-1,"a","@x"\n'),
        (["--escape-formulas"], b'"\'=2","text","number","plain","enum"\n"\'=1+1","\'-x",-1,"a","\'@x"\n'),
    ],
)
def test_texts_that_a_spreadsheet_would_run_are_escaped_where_asked(
    capsysbinary: pytest.CaptureFixture[bytes], options: list[str], lines: bytes
) -> None:
    assert main(["sql", _FORMULAS, "--format", "csv", *options]) == 0
    assert capsysbinary.readouterr().out == lines


@pytest.mark.usefixtures("lake")
def test_parquet_on_a_terminal_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "not for a terminal" in _fails(capsys, ["FROM flights", "--format", "parquet"], 2)


@pytest.mark.usefixtures("lake")
def test_a_query_is_read_from_stdin(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("-- all of them\nSELECT count(*) AS n\nFROM flights;\n"))
    assert main(["sql", "-", "--format", "csv"]) == 0
    assert capsysbinary.readouterr().out == b'"n"\n3\n'


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_reader_who_has_seen_enough_is_no_traceback(lake: LocalStore, format: str) -> None:
    query = "SELECT i, md5(i::VARCHAR) AS x FROM range(3_000_000) t(i)"
    with subprocess.Popen(
        [sys.executable, "-m", "lakehouse", "sql", query, "--format", format],
        env={**os.environ, "LAKE_URL": lake.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(4)
        process.stdout.close()
        assert [line for line in process.stderr if not line.startswith(b"lakehouse: reads ")] == []
        assert process.wait(60) == 1


_BEYOND = ["'infinity'", "'-infinity'", "'10000-01-01'", "'0044-03-15 (BC)'"]


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_S", "TIMESTAMP_MS"])
@pytest.mark.parametrize("value", _BEYOND)
def test_csv_refuses_dates_and_times_that_it_has_no_form_for(kind: str, value: str) -> None:
    query = f"SELECT CAST(x AS {kind}) AS d FROM (VALUES (NULL), ('2013-01-01'), ({value})) t(x)"
    with pytest.raises(QueryError, match=r'column "d": CSV has no form for infinity.* cast it to VARCHAR'):
        _exported(query)


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"])
def test_csv_has_the_dates_of_every_year_of_four_digits(kind: str) -> None:
    years = ("1678", "2262") if kind == "TIMESTAMP_NS" else ("0001", "9999")
    for year in years:
        text = _exported(f"SELECT CAST('{year}-01-01' AS {kind}) AS d").decode()
        assert text.startswith(f'"d"\n"{year}-01-01') or text.startswith(f'"d"\n{year}-01-01')


@pytest.mark.parametrize("value", ["infinity", "-infinity"])
def test_csv_refuses_infinity_in_nanoseconds(value: str) -> None:
    with pytest.raises(QueryError, match="CSV has no form for infinity"):
        _exported(f"SELECT '{value}'::TIMESTAMP_NS AS d")


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMPTZ"])
def test_csv_refuses_a_microsecond_before_the_first_year(kind: str) -> None:
    with pytest.raises(QueryError, match="CSV has no form for infinity, years"):
        _exported(f"SELECT '0001-01-01'::{kind} - INTERVAL 1 MICROSECOND AS d")
    assert b"9999-12-31" in _exported(f"SELECT '9999-12-31 23:59:59.999999'::{kind} AS d")


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("value", ["TIMETZ '10:00:00+02'", "[TIMETZ '10:00:00+02']", f"{2**128 - 1}::UHUGEINT"])
def test_values_that_arrow_would_change_are_refused(format: str, value: str) -> None:
    with pytest.raises(QueryError, match=r'column "d": .* would not be exported whole: cast it to VARCHAR'):
        _exported(f"SELECT {value} AS d", format)


def test_json_is_an_array_of_objects_with_the_values_of_the_api() -> None:
    query = """SELECT * FROM (VALUES (1, 'a "b"', 0.1::DOUBLE + 0.2::DOUBLE, 1.50::DECIMAL(10, 2), DATE '2013-01-01',
        TIMESTAMPTZ '2013-01-01 05:15:00.25+00', [DATE '2013-01-01'], {'a': true}, TIME '05:15:00', 1::HUGEINT),
        (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL))
        t(i, text, x, d, day, moment, days, s, clock, huge)"""
    text = _exported(query, "json").decode()
    assert text.startswith('[\n{"i":1,"text":"a \\"b\\"","x":0.30000000000000004,"d":1.50,"day":"2013-01-01",')
    one, two = json.loads(text)
    assert (one["moment"], one["days"], one["s"]) == ("2013-01-01T05:15:00.250000Z", ["2013-01-01"], {"a": True})
    assert (one["clock"], one["huge"]) == ("05:15:00", 1)
    assert set(two.values()) == {2, None}
    assert _exported("SELECT 1 AS x WHERE false", "json") == b"[]\n"


@pytest.mark.parametrize(
    "value", ["'nan'::DOUBLE", "'infinity'::DOUBLE", "INTERVAL 1 DAY", "'x'::BLOB", "[1e999::DOUBLE]"]
)
def test_what_json_has_no_form_for_is_refused(value: str) -> None:
    with pytest.raises(QueryError, match=r'column "x": JSON has no form for .*: cast it to VARCHAR'):
        _exported(f"SELECT {value} AS x", "json")


@pytest.mark.parametrize("format", ["json", "parquet"])
def test_a_column_name_that_is_there_twice_is_refused(format: str) -> None:
    with pytest.raises(QueryError, match='column "a" is there twice'):
        _exported("SELECT 1 AS a, 2 AS a", format)
    assert _exported("SELECT 1 AS a, 2 AS a", "csv") == b'"a","a"\n1,2\n'


@pytest.mark.parametrize("kind", ["TIMESTAMP_S", "TIMESTAMP_MS"])
def test_a_time_that_parquet_would_bring_back_as_another_is_refused(kind: str) -> None:
    with pytest.raises(QueryError, match='column "d": Parquet has no form for'):
        _exported(f"SELECT '290000-01-01'::{kind} AS d", "parquet")


@pytest.mark.parametrize("format", ["csv", "json"])
def test_the_time_24_00_is_refused_where_it_has_no_text(format: str) -> None:
    with pytest.raises(QueryError, match="24:00:00: cast it to VARCHAR"):
        _exported("SELECT TIME '24:00:00' AS t", format)
    assert b"23:59:59" in _exported("SELECT TIME '23:59:59' AS t", format)


def test_parquet_keeps_infinity(tmp_path: Path) -> None:
    (tmp_path / "d.parquet").write_bytes(_exported("SELECT 'infinity'::DATE AS d", "parquet"))
    with duckdb.connect() as connection:
        assert connection.sql(f"SELECT d::VARCHAR FROM '{tmp_path}/d.parquet'").fetchall() == [("infinity",)]
