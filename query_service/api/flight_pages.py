"""Reads what only pages of flights have: their order, the limits of a delay, and the cursor."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from lakehouse.schema.event import FlightKey, parse_flight_id
from query_service.api import parameters as table
from query_service.api.query_string import Parameters, contradiction_error, wrong_value_error
from query_service.queries.model import DELAYS, FLIGHT_ID, FLIGHT_ORDERS, DelayRange, Order, cursor_of

_MOST_VALUE: Final = 10**17  # of a cursor: microseconds until 2100 are 4 * 10**15


def order_of(text: str) -> Order:
    """A column, with - in front for descending."""
    return Order(text.removeprefix("-"), text.startswith("-"))


def delay_range(given: Parameters) -> DelayRange | None:
    """The limits of a delay, if any. Raises ProblemError (422)."""
    kind = given.one(table.DELAY)
    least, most = given.one(table.DELAY_MIN), given.one(table.DELAY_MAX)
    bounds = [parameter for parameter in (table.DELAY_MIN, table.DELAY_MAX) if given.has(parameter)]
    if kind is None and bounds:
        raise contradiction_error(given, bounds[0], f"a delay beside it: {' or '.join(DELAYS)}")
    if kind is None:
        return None
    if not bounds:
        raise contradiction_error(given, table.DELAY, "a delay_min or a delay_max beside it")
    if least is not None and most is not None and least > most:
        raise contradiction_error(given, table.DELAY_MIN, f"an integer not above delay_max, which is {most}")
    return DelayRange(f"{kind}_delay_minutes", least, most)


def page_end(given: Parameters, order: Order) -> tuple[FlightKey | None, int | None]:
    """The last flight of the page before, and what it has in the column of the order. Raises ProblemError (422)."""
    cursor = given.one(table.CURSOR)
    if cursor is None:
        return None, None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        asked, value, flight_id = text.split(" ") if " " in text else (FLIGHT_ID, "None", text)
        key, number = parse_flight_id(flight_id), None if value == "None" else int(value)
        is_given = asked.removeprefix("-") in FLIGHT_ORDERS and abs(number or 0) < _MOST_VALUE
        if is_given and cursor_of(key.flight_id, order_of(asked), number) == cursor:
            if order_of(asked) != order:
                raise contradiction_error(
                    given, table.CURSOR, f"order_by={asked} beside it, as on the page that gave it"
                )
            if number is None or order.column != FLIGHT_ID:
                return key, number
    except (ValueError, binascii.Error):
        pass  # not what next_cursor gives
    raise wrong_value_error(table.CURSOR, cursor)
