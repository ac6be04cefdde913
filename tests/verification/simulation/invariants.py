"""The invariants, and the record of everything published, acked, landed, rejected and committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse import object_names
from lakehouse.table.snapshot import Snapshot, from_json
from tests.verification.simulation.publishing import Published
from tests.verification.simulation.rows import Files, Flight, Row, State, essence, flight, identity, is_hidden, order
from tests.verification.simulation.world import Violation, World

Floor = dict[Flight, tuple[Any, ...]]
"""By flight, the order of the oldest event that an answer may have for it."""


class Invariants:
    """Records every effect at the moment it happens, and checks the invariants."""

    def __init__(self, world: World, files: Files) -> None:
        self._world = world
        self._files = files
        self._published: dict[str, Published] = {}
        self._expected: dict[tuple[str, int], tuple[Any, ...]] = {}
        self._landed: set[tuple[str, int]] = set()
        self._rejected: set[tuple[str, int]] = set()
        self._floor: Floor = {}
        self._flights: dict[str, list[Flight]] = {}  # by month file
        self._highest = 0
        self._in_history: set[tuple[str, int]] = set()

    def floor(self) -> Floor:
        """What an answer must have whose listing begins now."""
        return dict(self._floor)

    def published(self, published: Published) -> None:
        message_id = published.message.message_id
        self._published[message_id] = published
        for number, line in enumerate(published.lines):
            if line.essence is not None:
                self._expected[message_id, number] = line.essence

    def created(self, who: str, name: str, data: bytes) -> None:
        if name.startswith(object_names.DERIVED):
            return  # looked at in the end
        if name.startswith(object_names.LANDING):
            self._see_landed(name, data)
        elif name.startswith(object_names.REJECTED):
            self._see_rejected(name, data)
        elif name.startswith((object_names.FLIGHTS, object_names.HIDDEN)):
            self._see_month_file(name, self._files.rows(data))
        elif (number := object_names.parse_snapshot(name)) is not None:
            self._see_snapshot(name, from_json(name, data))
            if number > self._highest:
                self._highest = number
                self._in_history.add((who, number))

    def acked(self, message_id: str) -> None:
        """Ack is the last step: all lines are durable, landed or rejected."""
        for number, line in enumerate(self._published[message_id].lines):
            where = self._rejected if line.essence is None else self._landed
            if (message_id, number) not in where:
                self._world.violate(f"message {message_id} is acked, and its line {number} is nowhere")
            elif line.essence is not None:
                self._raise_floor(line.essence[0], line.essence[1])

    def committed(self, who: str, number: int) -> None:
        """A compactor reports a commit. A snapshot under an expired number is none."""
        if (who, number) not in self._in_history:
            raise Violation(f"{who}: says that it committed snapshot {number}, which is not in the history")

    def answered(self, who: str, state: State, floor: Floor) -> None:
        """The newest of all that was acked and landed when the listing began; beyond that, only what was published."""
        for key, row in state.items():
            if self._expected.get(identity(row)) != essence(row):
                raise Violation(f"{who}: {_name(key)} is {essence(row)}, which nobody published so")
        for key, at_least in floor.items():
            found = state.get(key)
            if found is None:
                raise Violation(f"{who}: {_name(key)} is missing, event {at_least} was acked or landed")
            if order(found) < at_least:
                raise Violation(f"{who}: {_name(key)} is {order(found)}, older than {at_least}")

    def ended(self, who: str, state: State) -> None:
        """After everything: exactly the newest of all that was published, and every bad line is kept."""
        wanted: dict[Flight, tuple[Any, ...]] = {}
        for expected in self._expected.values():
            known = wanted.get(expected[0])
            if known is None or expected[1] > known[1]:
                wanted[expected[0]] = expected
        found = {key: essence(row) for key, row in state.items()}
        if found != wanted:
            raise Violation(f"{who}: in the end {_difference(found, wanted)}")
        for message_id, published in self._published.items():
            for number, line in enumerate(published.lines):
                if line.essence is None and (message_id, number) not in self._rejected:
                    raise Violation(f"{who}: line {number} of message {message_id} was not kept as rejected")

    def _see_month_file(self, name: str, rows: list[Row]) -> None:
        keys = [flight(row) for row in rows]
        if keys != sorted(set(keys)):
            self._world.violate(f"{name}: not one row per flight, sorted")
        if any(is_hidden(row) != object_names.is_hidden(name) for row in rows):
            self._world.violate(f"{name}: has rows of both kinds, or of the other one")
        self._flights[name] = keys

    def _see_snapshot(self, name: str, snapshot: Snapshot) -> None:
        """Readers of other engines list its files: each flight once, whichever file it is in."""
        keys = [key for entry in snapshot.all_files() for key in self._flights[entry.name]]
        if len(keys) != len(set(keys)):
            self._world.violate(f"{name}: names files that have a flight twice")

    def _see_landed(self, name: str, data: bytes) -> None:
        for row in self._files.rows(data):
            if self._expected.get(identity(row)) != essence(row):
                self._world.violate(f"{name}: has {essence(row)}, which nobody published so")
            self._landed.add(identity(row))
            self._raise_floor(flight(row), order(row))

    def _see_rejected(self, name: str, data: bytes) -> None:
        for text, _, stage, reason, message_id, number, _ in self._files.rows(data):
            line = self._published[message_id].lines[number]
            if (line.data, line.stage) != (text, stage) or not reason or line.essence is not None:
                self._world.violate(f"{name}: rejected line {number} of message {message_id}: {stage}: {reason}")
            self._rejected.add((message_id, number))

    def _raise_floor(self, key: Flight, at_least: tuple[Any, ...]) -> None:
        if key not in self._floor or at_least > self._floor[key]:
            self._floor[key] = at_least


def _name(key: Flight) -> str:
    return f"{key[0]}-{key[1]}-{key[2]}{key[3]}-{key[4]}"


def _difference(found: Mapping[Flight, Any], wanted: Mapping[Flight, Any]) -> str:
    keys = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
    return "; ".join(f"{_name(key)} is {found.get(key)}, should be {wanted.get(key)}" for key in keys[:3])
