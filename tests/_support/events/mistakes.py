"""Injects a bug into decoding or encoding that only some messages trigger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pytest

from ingest_writer.decoding.decoder import Decoded, RejectedLine, decode_messages
from ingest_writer.landing import by_flight_date, rejected_table
from ingest_writer.message import Message


class Mistake:
    """While active, decoding or encoding raises for some messages."""

    def __init__(self, *message_ids: str) -> None:
        self.message_ids = message_ids
        self.is_there = True

    def meets(self, message_id: str) -> None:
        if self.is_there and message_id in self.message_ids:
            raise ZeroDivisionError(f"a mistake with {message_id}")

    def plant_in_decoding(self, patch: pytest.MonkeyPatch) -> None:
        def decode(messages: Sequence[Message]) -> Decoded:
            for each in messages:
                self.meets(each.message_id)
            return decode_messages(messages)

        patch.setattr("ingest_writer.landing.decode_messages", decode)

    def plant_in_encoding(self, patch: pytest.MonkeyPatch) -> None:
        def dates_of(tables: Iterable[pa.Table]) -> dict[dt.date, pa.Table]:
            events = list(tables)
            for table in events:
                for message_id in table["message_id"].to_pylist():
                    self.meets(message_id)
            return by_flight_date(events)

        def rejected_of(lines: Sequence[RejectedLine]) -> pa.Table:
            for each in lines:
                self.meets(each.message_id)
            return rejected_table(lines)

        patch.setattr("ingest_writer.landing.by_flight_date", dates_of)
        patch.setattr("ingest_writer.landing.rejected_table", rejected_of)


PLACES = {"decoding": Mistake.plant_in_decoding, "encoding": Mistake.plant_in_encoding}
