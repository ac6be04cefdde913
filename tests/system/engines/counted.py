"""One question in every engine's words: flights and delays by carrier, and how many there are on one day."""

from __future__ import annotations

from pathlib import Path

import lakehouse

DAY = "2013-07-04"
COLUMNS = "carrier, count(*) AS flights, sum(departure_delay_minutes) AS delay, count(tail_number) AS tails"
Rows = list[tuple[object, ...]]


def by_carrier(source: str, where: str = "true") -> str:
    """The SQL over a table; rows come by carrier."""
    return f"SELECT {COLUMNS} FROM {source} WHERE {where} GROUP BY carrier ORDER BY carrier"


def expected(folder: Path, snapshot: int, where: str = "true") -> Rows:
    """What `connect(snapshot=N)` answers."""
    with lakehouse.connect(folder.as_uri(), snapshot=snapshot) as connection:
        return connection.sql(by_carrier("flights", where)).fetchall()
