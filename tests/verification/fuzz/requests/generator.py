"""Makes request number n of a seed: a random kind, and the oracle's expectation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

from tests._support.oracles.stats_oracle import GROUPS
from tests.verification.fuzz.requests import values
from tests.verification.fuzz.requests.oracle import (
    DELAYS,
    FILTERS,
    FORMATS,
    METRICS,
    OF_FLIGHTS,
    ONCE,
    ORDERS,
    STATUSES,
    Oracle,
    cursor,
    flight_id,
)
from tests.verification.fuzz.requests.question import Expected, Pairs, Question, asked, on_the_wire

_STATS, _FLIGHTS = "/v1/stats", "/v1/flights"
_CODES = ("carrier", "origin", "destination")
_MANY = {100: 5, 101: 5, 1000: 3, 10_000: 1}  # how many, how often: thousands are slow to write down


class Generator:
    """Makes requests about the oracle's lake."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._rows = [oracle.states[each] for each in sorted(oracle.states, key=str)]
        self._kinds: tuple[tuple[str, Callable[[Random], Question]], ...] = (
            *(("right", self._right), ("right flight", self._flight), ("one wrong value", self._one_wrong)),
            *(("one wrong value", self._one_wrong), ("contradiction", self._contradiction), ("unknown", self._unknown)),
            *(("repeated", self._repeated), ("many values", self._many), ("cursor", self._cursor), ("raw query", _raw)),
            *(("path", _target), ("method", self._method), ("accept", self._accept), ("headers", self._headers)),
            ("wrong flight", self._wrong_flight),
        )

    def question(self, seed: int, number: int) -> Question:
        random = Random(f"{seed}/{number}")
        _, make = random.choice(self._kinds)
        return make(random)

    def _right(self, random: Random) -> Question:
        path = random.choice((_STATS, _STATS, _FLIGHTS))
        return self._asked("right", path, self._right_pairs(random, path))

    def _asked(self, kind: str, path: str, given: Pairs, **more: Any) -> Question:
        if path == _STATS:
            return asked(kind, path, given, self._oracle.stats(given), **more)
        return asked(kind, path, given, self._oracle.flights(given), **more)

    def _right_pairs(self, random: Random, path: str) -> Pairs:
        row = random.choice(self._rows)
        pairs = [(name, str(GROUPS[name](row))) for name in FILTERS if random.random() < 0.2]
        pairs += [(name, str(GROUPS[name](random.choice(self._rows)))) for name, _ in pairs if random.random() < 0.5]
        pairs = [(name, value) for name, value in pairs if value != "None"]
        pairs = _respelled(random, pairs)
        first, last = sorted(random.choices(_DAYS, k=2))
        pairs += [("date_from", first)] * (random.random() < 0.3) + [("date_to", last)] * (random.random() < 0.3)
        if path == _STATS:
            groups = random.sample(sorted(GROUPS), random.choice((0, 1, 1, 2, 3)))
            pairs += (
                [("group_by", ",".join(groups))]
                if groups and random.random() < 0.5
                else [("group_by", g) for g in groups]
            )
            columns = random.sample((*groups, *METRICS), random.choice((0, 1, 2)))
            pairs += [("order_by", ",".join(random.choice(("", "-")) + c for c in columns))] if columns else []
            pairs += [("min_flights", random.choice(("1", "2", "3")))] * (bool(groups) and random.random() < 0.3)
            pairs += [("on_time_minutes", random.choice(("0", "14", "16", "1440")))] * (random.random() < 0.2)
        elif random.random() < 0.5:
            pairs.append(("cursor", cursor(flight_id(random.choice(self._rows)))))
        elif random.random() < 0.5:
            pairs.append(("order_by", random.choice(("", "-")) + random.choice(ORDERS)))
        if path == _FLIGHTS and random.random() < 0.3:
            pairs += [("delay", random.choice(("departure", "arrival"))), ("delay_max", random.choice(("14", "60")))]
            pairs += [("delay_min", random.choice(("-1440", "0", "14")))] * (random.random() < 0.5)
        pairs += [("limit", str(random.choice((1, 2, 5, 1000))))] * (random.random() < 0.4)
        pairs += [("snapshot", random.choice(("1", "1", "2", "999999999")))] * (random.random() < 0.2)
        pairs += [("names", random.choice(("true", "true", "false")))] * (random.random() < 0.2)
        return pairs + [("format", random.choice(FORMATS))] * (random.random() < 0.2)

    def _one_wrong(self, random: Random) -> Question:
        path = random.choice((_STATS, _FLIGHTS))
        pairs = self._right_pairs(random, path)
        own = ("group_by", "min_flights", "on_time_minutes") if path == _STATS else OF_FLIGHTS
        shared = ("date_from", "date_to", "limit", "snapshot", "format", "names", "order_by")
        name = random.choice((*FILTERS, *shared, *own))
        right = next((value for given, value in pairs if given == name), "")
        pairs = [pair for pair in pairs if pair[0] != name]
        pairs.insert(random.randint(0, len(pairs)), (name, values.fuzzed(random, right)))
        return self._asked("one wrong value", path, pairs)

    def _contradiction(self, random: Random) -> Question:
        pairs = self._right_pairs(random, _STATS)
        match random.randrange(5):
            case 0:
                first, last = random.sample(("1980-01-01", "2013-01-30", "2013-02-01", "2100-12-31"), 2)
                pairs = [*(p for p in pairs if p[0][:5] != "date_"), ("date_to", last), ("date_from", first)]
            case 1:
                pairs = [*(p for p in pairs if p[0] != "order_by"), ("order_by", random.choice(sorted(GROUPS)))]
            case 2:
                column = random.choice(DELAYS)
                pairs = [*(p for p in pairs if p[0] != "order_by"), ("order_by", f"{column},-{column}")]
            case 3:
                pairs += [("group_by", random.choice(sorted(GROUPS)))] * 2
            case _:
                pairs += [("status", status) for status in STATUSES] + [("carrier", "ZZ")]
        return self._asked("contradiction", _STATS, pairs)

    def _unknown(self, random: Random) -> Question:
        path = random.choice((_STATS, _FLIGHTS, "/v1/lake"))
        name = random.choice((*values.NAMES, values.fuzzed(random, "carrier"), *ONCE))
        pairs = [] if path == "/v1/lake" else self._right_pairs(random, path)
        pairs.insert(random.randint(0, len(pairs)), (name, values.fuzzed(random, "UA")))
        if path == "/v1/lake":
            return asked("unknown", path, pairs, Expected(422, on_the_wire(name)))
        return self._asked("unknown", path, pairs)

    def _repeated(self, random: Random) -> Question:
        path = random.choice((_STATS, _FLIGHTS))
        pairs = self._right_pairs(random, path) or [("limit", "1")]
        pairs += random.choices(pairs, k=random.choice((1, 2, 5)))
        if random.random() < 0.3:
            pairs.append((random.choice(pairs)[0], ""))
        random.shuffle(pairs)
        return self._asked("repeated", path, pairs)

    def _many(self, random: Random) -> Question:
        path, count = random.choice((_STATS, _FLIGHTS)), random.choices([*_MANY], [*_MANY.values()])[0]
        name = random.choice((*FILTERS, *FILTERS, "limit", "group_by", "colour"))
        value: dict[str, Callable[[int], str]] = {
            "flight_number": lambda n: str(n % 9999 + 1),
            "weekday": lambda n: str(n % 7 + 1),
            "hour": lambda n: str(n % 24),
            "tail_number": lambda n: f"N{n}",
            "status": lambda n: STATUSES[n % 6],
            "limit": lambda _: "1",
        }
        make = value.get(name, _code)
        return self._asked("many values", path, [(name, make(n)) for n in range(count)])

    def _cursor(self, random: Random) -> Question:
        right = cursor(flight_id(random.choice(self._rows)))
        forged = (
            *(right, right[:-1], right + "=", right + "A", right.swapcase(), right[::-1], right * 300, "AAAA", "-_-_"),
            *(
                cursor("2013-02-30-UA-1-EWR"),
                cursor("2013-01-31-UA-0-EWR"),
                cursor("1000-01-01-UA-1-EWR"),
                cursor("x' OR 1=1"),
            ),
            *(
                cursor("9999-12-31-ZZZ-9999Z-ZZZZ"),
                cursor("2013-01-31-UA-1-EWR\n"),
                cursor("2013-01-31-ＵＡ-1-EWR"),
                cursor(""),
            ),
            values.mutated(random, right),
        )
        pairs = [pair for pair in self._right_pairs(random, _FLIGHTS) if pair[0] != "cursor"]
        return self._asked("cursor", _FLIGHTS, [*pairs, ("cursor", random.choice(forged))])

    def _flight(self, random: Random) -> Question:
        right = flight_id(random.choice(self._rows))
        return self._one("right flight", random.choice((right, right, right.lower())), self._times(random))

    def _wrong_flight(self, random: Random) -> Question:
        right = flight_id(random.choice(self._rows))
        wrong = (values.fuzzed(random, right), values.mutated(random, right), right.replace("2013", "1912"))
        pairs = self._times(random)
        if random.random() < 0.4:
            pairs.append(
                (
                    random.choice(("wait_s", "min_event_time", "snapshot", "format", "carrier")),
                    values.fuzzed(random, "1"),
                )
            )
        return self._one("wrong flight", random.choice((right, *wrong)), pairs)

    def _times(self, random: Random) -> Pairs:
        pairs = [("min_event_time", random.choice(values.TIMES))] * (random.random() < 0.4)
        pairs += [("snapshot", random.choice(("1", "2")))] * (random.random() < 0.2)
        return pairs + [("wait_s", random.choice(("0", "1", "30", "0.5", "1e-5")))] * (random.random() < 0.3)

    def _one(self, kind: str, flight: str, pairs: Pairs) -> Question:
        expected = self._oracle.flight(on_the_wire(flight), pairs)
        if "/" in flight or flight == "":
            expected = Expected(404)
        return asked(kind, f"/v1/flights/{flight}", pairs, expected)

    def _method(self, random: Random) -> Question:
        path = random.choice((_STATS, _FLIGHTS, "/v1/lake", "/health", "/ready", "/v1/flights/2013-01-30-UA-1-EWR"))
        body = random.choice((b"", b"{}", b"\x00" * 1000, b"carrier=UA"))
        return asked("method", path, [], Expected(405), method=random.choice(values.METHODS), body=body)

    def _accept(self, random: Random) -> Question:
        accept = tuple(
            (b"accept", each.encode("latin-1")) for each in random.choices(values.ACCEPTS, k=random.choice((1, 1, 3)))
        )
        path = random.choice((_STATS, _FLIGHTS, "/v1/lake"))
        return asked("accept", path, [], None, headers=accept)

    def _headers(self, random: Random) -> Question:
        sent = random.choices(values.HEADERS, k=random.choice((1, 2, 20)))
        path = random.choice((_STATS, _FLIGHTS))
        headers = tuple((name.encode(), value.encode("latin-1")) for name, value in sent)
        return self._asked(
            "headers", path, self._right_pairs(random, path), headers=headers, body=random.choice((b"", b"{'"))
        )


def _respelled(random: Random, pairs: Pairs) -> Pairs:
    """Codes in small letters at times, and at times the values of a filter in one."""
    pairs = [(n, v.lower() if n in _CODES and random.random() < 0.2 else v) for n, v in pairs]
    if random.random() < 0.5:
        return pairs
    names = dict.fromkeys(name for name, _ in pairs)
    return [(name, ",".join(value for given, value in pairs if given == name)) for name in names]


def _code(number: int) -> str:
    return f"A{number % 36:02d}"


def _raw(random: Random) -> Question:
    path = random.choice((b"/v1/stats", b"/v1/flights", b"/v1/lake", b"/v1/flights/2013-01-30-UA-1-EWR", b"/health"))
    pieces = random.choices(values.RAW, k=random.choice((1, 1, 1, 2, 3)))
    if random.random() < 0.3:
        pieces.append(bytes(random.randrange(256) for _ in range(random.randrange(40))))
    return Question("raw query", path, b"&".join(pieces))


def _target(random: Random) -> Question:
    path = random.choice(values.TARGETS)
    if random.random() < 0.2:
        path += bytes(random.randrange(256) for _ in range(random.randrange(20))).replace(b"?", b"").replace(b"#", b"")
    return Question("path", path, random.choice((b"", b"", b"carrier=UA", b"x")))


_DAYS = [(date(2013, 1, 28) + timedelta(days=n)).isoformat() for n in range(8)] + ["1980-01-01", "2100-12-31"]
