"""Requests to the lying proxy and the faults that it injects: scripted, or from a seed."""

from __future__ import annotations

import itertools
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from tests.verification.fault_injection.uploads import named_in


class Operation(Enum):
    """The client's operation. A resumable upload is BEGIN, then SEND."""

    LIST = auto()
    READ = auto()
    DESCRIBE = auto()
    DELETE = auto()
    CREATE = auto()
    BEGIN = auto()
    SEND = auto()
    OTHER = auto()


UPLOADS: Final = (Operation.CREATE, Operation.SEND)
"""Those that carry an object's bytes."""


@dataclass(frozen=True)
class Request:
    """One request. `name` is of the object, the prefix of a listing, or "" when it does not say."""

    operation: Operation
    name: str


class Kind(Enum):
    """How a request goes wrong."""

    RESET = auto()  # the connection
    STALL = auto()  # no answer for longer than the client waits
    STATUS = auto()  # another answer than the server's
    LATE = auto()  # the client has given up when the request gets to the server
    CUT = auto()  # the answer ends before its Content-Length
    SHORT = auto()  # the answer lacks its end, and its Content-Length agrees
    FLIP_ANSWER = auto()  # one bit of the answer's body
    FLIP_UPLOAD = auto()  # one bit of the object's bytes, in transit to the server


@dataclass(frozen=True)
class Fault:
    """`after`: RESET, STALL and STATUS come once the server has done what it was asked.

    `at` is where in the body, as a part of its length; with `near`, of what follows this text up to a quote.
    """

    kind: Kind
    after: bool = False
    status: int = 0
    at: float = 0.5
    near: bytes = b""
    spares_names: bool = False


Plan = Callable[[Request], Fault | None]

HONEST: Final[Plan] = lambda _: None  # noqa: E731 - a constant


def parse_request(method: str, target: str, body: bytes) -> Request:
    url = urlsplit(target)
    query = parse_qs(url.query)
    objects, slash, name = url.path.partition("/o/")
    if method == "PUT" and url.path.startswith("/upload/"):
        return Request(Operation.SEND, "")
    if method == "POST" and query.get("uploadType") == ["resumable"]:
        return Request(Operation.BEGIN, query["name"][0] if "name" in query else str(json.loads(body)["name"]))
    if method == "POST" and query.get("uploadType") == ["multipart"]:
        return Request(Operation.CREATE, named_in(body))
    if method == "GET" and objects.endswith("/o"):
        return Request(Operation.LIST, query.get("prefix", [""])[0])
    if slash and method == "DELETE":
        return Request(Operation.DELETE, unquote(name))
    if slash and method == "GET":
        return Request(Operation.READ if query.get("alt") == ["media"] else Operation.DESCRIBE, unquote(name))
    return Request(Operation.OTHER, "")


def times(count: int, fault: Fault, *operations: Operation, named: str = "") -> Plan:
    """`fault` for the next `count` requests of these operations (all, when none is given) for names that begin so."""
    left = iter(range(count))

    def choose(request: Request) -> Fault | None:
        is_meant = (not operations or request.operation in operations) and request.name.startswith(named)
        return fault if is_meant and next(left, None) is not None else None

    return choose


def in_turn(*faults: Fault | None) -> Plan:
    """The first for the first request and so on, then none."""
    left = iter(faults)
    return lambda _: next(left, None)


def every(nth: int, fault: Fault, *operations: Operation) -> Plan:
    """`fault` for every nth request of these operations."""
    asked = itertools.count(1)
    return lambda request: fault if request.operation in operations and next(asked) % nth == 0 else None


_WITHOUT_EFFECT = (408, 412, 429, 500, 503)
_AFTER_EFFECT = (412, 429, 503)
_WEIGHTS: Final = {
    Fault(Kind.RESET): 3,
    Fault(Kind.RESET, after=True): 4,
    Fault(Kind.STALL): 0.5,  # they cost the client's timeout
    Fault(Kind.STALL, after=True): 0.5,
    Fault(Kind.LATE): 1,
    Fault(Kind.CUT): 3,
    Fault(Kind.SHORT): 3,
    Fault(Kind.FLIP_ANSWER): 5,
    Fault(Kind.FLIP_UPLOAD): 6,
    **{Fault(Kind.STATUS, status=status): 1.0 for status in _WITHOUT_EFFECT},
    **{Fault(Kind.STATUS, after=True, status=status): 1.5 for status in _AFTER_EFFECT},
}


def from_seed(seed: int, rate: float) -> Plan:
    """Lies about that part of the requests. What happens to the nth request for a name does not depend on the others.

    A name in a listing is never changed: it has no checksum, only TLS could notice.
    """
    asked: Counter[Request] = Counter()
    lock = threading.Lock()

    def choose(request: Request) -> Fault | None:
        with lock:
            asked[request] += 1
            rng = random.Random(f"{seed}/{request.operation.name}/{request.name}/{asked[request]}")
        if rng.random() >= rate:
            return None
        fault = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        return Fault(fault.kind, fault.after, fault.status, rng.random(), spares_names=True)

    return choose


_NAME_VALUES = re.compile(rb'(?<="name":")[^"]*(?=")')


def position(body: bytes, fault: Fault) -> int:
    """Which byte of the body to flip; -1 for none."""
    if fault.near:
        start = body.index(fault.near) + len(fault.near)
        return start + int(fault.at * (body.index(b'"', start) - start))
    places = range(len(body))
    if fault.spares_names:
        named = {place for match in _NAME_VALUES.finditer(body) for place in range(*match.span())}
        rest = [place for place in places if place not in named]
        return rest[int(fault.at * len(rest))] if rest else -1
    return places[int(fault.at * len(places))] if places else -1


def flipped(body: bytes, place: int) -> bytes:
    if place < 0:
        return body
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


RESET, RESET_AFTER = Fault(Kind.RESET), Fault(Kind.RESET, after=True)
STALL, STALL_AFTER = Fault(Kind.STALL), Fault(Kind.STALL, after=True)
LATE, CUT, SHORT = Fault(Kind.LATE), Fault(Kind.CUT), Fault(Kind.SHORT)
FLIP_ANSWER, FLIP_UPLOAD = Fault(Kind.FLIP_ANSWER), Fault(Kind.FLIP_UPLOAD)
OUTAGES = [Fault(Kind.STATUS, status=status) for status in (408, 429, 500, 503)]
LOST_ANSWERS = [RESET_AFTER, STALL_AFTER, CUT, *(Fault(Kind.STATUS, after=True, status=s) for s in (429, 503))]


def told(fault: Fault) -> str:
    return f"{fault.kind.name.lower()}{fault.status or ''}{'-after' if fault.after else ''}"
