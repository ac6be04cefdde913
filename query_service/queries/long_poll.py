"""Waits until a flight is at least as new as asked: looks once a plan age, holds nothing in between.

Who waits has a slot. One caller cannot take all of them. Some are for flights of the probes' carrier; where keys are
on, for the probes' key alone.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lakehouse.schema.event import PROBE_CARRIER
from lakehouse.table.planner import Now, Plan
from query_service.engine.executor import QueryContext, QueryExecutor
from query_service.engine.time_travel import TimeTravel
from query_service.errors import (
    answer_changed_error,
    flight_missing_error,
    not_yet_error,
    overloaded_error,
    too_many_waits_error,
)
from query_service.queries.flights import FlightState, flight_state
from query_service.queries.model import FlightRequest
from query_service.queries.partial_reads import PartialReads
from query_service.queries.reference import with_names
from query_service.representation.encoders import Rows
from query_service.representation.etag import ETagFactory, ResponsePreferences

_SHORTEST_PAUSE_S = 0.02  # a plan age of 0 must not become a busy loop


@dataclass(frozen=True)
class LongPollLimits:
    """How many requests may wait: in all, of one caller, and in addition for the probes' carrier.

    Those are for `canary_caller` alone, if there is one.
    """

    total: int
    per_caller: int
    canary: int
    canary_caller: str | None = None


class LongPollSlots:
    """Slots for those who wait. Lives on the event loop: not for threads."""

    def __init__(self, limits: LongPollLimits) -> None:
        self._limits = limits
        self._shared: Counter[str] = Counter()  # by caller; nobody is in it without a slot
        self._reserved: Counter[str] = Counter()

    @contextmanager
    def taken(self, caller: str, carrier: str) -> Iterator[None]:
        """A slot while the block runs. Raises ProblemError: 429 for a caller with too many, 503 when all are taken."""
        slots = self._slots(caller, carrier)
        slots[caller] += 1
        try:
            yield
        finally:
            slots[caller] -= 1
            if not slots[caller]:
                del slots[caller]

    def _slots(self, caller: str, carrier: str) -> Counter[str]:
        limits = self._limits
        mine_is_full = self._shared.get(caller, 0) >= limits.per_caller
        if not mine_is_full and self._shared.total() < limits.total:
            return self._shared
        share = limits.canary if caller == limits.canary_caller else max(1, limits.canary // 2)
        has_room = self._reserved.total() < limits.canary and self._reserved.get(caller, 0) < share
        if carrier == PROBE_CARRIER and has_room and limits.canary_caller in (None, caller):
            return self._reserved
        raise too_many_waits_error(limits.per_caller) if mine_is_full else overloaded_error(limits.total)


@dataclass(frozen=True)
class FlightVersion:
    """The flight as of `plan` and its tag. `is_unchanged`: the caller has it; `state` is None."""

    tag: str
    plan: Plan
    state: FlightState | None
    is_unchanged: bool = False


class LongPoll:
    """Answers /v1/flights/{flight_id}; those that have to wait take one of `slots`."""

    def __init__(
        self,
        executor: QueryExecutor,
        history: TimeTravel,
        tags: ETagFactory,
        now: Now,
        plan_max_age_s: float,
        slots: LongPollSlots,
        reads: PartialReads,
    ) -> None:
        self._executor = executor
        self._history = history
        self._tags = tags
        self._now = now
        self._plan_max_age_s = plan_max_age_s
        self._slots = slots
        self._reads = reads

    async def flight(self, request: FlightRequest, preferences: ResponsePreferences, caller: str) -> FlightVersion:
        """The flight once it is new enough. Raises ProblemError: 404 none or withdrawn, 504 not by then.

        `caller` is whose slot it takes to wait.
        """
        poll = _Poll(request, preferences, self._history, self._tags)
        version = await self._executor.answer(poll)
        if not poll.is_new_enough(version) and request.wait_s > 0:
            with self._slots.taken(caller, request.key.carrier):
                version = await self._wait(poll, version)
        state = version.state
        if request.min_event_time is not None and not poll.is_new_enough(version):
            newest = None if state is None else state.event_time
            raise not_yet_error(request.key.flight_id, request.min_event_time, newest)
        if not version.is_unchanged and (state is None or state.withdrawn):
            raise flight_missing_error(request.key.flight_id)
        if not preferences.if_match.allows(version.tag):
            raise answer_changed_error()
        if preferences.part is not None and preferences.names_no_tag and not version.is_unchanged:
            request_tag = self._tags.tag(poll.normal, preferences, ())
            self._reads.choose(preferences.part, request_tag, version.tag, version.plan, kept=lambda _: False)
        if preferences.if_none_match.is_any:
            return FlightVersion(version.tag, version.plan, None, is_unchanged=True)
        return version

    async def _wait(self, poll: _Poll, version: FlightVersion) -> FlightVersion:
        loop = asyncio.get_running_loop()
        end = loop.time() + poll.request.wait_s
        while not poll.is_new_enough(version) and (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, self._pause_s(version.plan)))
            version = await self._executor.answer(poll)
        return version

    def _pause_s(self, plan: Plan) -> float:
        """Until the plan is too old to be used again."""
        age_s = (self._now() - plan.listed_at).total_seconds()
        return max(_SHORTEST_PAUSE_S, self._plan_max_age_s - max(age_s, 0.0))


class _Poll:
    """Reads the flight; reuses the result as long as the files of its date stay the same."""

    def __init__(
        self, request: FlightRequest, preferences: ResponsePreferences, history: TimeTravel, tags: ETagFactory
    ) -> None:
        self.request = request
        self._preferences = preferences
        self._history = history
        self._tags = tags
        self.normal = dataclasses.replace(request, wait_s=0.0)  # patience makes no other answer
        self._last: FlightVersion | None = None

    async def __call__(self, context: QueryContext) -> FlightVersion:
        context = await self._history.view(context, self.request.snapshot)
        tag = self._tags.tag(self.normal, self._preferences, context.files(self.request.dates, asks_hidden=True).all)
        if self._preferences.if_none_match.matches(tag):
            return FlightVersion(tag, context.plan, None, is_unchanged=True)
        if self._last is not None and self._last.tag == tag:
            self._last = dataclasses.replace(self._last, plan=context.plan)
        else:
            state = await flight_state(self.request.key, context)
            if state is not None and self.request.names:
                state = dataclasses.replace(state, table=(await with_names(Rows(state.table, {}))).table)
            self._last = FlightVersion(tag, context.plan, state)
        return self._last

    def is_new_enough(self, version: FlightVersion) -> bool:
        """The caller's own answer was, since it is of the same request."""
        least, state = self.request.min_event_time, version.state
        return least is None or version.is_unchanged or (state is not None and state.event_time >= least)
