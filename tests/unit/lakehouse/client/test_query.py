"""`python -m lakehouse sql`: a table for eyes, one line for an error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from lakehouse.__main__ import main
from lakehouse.client.query import QueryError, reason, run, table
from lakehouse.store.local import LocalStore
from lakehouse.table.kept_files import KeptFiles, ObjectId
from tests._support.lakes.rows import land, row


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    """A lake with three flights, which LAKE_URL names."""
    store = LocalStore(tmp_path / "lake")
    land(store, [row(number=number, tail_number=tail) for number, tail in ((1, "N1"), (20, "Ñ漢"), (300, None))])
    monkeypatch.setenv("LAKE_URL", store.url)
    return store


def _lines(query: str, max_rows: int = 100) -> list[str]:
    with duckdb.connect() as connection:
        return list(table(run(connection, query, max_rows)))


def test_columns_are_aligned_numbers_to_the_right_texts_to_the_left() -> None:
    assert _lines(
        "SELECT * FROM (VALUES (1, 'a', 1.5, true), (100, 'bcd', NULL, false)) t(number, text, mean, flag)"
    ) == [
        "number  text  mean  flag",
        "------  ----  ----  -----",
        "     1  a      1.5  True",
        "   100  bcd   NULL  False",
        "(2 rows)",
    ]


def test_wide_and_combining_characters_take_the_room_that_a_terminal_gives_them() -> None:
    assert _lines("SELECT * FROM (VALUES ('漢字', 'x'), ('e\u0301', 'x'), ('abcde', 'x')) t(text, next)") == [
        "text   next",
        "-----  ----",
        "漢字   x",
        "e\u0301      x",
        "abcde  x",
        "(3 rows)",
    ]


def test_a_text_stays_on_its_line_and_does_not_reach_the_terminal_as_a_command() -> None:
    assert _lines("SELECT E'a\\nb\\x1b[31m' AS text")[2] == "a\\nb\\x1b[31m"


def test_more_rows_than_are_shown_are_remarked_upon() -> None:
    assert _lines("FROM range(3) t(i)", max_rows=2)[2:] == ["0", "1", "(first 2 rows; there are more: see --max-rows)"]
    assert _lines("FROM range(2) t(i)", max_rows=2)[2:] == ["0", "1", "(2 rows)"]
    assert _lines("FROM range(1) t(i)", max_rows=1)[2:] == ["0", "(1 row)"]


def test_cache_shows_what_is_kept_and_clears_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLIGHTS_CACHE_DIR", str(tmp_path / "kept"))
    kept = KeptFiles(tmp_path / "kept", 1 << 20)
    with closing(kept.new_session()) as session:
        (session.path / "a.format1.parquet").write_bytes(bytes(2_000_000))
        kept.keep(ObjectId("gs://lake", "a", 2_000_000, 1), session.path / "a.format1.parquet", 1)
    assert main(["cache"]) == 0
    lake, total = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"gs-lake +1 files +2 MB  used \d{4}-\d\d-\d\d \d\d:\d\d", lake)
    assert total == f"{tmp_path}/kept: 2 of at most 20,000 MB; --clear removes it"
    assert main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/kept: removed 1 files, 2 MB\n"
    assert kept.usage() == []


def test_a_setting_that_is_none_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLIGHTS_CACHE_MAX_GB", "much")
    assert "FLIGHTS_CACHE_MAX_GB is 'much'" in _fails(capsys, ["cache"], 2)


@pytest.mark.usefixtures("lake")
def test_dates_that_are_none_are_refused_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    backwards = ["sql", "FROM flights", "--from", "2013-07-02", "--to", "2013-07-01"]
    assert "date_from is 2013-07-02, after date_to" in _fails(capsys, backwards, 2)
    with pytest.raises(SystemExit):
        main(["sql", "FROM flights", "--from", "July"])
    assert "'July' is not a date" in capsys.readouterr().err


_WIDE = "SELECT 1234567890 AS a_number_with_a_long_name, 'a text that is rather long' AS text, 3 AS n"


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (None, ["a_number_with_a_long_name", "text", "n"]),
        (60, ["a_number_with_a_long_name", "a text that is rather long", "3"]),
        (40, ["a_number_with_a_…", "1234567890", "a text that is r…"]),
        (28, ["a_number_w…", "1234567890", "a text tha…", "(1 row)"]),
        (20, ["a_numbe…", "1234567890", "(1 row; 2 of 3 columns fit: name those you want, or see --format)"]),
    ],
)
def test_a_table_fits_its_terminal_and_never_cuts_a_number(width: int | None, lines: list[str]) -> None:
    with duckdb.connect() as connection:
        shown = list(table(run(connection, _WIDE, 100), width))
    assert width is None or max(map(len, shown[:-1])) <= width
    for text in lines:
        assert text in "\n".join(shown)


def test_no_rows_still_have_their_columns() -> None:
    assert _lines("SELECT 1 AS number WHERE false") == ["number", "------", "(0 rows)"]


def test_the_answer_to_the_last_of_several_statements_is_shown() -> None:
    assert _lines("CREATE TABLE t AS SELECT 7 AS x; FROM t") == ["x", "-", "7", "(1 row)"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELEC 1", 'Parser Error: syntax error at or near "SELEC"'),
        ("SELECT y FROM (SELECT 1 AS x)", 'Binder Error: Referenced column "y" not found .* Candidate bindings: "x"'),
        ("FROM nowhere", "Catalog Error: Table with name nowhere does not exist!"),
        ("SELECT 'x'::INTEGER", "Conversion Error: Could not convert string 'x'"),
        ("SELECT error(i::VARCHAR) FROM range(3) t(i)", "Invalid Input Error: 0"),
        ("", "no statement"),
        (" ; -- nothing", "no statement"),
    ],
)
def test_a_query_that_fails_is_one_line(query: str, message: str) -> None:
    with duckdb.connect() as connection, pytest.raises(QueryError, match=message) as caught:
        run(connection, query, 100)
    assert "\n" not in str(caught.value)


def test_only_an_interrupt_is_told_as_an_error_without_a_reason() -> None:
    told = "Invalid Input Error: an INTERRUPT Error of row 299999"
    assert reason(told) == told
    assert reason("INTERRUPT Error: Interrupted!").startswith("the query failed, and the database did not say why")


@pytest.mark.usefixtures("lake")
def test_the_command_prints_the_answer_over_the_lake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "SELECT flight_number, tail_number FROM flights ORDER BY ALL", "--max-rows", "2"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"lakehouse: reads 0 of 0 months and 1 landed file, \d+ kB\n", err)
    assert out.splitlines() == [
        "flight_number  tail_number",
        "-------------  -----------",
        "            1  N1",
        "           20  Ñ漢",
        "(first 2 rows; there are more: see --max-rows)",
    ]


def test_the_option_wins_over_the_environment(
    lake: LocalStore, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_URL", (tmp_path / "elsewhere").as_uri())
    assert main(["sql", "--lake", lake.url, "SELECT count(*) AS n FROM flights"]) == 0
    assert capsys.readouterr().out.splitlines()[2] == "3"


def _fails(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> str:
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    told = [line for line in err.splitlines() if not line.startswith("lakehouse: reads ")]
    assert len(told) == 1
    return told[0]


def test_a_query_error_is_exit_code_1(lake: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert _fails(capsys, ["sql", "FROM nowhere"], 1).startswith("lakehouse: Catalog Error: Table with name nowhere")


def test_an_object_that_cannot_be_read_is_exit_code_1_and_named(
    lake: LocalStore, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "landing/flight_date=2013-01-01/0123456789abcdef0123456789abcdef.parquet"
    lake.create(name, b"garbage")
    assert name in _fails(capsys, ["sql", "FROM flights"], 1)


def test_a_lake_that_is_not_named_or_not_understood_is_exit_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAKE_URL", raising=False)
    assert "LAKE_URL is not set" in _fails(capsys, ["sql", "SELECT 1"], 2)
    assert "'s3://x'" in _fails(capsys, ["sql", "SELECT 1", "--lake", "s3://x"], 2)
    assert "'s3://x'" in _fails(capsys, ["verify", "--lake", "s3://x"], 2)


@pytest.mark.parametrize("command", [["sql", "FROM flights"], ["verify"]])
def test_a_folder_that_does_not_exist_is_exit_code_2_and_no_empty_lake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    url = (tmp_path / "typo").as_uri()
    assert "there is no such folder" in _fails(capsys, [*command, "--lake", url], 2)


@pytest.mark.usefixtures("gcs")
def test_a_bucket_that_does_not_exist_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such bucket" in _fails(capsys, ["sql", "SELECT 1", "--lake", "gs://no-such-bucket"], 2)


@pytest.mark.parametrize(
    "arguments", [[], ["sql"], ["nothing"], ["sql", "SELECT 1", "--max-rows", "0"], ["sql", "a", "b"]]
)
def test_a_wrong_call_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "python -m lakehouse" in capsys.readouterr().err


def _module(lake: LocalStore, *arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LAKE_URL": lake.url}
    return subprocess.Popen(
        [sys.executable, "-m", "lakehouse", *arguments], env=environment, stdout=stdout, stderr=subprocess.PIPE
    )


def test_output_is_utf8_whatever_the_locale(lake: LocalStore) -> None:
    out, err = _module(lake, "sql", "SELECT tail_number FROM flights WHERE flight_number = 20").communicate(timeout=60)
    assert err.startswith(b"lakehouse: reads ")
    assert "Ñ漢" in out.decode()


def test_a_reader_who_has_seen_enough_is_no_traceback(lake: LocalStore) -> None:
    process = _module(lake, "sql", "FROM range(100000)", "--max-rows", "100000")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    with process.stderr as errors:
        assert [line for line in errors if not line.startswith(b"lakehouse: reads ")] == []
    process.wait(60)


@pytest.mark.parametrize(
    "first",
    [
        *("SELECT 1", "FROM range(3)", "EXPLAIN SELECT 1", "SET threads = 1; SELECT 1", "CALL pragma_version()"),
        *("PREPARE p AS SELECT 1; EXECUTE p", "PIVOT (SELECT 1 AS a) ON a USING count(*)"),
        *("INSERT INTO t VALUES (2) RETURNING *", "UPDATE t SET a = 3 RETURNING a", "DELETE FROM t\nreturning a"),
    ],
)
def test_an_answer_that_nobody_would_see_is_refused_before_anything_runs(first: str) -> None:
    with duckdb.connect() as connection:
        query = f"CREATE TABLE t AS SELECT 1 AS a; {first}; SELECT 2"
        with pytest.raises(QueryError, match=r"the answer of this one would be lost: .+; only the last one"):
            run(connection, query, 100)
        assert connection.sql("SHOW TABLES").fetchall() == []


@pytest.mark.parametrize(
    "first",
    [
        *("INSERT INTO t VALUES (2)", "UPDATE t SET a = 3", "DELETE FROM t", "SET threads = 1", "BEGIN", "USE memory"),
        *(
            "CREATE MACRO f(x) AS x",
            "SET VARIABLE v = 1",
            "COPY (SELECT 1) TO '/dev/null' (FORMAT csv)",
            "DROP TABLE t",
        ),
    ],
)
def test_statements_without_an_answer_may_come_before_the_query(first: str) -> None:
    assert _lines(f"CREATE TABLE t AS SELECT 1 AS a; {first}; SELECT 2 AS x") == ["x", "-", "2", "(1 row)"]


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP", "TIMESTAMPTZ", "DATE[]", "STRUCT(a DATE)"])
@pytest.mark.parametrize("value", ["infinity", "-infinity"])
def test_infinity_is_not_shown_as_a_date(kind: str, value: str) -> None:
    text = {"DATE[]": f"['{value}'::DATE]", "STRUCT(a DATE)": f"{{'a': '{value}'::DATE}}"}.get(
        kind, f"'{value}'::{kind}"
    )
    with duckdb.connect() as connection:
        with pytest.raises(QueryError, match='column "d": a table does not tell infinity'):
            run(connection, f"SELECT {text} AS d", 100)
        assert run(connection, f"SELECT '{value}'::DATE::VARCHAR AS d", 100).rows == [(value,)]
