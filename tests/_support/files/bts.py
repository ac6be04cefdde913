"""Rows and files in the shape of the US DOT's on-time file, as its site hands them out."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from local_cloud.flights.on_time_file import lines_of

Row = Mapping[str, str]

SHORT_NAMES = {
    "FlightDate": "FL_DATE",
    "Reporting_Airline": "OP_UNIQUE_CARRIER",
    "Tail_Number": "TAIL_NUM",
    "Flight_Number_Reporting_Airline": "OP_CARRIER_FL_NUM",
    "Origin": "ORIGIN",
    "Dest": "DEST",
    "CRSDepTime": "CRS_DEP_TIME",
    "DepTime": "DEP_TIME",
    "DepDelay": "DEP_DELAY",
    "CRSArrTime": "CRS_ARR_TIME",
    "ArrTime": "ARR_TIME",
    "ArrDelay": "ARR_DELAY",
    "Cancelled": "CANCELLED",
    "Diverted": "DIVERTED",
    "CRSElapsedTime": "CRS_ELAPSED_TIME",
    "ActualElapsedTime": "ACTUAL_ELAPSED_TIME",
    "AirTime": "AIR_TIME",
    "Distance": "DISTANCE",
    "DivReachedDest": "DIV_REACHED_DEST",
    "DivActualElapsedTime": "DIV_ACTUAL_ELAPSED_TIME",
    "DivArrDelay": "DIV_ARR_DELAY",
    **{f"Div{number}Airport": f"DIV{number}_AIRPORT" for number in range(1, 6)},
}
"""Of the custom download."""
FLIGHT: Row = {
    "FlightDate": "2013-07-01",
    "Reporting_Airline": "UA",
    "IATA_CODE_Reporting_Airline": "UA",
    "Tail_Number": "N37408",
    "Flight_Number_Reporting_Airline": "1545",
    "Origin": "EWR",
    "OriginCityName": "Newark, NJ",
    "Dest": "IAH",
    "CRSDepTime": "0515",
    "DepTime": "0517",
    "DepDelay": "2.00",
    "CRSArrTime": "0819",
    "ArrTime": "0830",
    "ArrDelay": "11.00",
    "Cancelled": "0.00",
    "Diverted": "0.00",
    "CRSElapsedTime": "244.00",
    "ActualElapsedTime": "253.00",
    "AirTime": "227.00",
    "Distance": "1400.00",
}
CANCELLED: Row = {
    **FLIGHT,
    **dict.fromkeys(("DepTime", "DepDelay", "ArrTime", "ArrDelay", "ActualElapsedTime", "AirTime"), ""),
    "Cancelled": "1.00",
}
README = "<html><body>BACKGROUND</body></html>"


def monthly_csv(*rows: Row) -> str:
    """As in the zip: 110 columns, texts in quotes, numbers and dates bare, a comma at the end of every line."""
    return "".join(lines_of(map(dict, rows)))


def monthly_zip(path: Path, rows: Iterable[Row]) -> Path:
    """The zip as it is published, with a page about its columns."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{path.stem}.csv", monthly_csv(*rows))
        archive.writestr("readme.html", README)
    return path


def custom_csv(*rows: Row, date: str = "{0.month}/{0.day}/{0.year} 12:00:00 AM", without: Iterable[str] = ()) -> str:
    """The custom download with all columns that count, but those."""
    columns = [name for name in SHORT_NAMES if name not in without]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(SHORT_NAMES[name] for name in columns)
    for row in rows:
        day = date.format(dt.date.fromisoformat(row["FlightDate"]))
        writer.writerow({**row, "FlightDate": day}.get(name, "") for name in columns)
    return text.getvalue()
