"""The protocol of snapshots, as a model: who may take which step in which state.

Each operation on the store is one atomic step, and any process may take the next one: a process may
sleep between two of its steps for any time. Time is adversarial too: the search tries both outcomes
of whether a landed file is past its grace, and of how far retention has advanced `min_retained`.

| who | steps | the sentence of the design |
|---|---|---|
| writer | here | one object per batch; when it is durable, ack. (Unknown outcome: landed again, one more event) |
| compactor | `compacting.py` | list landing, read the latest snapshot, merge, create n+1, rebase, list once more |
| collector | `collecting.py` | follows the history only |
| reader | `reading.py` | landing first, all pages; then the highest name in a listing; then files |

After every step `lake.problem_of` checks that each acked event is in landing or in a month file of
the latest snapshot; that the latest snapshot contains all of the one before, and that the highest
number never goes back (so no reader does); and that the latest and all retained snapshots and their
month files exist. Every answer (`reading.py`) covers the events acked before its listing began, and
only published events. Every commit that counts (`compacting.py`) is in the history.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial
from typing import NamedTuple

from tests.verification.model_checker import collecting, compacting, reading
from tests.verification.model_checker.checker import Step
from tests.verification.model_checker.collecting import Collector
from tests.verification.model_checker.compacting import Compactor
from tests.verification.model_checker.lake import File, Lake, World, files_in, problem_of, separation_problem, show
from tests.verification.model_checker.reading import Reader
from tests.verification.model_checker.rules import SPECIFIED, Finder, Rules


class State(NamedTuple):
    """The store, and the memory of each process."""

    lake: Lake
    compactors: tuple[Compactor, ...]
    collectors: tuple[Collector, ...]
    readers: tuple[Reader, ...]


class Protocol:
    """One world under one set of rules; a `checker.Model`."""

    def __init__(self, world: World, rules: Rules = SPECIFIED) -> None:
        self._world = world
        self._finder = Finder(world, rules)
        self._before = tuple(world.before(bit) for bit in range(len(world.events)))

    def start(self) -> State:
        """No snapshot yet; everybody idle."""
        world = self._world
        landed = world.all_events if world.landed_at_start else 0
        return State(
            Lake(landed, landed, frozenset(), (), None, world.unknown_creates),
            (compacting.IDLE,) * world.compactors,
            (collecting.IDLE,) * world.collectors,
            (reading.IDLE,) * world.readers,
        )

    def canonical(self, state: State) -> Hashable:
        """Compactors are alike, collectors are alike: their order cannot matter. Month files that
        no process knows and no snapshot names will never be named again: they cannot matter."""
        named = _named(state)
        collectors = (collecting.without(process, named) if process.doomed else process for process in state.collectors)
        return (
            state.lake if named >= state.lake.files else state.lake._replace(files=state.lake.files & named),
            tuple(sorted(state.compactors, key=hash)),
            tuple(sorted(collectors, key=hash)),
            state.readers,
        )

    def steps(self, state: State) -> Iterator[Step[State]]:
        """All possible next steps, each with the problem that it causes."""
        yield from self._landings(state)
        yield from self._late_create(state)
        yield from self._compactors(state)
        yield from self._collectors(state)
        yield from self._readers(state)

    def _landings(self, state: State) -> Iterator[Step[State]]:
        """An acked event is in a landed file."""
        lake = state.lake
        for bit, before in enumerate(self._before):
            event = 1 << bit
            if not lake.acked & event and before & ~lake.acked == 0:
                yield self._step(
                    state,
                    state._replace(lake=lake._replace(landing=lake.landing | event, acked=lake.acked | event)),
                    "writer",
                    f"lands and acks {show(event)}",
                )

    def _late_create(self, state: State) -> Iterator[Step[State]]:
        """A create whose outcome is unknown may yet happen, if its name is free then."""
        lake = state.lake
        if lake.on_its_way is None:
            return
        number = lake.on_its_way.number
        arrived = lake._replace(on_its_way=None)
        if lake.read(number) is None:
            arrived = arrived.with_snapshot(lake.on_its_way)
        yield self._step(state, state._replace(lake=arrived), "network", f"the create of snapshot {number} arrives")

    def _compactors(self, state: State) -> Iterator[Step[State]]:
        used = partial(_known, state)
        for index, process in enumerate(state.compactors):
            head, tail = state.compactors[:index], state.compactors[index + 1 :]
            for action, lake, after, problem in compacting.steps(process, state.lake, self._finder, used):
                new = State(lake, (*head, after, *tail), state.collectors, state.readers)
                yield self._step(state, new, f"compactor {index + 1}", action, problem)
            if self._world.crashes and process != compacting.IDLE:
                new = state._replace(compactors=(*head, compacting.IDLE, *tail))
                yield self._step(state, new, f"compactor {index + 1}", "crashes and starts again")

    def _collectors(self, state: State) -> Iterator[Step[State]]:
        for index, process in enumerate(state.collectors):
            head, tail = state.collectors[:index], state.collectors[index + 1 :]
            for action, lake, after in collecting.steps(process, state.lake, self._finder):
                new = State(lake, state.compactors, (*head, after, *tail), state.readers)
                yield self._step(state, new, f"collector {index + 1}", action)
            if self._world.crashes and process != collecting.IDLE:
                new = state._replace(collectors=(*head, collecting.IDLE, *tail))
                yield self._step(state, new, f"collector {index + 1}", "crashes and starts again")

    def _readers(self, state: State) -> Iterator[Step[State]]:
        for process in state.readers:
            for action, after, problem in reading.steps(process, state.lake, self._finder):
                yield Step("reader", action, State(state.lake, state.compactors, state.collectors, (after,)), problem)

    def _step(self, before: State, after: State, actor: str, action: str, problem: str | None = None) -> Step[State]:
        if problem is None and after.lake is not before.lake:
            problem = problem_of(after.lake, before.lake, self._finder.empty)
            if problem is None and after.lake.snapshots[-1:] != before.lake.snapshots[-1:]:
                problem = separation_problem(after.lake.snapshots[-1], self._world)
        return Step(actor, action, after, problem)


def _named(state: State) -> frozenset[File]:
    """Month files that a snapshot names, or may yet name."""
    lake, compactors, collectors, readers = state
    latest = [process.latest for process in collectors]
    return frozenset().union(*map(files_in, (lake.snapshots, lake.on_its_way, *compactors, *latest, *readers)))


def _known(state: State) -> frozenset[File]:
    """Month files whose names a process knows. A new one may reuse any other name: a file that is
    never named again counts as absent, and names stay few."""
    return _named(state).union(*(process.doomed for process in state.collectors))
