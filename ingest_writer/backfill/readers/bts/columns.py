"""The columns of the DOT's file by their names in the monthly zip, whatever the download calls them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ingest_writer.backfill.readers.model import ReadError

FLIGHT_DATE: Final = "FlightDate"
CARRIER: Final = "Reporting_Airline"
IATA_CARRIER: Final = "IATA_CODE_Reporting_Airline"
NUMBER: Final = "Flight_Number_Reporting_Airline"
TAIL: Final = "Tail_Number"
ORIGIN: Final = "Origin"
DESTINATION: Final = "Dest"
CRS_DEPARTURE: Final = "CRSDepTime"
DEPARTURE: Final = "DepTime"
DEPARTURE_DELAY: Final = "DepDelay"
CRS_ARRIVAL: Final = "CRSArrTime"
ARRIVAL: Final = "ArrTime"
ARRIVAL_DELAY: Final = "ArrDelay"
CANCELLED: Final = "Cancelled"
DIVERTED: Final = "Diverted"
CRS_ELAPSED: Final = "CRSElapsedTime"
ELAPSED: Final = "ActualElapsedTime"
AIR_TIME: Final = "AirTime"
DISTANCE: Final = "Distance"
REACHED: Final = "DivReachedDest"
DIVERTED_ELAPSED: Final = "DivActualElapsedTime"
DIVERTED_DELAY: Final = "DivArrDelay"
LANDINGS: Final = tuple(f"Div{number}Airport" for number in range(1, 6))

_OTHER_NAMES: Final = {
    FLIGHT_DATE: ("FL_DATE",),
    CARRIER: ("OP_UNIQUE_CARRIER", "UniqueCarrier", "Operating_Airline"),
    IATA_CARRIER: ("OP_CARRIER", "Carrier", "IATA_Code_Operating_Airline"),
    NUMBER: ("OP_CARRIER_FL_NUM", "FL_NUM", "FlightNum", "Flight_Number_Operating_Airline"),
    TAIL: ("TAIL_NUM",),
}
"""In the custom download, in files of earlier years and in those of marketing carriers."""
USED: Final = (
    *(FLIGHT_DATE, CARRIER, IATA_CARRIER, NUMBER, TAIL, ORIGIN, DESTINATION),
    *(CRS_DEPARTURE, DEPARTURE, DEPARTURE_DELAY, CRS_ARRIVAL, ARRIVAL, ARRIVAL_DELAY),
    *(CANCELLED, DIVERTED, CRS_ELAPSED, ELAPSED, AIR_TIME, DISTANCE),
    *(REACHED, DIVERTED_ELAPSED, DIVERTED_DELAY, *LANDINGS),
)
_REQUIRED: Final = (FLIGHT_DATE, NUMBER, ORIGIN, DESTINATION, CRS_DEPARTURE, CANCELLED, DIVERTED)
_RECOGNISED_BY: Final = frozenset((FLIGHT_DATE, ORIGIN, DESTINATION, CRS_DEPARTURE))


def _folded(name: str) -> str:
    """`CRS_DEP_TIME` and `CRSDepTime` are one name."""
    return re.sub(r"[\W_]+", "", name).casefold()


_BY_NAME: Final = {_folded(name): used for used in USED for name in (used, *_OTHER_NAMES.get(used, ()))}


def is_ours(names: Sequence[str]) -> bool:
    """Whether a header with these names is one of the DOT's."""
    return {_BY_NAME.get(_folded(name)) for name in names} >= _RECOGNISED_BY


class Columns:
    """Where each column is in a row, and what the file calls it. Raises ReadError for a header that does not do."""

    def __init__(self, file: str, header: Sequence[str], line: int) -> None:
        self.position: dict[str, int] = {}
        for position, name in enumerate(header):
            used = _BY_NAME.get(_folded(name))
            if used in self.position:
                twice = f"{header[self.position[used]]!r} and {name!r}"
                raise ReadError(file, f"the header has {twice}, which mean the same", line=line, todo="drop one")
            if used is not None:
                self.position[used] = position
        self._header = header
        missing = [name for name in _REQUIRED if name not in self.position]
        if not self.position.keys() & {CARRIER, IATA_CARRIER}:
            missing.append(CARRIER)
        if missing:
            shown = ", ".join("/".join((name, *_OTHER_NAMES.get(name, ())[:1])) for name in missing)
            raise ReadError(
                file,
                f"columns that the DOT's on-time file needs are missing: {shown}",
                line=line,
                todo="choose them in the download, or take the prezipped file, which has all",
            )

    def name(self, column: str) -> str:
        """As the file calls it."""
        position = self.position.get(column)
        return column if position is None else self._header[position]
