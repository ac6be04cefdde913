"""The protocol of snapshots, as a model: who may take which step in which state.

Each operation on the store is one atomic step, and any step of anybody may come next: a process may sleep between
any two of its own for as long as it takes to do harm. Time is an adversary too: whether a landed file is past its
grace, and how far the retention has advanced `oldest`, is decided by the search, both ways.

| who | steps | the sentence of the design |
|---|---|---|
| writer | here | one object per batch; when it is durable, ack. (Unknown outcome: landed again, one more event) |
| compactor | `compacting.py` | list landing, read the latest snapshot, merge, create n+1, rebase, list once more |
| collector | `collecting.py` | works from the line only |
| reader | `reading.py` | landing first, all pages; then the highest name in a listing; then files |

After every step it is checked (`lake.problem_of`) that each acked event is in landing or in a month file of the latest
snapshot; that the latest snapshot contains what the one before it contained, and the highest number never goes back
(so no reader's line does); and that the latest and all retained snapshots and their month files are there. Of every
answer (`reading.py`): it covers what was acked before its listing began, and invents nothing. Of every commit that is
taken for one (`compacting.py`): the line contains it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial
from typing import NamedTuple

from tests.verification.model_checker import collecting, compacting, reading
from tests.verification.model_checker.checker import Step
from tests.verification.model_checker.collecting import Collector
from tests.verification.model_checker.compacting import Compactor
from tests.verification.model_checker.lake import File, Lake, World, files_in, problem_of, show
from tests.verification.model_checker.reading import Reader
from tests.verification.model_checker.rules import SPECIFIED, Finder, Rules


class State(NamedTuple):
    """The store, and what each process has in memory."""

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
        """Compactors are alike, collectors are alike: in which order they stand cannot matter. Month files that
        nobody has in mind and no snapshot names will never be named again: whether they are there cannot matter."""
        named = _named(state)
        collectors = (collecting.without(process, named) if process.doomed else process for process in state.collectors)
        return (
            state.lake if named >= state.lake.files else state.lake._replace(files=state.lake.files & named),
            tuple(sorted(state.compactors, key=hash)),
            tuple(sorted(collectors, key=hash)),
            state.readers,
        )

    def steps(self, state: State) -> Iterator[Step[State]]:
        """Whatever may happen next, with what it breaks."""
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
        return Step(actor, action, after, problem)


def _named(state: State) -> frozenset[File]:
    """Month files that a snapshot names, or may yet name."""
    lake, compactors, collectors, readers = state
    latest = [process.latest for process in collectors]
    return frozenset().union(*map(files_in, (lake.snapshots, lake.on_its_way, *compactors, *latest, *readers)))


def _known(state: State) -> frozenset[File]:
    """Month files whose names somebody has in mind. A new one may take the name of any other: as that will never be
    named again, it is as if it were not there, and names stay few."""
    return _named(state).union(*(process.doomed for process in state.collectors))
