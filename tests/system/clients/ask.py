"""Asks a running API by the client that openapi-python-client made: run by its environment, not by pytest's.

Prints what came back as JSON. `flights` is the generated package; nothing of the project is importable here.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from typing import Any

from flights import Client  # type: ignore[import-not-found]  # is made by the test
from flights.api.answers import (  # type: ignore[import-not-found]
    get_airports,
    get_carriers,
    get_flight,
    get_flight_events,
    get_flights,
    get_lake,
    get_stats,
)
from flights.models import (  # type: ignore[import-not-found]
    FlightEvents,
    FlightPage,
    GetFlightsDelay,
    GetFlightsOrderBy,
    GetStatsGroupByItem,
    GetStatsNames,
    Problem,
    Stats,
)


def answers(url: str) -> dict[str, Any]:
    with Client(base_url=url) as client:
        day = date(2013, 1, 1)
        stats = get_stats.sync(
            client=client,
            carrier=["UA", "AA"],
            date_from=day,
            date_to=day,
            group_by=[GetStatsGroupByItem.CARRIER],
            on_time_minutes=30,
            names=GetStatsNames.TRUE,
        )
        page = get_flights.sync(
            client=client,
            delay=GetFlightsDelay.DEPARTURE,
            delay_min=60,
            order_by=GetFlightsOrderBy.DEPARTURE_DELAY_MINUTES_DESCENDING,
            limit=5,
        )
        events = get_flight_events.sync("2013-01-01-UA-1545-EWR", client=client)
        wrong = get_stats.sync(client=client, date_from=date(2013, 1, 2), date_to=day)
        assert isinstance(stats, Stats)
        assert isinstance(page, FlightPage)
        assert isinstance(events, FlightEvents)
        assert isinstance(wrong, Problem)
        assert stats.data[0].carrier_name == "American Airlines Inc."
        return {
            "stats": stats.to_dict(),
            "page": page.to_dict(),
            "flight": get_flight.sync("2013-01-01-UA-1545-EWR", client=client).to_dict(),
            "events": events.to_dict(),
            "lake": get_lake.sync(client=client).flights,
            "airports": len(get_airports.sync(client=client).data),
            "carriers": get_carriers.sync(client=client).to_dict(),
            "wrong": wrong.parameter,
        }


if __name__ == "__main__":
    print(json.dumps(answers(sys.argv[1])))
