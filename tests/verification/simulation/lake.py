"""Compactors, collectors and readers of the simulation: rounds of the real code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.garbage_collector import GarbageCollector
from ingest_writer.compaction.model import CompactorOptions, Report
from ingest_writer.publishing.publisher import Published, Publisher
from lakehouse.client.connection import connect_store
from lakehouse.client.verify import verify
from lakehouse.client.verify_tables import TableCheck
from lakehouse.errors import (
    CreateStateUnknownError,
    ObjectMissingError,
    PublishError,
    StoreAccessDeniedError,
    StoreUnavailableError,
)
from lakehouse.schema.event import KEY
from lakehouse.table.planner import Plan, Planner
from lakehouse.table.stored_file import StoredFile
from tests.verification.simulation import rows
from tests.verification.simulation.bucket import Bucket, SimulatedStore
from tests.verification.simulation.invariants import Invariants
from tests.verification.simulation.rows import Files, State
from tests.verification.simulation.world import ThreadActor, Violation, World

_PLANS = 4  # the first, and three more when files are gone
_TROUBLE = (StoreUnavailableError, StoreAccessDeniedError, CreateStateUnknownError)  # the next round tries again


@dataclass(frozen=True)
class Lake:
    """The state that the rounds work on."""

    world: World
    bucket: Bucket
    invariants: Invariants
    files: Files
    scratch: Path

    def compactor(self, actor: ThreadActor) -> None:
        """One process: compacts, publishes the outside tables and collects, round after round."""
        store = SimulatedStore(self.bucket, actor)
        compactor = self._compactor(actor, store)
        collector = self._collector(actor, store, compactor.planner)
        publisher = Publisher(store, Planner(store, actor.now))
        published = Published(0, 0)

        def work() -> None:
            nonlocal published
            self._compact(actor, compactor)
            try:
                published = publisher.publish()
            except (*_TROUBLE, PublishError, ObjectMissingError) as error:  # which is no failed run
                self.world.note(actor.name, f"not published: {type(error).__name__}")
            collector.collect(min(published.delta, published.iceberg))

        self._rounds(actor, work)

    def collector(self, actor: ThreadActor) -> None:
        """One process that only collects."""
        store = SimulatedStore(self.bucket, actor)
        collector = self._collector(actor, store, Planner(store, actor.now))
        self._rounds(actor, collector.collect)

    def reader(self, actor: ThreadActor) -> None:
        """One process that asks for everything, again and again."""
        reader = Reader(self, actor)
        self._rounds(actor, reader.answer)

    def finish(self, actor: ThreadActor) -> None:
        """After the faults: an answer, then everything compacted, then the same answer."""
        self.invariants.ended("before the last compaction", Reader(self, actor).answer())
        store = SimulatedStore(self.bucket, actor)
        compactor = self._compactor(actor, store)
        collector = self._collector(actor, store, compactor.planner)
        while (report := self._compact(actor, compactor)).pending_files:
            if not report.absorbed_files:
                raise Violation(f"{report.pending_files} files cannot be absorbed: {report.unreadable}")
        published = Publisher(store, Planner(store, actor.now)).publish()
        collector.collect(min(published.delta, published.iceberg))
        plan = compactor.planner.plan()
        if plan.tail:
            raise Violation(f"{len(plan.tail)} files are left in the tail")
        if published != Published(plan.snapshot.number, plan.snapshot.number):
            raise Violation(f"the outside tables are at {published}")
        if wrong := list(TableCheck(store, plan.snapshot.min_retained).problems()):
            raise Violation(f"the outside tables: {wrong}")
        state = Reader(self, actor).answer()
        self.invariants.ended("after the last compaction", state)
        if self.world.scenario.is_real:
            self._ask_as_analyst(actor, store, state)

    def _ask_as_analyst(self, actor: ThreadActor, store: SimulatedStore, state: State) -> None:
        """The real SQL over the real files says the same, and `verify` finds nothing."""
        if problems := verify(store, actor.now).problems:
            raise Violation(f"verify: {problems}")
        with connect_store(store, actor.now, self.scratch, 1 << 30) as connection:
            found = connection.execute(f"SELECT {', '.join(KEY)}, status, tail_number FROM flights").fetchall()
        wanted = [(*key, *rows.status_and_mark(row)) for key, row in state.items()]
        if sorted(found) != sorted(each for each in wanted if each[-2] != "void" and each[1] != "ZZ"):
            raise Violation(f"the view flights is {found}, not {wanted}")

    def _rounds(self, actor: ThreadActor, work: Callable[[], object]) -> None:
        while not self.world.is_ending:
            try:
                work()
            except _TROUBLE as error:
                self.world.note(actor.name, f"round failed: {type(error).__name__}")
            actor.pause(actor.rng.uniform(0.5, 1.5) * self.world.scenario.round_s)

    def _compact(self, actor: ThreadActor, compactor: Compactor) -> Report:
        report = compactor.compact()
        if report.unreadable:
            raise Violation(f"{actor.name}: found unreadable {report.unreadable}")
        if report.months:
            note = f"committed {report.snapshot}, {len(report.months)} months, absorbed {report.absorbed_files}"
            self.world.note(actor.name, note)
        for number in report.commits:
            self.invariants.committed(actor.name, number)
        return report

    def _compactor(self, actor: ThreadActor, store: SimulatedStore) -> Compactor:
        scenario = self.world.scenario
        options = CompactorOptions(
            scratch=self.scratch,
            scratch_max_bytes=1_000_000_000,
            memory_mb=100,
            threads=1,
            months_at_once=1,
            merge_max_files=scenario.merge_max_files,
            merge_max_bytes=1_000_000_000,
            merge_max_rows=10_000_000,
            commit_attempts=scenario.commit_attempts,
            retention_s=scenario.retention_s,
            file_max_bytes=scenario.file_max_bytes,
            moving_file_max_bytes=scenario.moving_file_max_bytes,
            rest_s=scenario.rest_s,
        )
        return Compactor(store, options, actor.now, actor.random_id)

    def _collector(self, actor: ThreadActor, store: SimulatedStore, planner: Planner) -> GarbageCollector:
        scenario = self.world.scenario
        return GarbageCollector(store, planner, scenario.delete_grace_s, 1, scenario.retention_s)


class Reader:
    """Answers from one plan; plans again when a file is gone."""

    def __init__(self, lake: Lake, actor: ThreadActor) -> None:
        self._lake = lake
        self._actor = actor
        self._store = SimulatedStore(lake.bucket, actor)
        self._planner = Planner(self._store, actor.now)
        self._cache: dict[str, list[rows.Row]] = {}

    def answer(self) -> State:
        """The state by one plan, which must be lawful."""
        missing: ObjectMissingError | None = None
        for _ in range(_PLANS):
            floor = self._lake.invariants.floor()
            plan = self._planner.plan()
            if missing is not None and plan.names_file(missing.name):
                raise Violation(f"{self._actor.name}: {missing.name} is gone, and a later plan names it")
            try:
                state = self.state(plan)
            except ObjectMissingError as error:
                missing = error
                continue
            self._lake.world.note(self._actor.name, f"answers from {plan.snapshot.number} + {len(plan.tail)}")
            self._lake.invariants.answered(self._actor.name, state, floor)
            return state
        raise StoreUnavailableError("files are gone after each of four plans")

    def state(self, plan: Plan) -> State:
        """Newest wins over month files and tail. Who shows flights does not need all of the hidden ones."""
        tail = [row for file in plan.tail for row in self._rows(file)]
        state = rows.newest([*self._all(plan.snapshot.all_files()), *tail])
        needed = (*plan.months_between(None, None), *plan.hidden_beside(plan.tail))
        if rows.shown(rows.newest([*self._all(needed), *tail])) != rows.shown(state):
            raise Violation(f"{self._actor.name}: shows other flights with fewer hidden files")
        return state

    def _all(self, files: Iterable[StoredFile]) -> list[rows.Row]:
        return [row for file in files for row in self._rows(file)]

    def _rows(self, file: StoredFile) -> list[rows.Row]:
        if file.name not in self._cache:
            data = self._store.read(file.name)
            if google_crc32c.value(data) != file.crc32c:
                raise Violation(f"{file.name}: its bytes are not those of the plan")
            self._cache[file.name] = self._lake.files.rows(data)
        return self._cache[file.name]
