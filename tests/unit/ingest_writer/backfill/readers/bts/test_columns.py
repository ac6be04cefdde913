"""Names of the DOT's columns, in the monthly zip and in the custom download."""

from __future__ import annotations

import pytest

from ingest_writer.backfill.readers.bts import columns
from ingest_writer.backfill.readers.bts.columns import Columns, is_ours
from ingest_writer.backfill.readers.header import FROM_FILE
from ingest_writer.backfill.readers.model import ReadError
from local_cloud.flights.on_time_file import COLUMNS
from tests._support.files.bts import SHORT_NAMES


def test_every_column_that_is_used_is_in_the_monthly_zip() -> None:
    assert set(columns.USED) <= set(COLUMNS)
    assert Columns("x", COLUMNS, 1).position == {name: COLUMNS.index(name) for name in columns.USED}


def test_the_short_names_of_the_custom_download_mean_the_same() -> None:
    found = Columns("x", tuple(SHORT_NAMES.values()), 1)
    assert set(found.position) == set(SHORT_NAMES)
    assert found.name(columns.FLIGHT_DATE) == "FL_DATE"


@pytest.mark.parametrize(
    ("column", "name"),
    [
        (columns.CARRIER, "OP_UNIQUE_CARRIER"),
        (columns.CARRIER, "UniqueCarrier"),
        (columns.CARRIER, "OP_CARRIER"),
        (columns.NUMBER, "FL_NUM"),
        (columns.NUMBER, "Flight_Number_Operating_Airline"),
    ],
)
def test_names_of_other_years_are_known(column: str, name: str) -> None:
    header = [name if each == column else each for each in (*columns.USED,) if each != columns.IATA_CARRIER]
    Columns("x", header, 1)


def test_our_own_files_are_not_taken_for_the_dots() -> None:
    assert not is_ours(FROM_FILE)
    assert is_ours(COLUMNS)
    assert is_ours(["FL_DATE", "ORIGIN", "DEST", "CRS_DEP_TIME"])


def test_a_missing_column_refuses_the_file_with_both_of_its_names() -> None:
    with pytest.raises(ReadError, match=r"x, line 1: .* missing: Flight_Number_Reporting_Airline/OP_CARRIER_FL_NUM, C"):
        Columns("x", [name for name in COLUMNS if name not in (columns.NUMBER, columns.CANCELLED)], 1)
    with pytest.raises(ReadError, match="missing: Reporting_Airline/OP_UNIQUE_CARRIER;"):
        Columns("x", [name for name in COLUMNS if "Reporting_Airline" not in name or "Flight" in name], 1)


def test_two_columns_of_one_meaning_refuse_the_file() -> None:
    with pytest.raises(ReadError, match="'FlightDate' and 'FL_DATE', which mean the same"):
        Columns("x", (*COLUMNS, "FL_DATE"), 1)
