"""The header: what is missing, unknown or given twice, and what was probably meant."""

from __future__ import annotations

import pytest

from ingest_writer.backfill.readers.header import REQUIRED, check_header, suggestion
from ingest_writer.backfill.readers.model import ReadError
from lakehouse.schema.event import COLUMNS


def test_all_columns_of_our_own_files_are_known() -> None:
    assert check_header("a.csv", COLUMNS) == ()


def test_unknown_columns_are_told_and_ignored() -> None:
    assert check_header("a.csv", [*REQUIRED, "unlisted", "", ""]) == ("unlisted", "")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (REQUIRED[1:], "required columns are missing: flight_date$"),
        ([n.upper() for n in REQUIRED], "missing: flight_date, .*did you mean flight_date for 'FLIGHT_DATE', carrier"),
        ([n.replace("_", " ") for n in REQUIRED], "did you mean flight_date for 'flight date', flight_number"),
        (["carier" if n == "carrier" else n for n in REQUIRED], "missing: carrier; .*mean carrier for 'carier'"),
        ([*REQUIRED, "Tail-Number"], "unknown columns: 'Tail-Number'; did you mean tail_number for 'Tail-Number'"),
        ([*REQUIRED, "carrier"], "more than once: 'carrier', 'carrier'; rename or drop all but one"),
        ([*REQUIRED, "Carrier"], "more than once: 'carrier', 'Carrier'"),
        ([*REQUIRED, "unlisted", "unlisted"], "more than once: 'unlisted', 'unlisted'"),
        (["x"] * 0, "required columns are missing"),
    ],
)
def test_a_header_that_makes_no_event_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(ReadError, match=message):
        check_header("a.csv", names)


def test_a_name_that_is_close_to_a_field_has_a_suggestion() -> None:
    assert suggestion("departure_delay_minute") == "departure_delay_minutes"
    assert suggestion("unlisted") is None


def test_few_of_many_unknown_names_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million names took minutes."""
    compared: list[str] = []

    def close(name: str, *_: object, **__: object) -> list[str]:
        compared.append(name)
        return []

    monkeypatch.setattr("difflib.get_close_matches", close)
    names = [f"x{number}" for number in range(5000)]
    with pytest.raises(ReadError, match="required columns are missing"):
        check_header("a.csv", [*REQUIRED[1:], *names])
    assert check_header("a.csv", [*REQUIRED, *names]) == tuple(names)
    assert len(compared) <= 200
