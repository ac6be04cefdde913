"""Waits until a flight is new enough: polls once a plan age and holds nothing in between."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lakehouse.table.planner import Now, Plan
from query_service.engine.executor import QueryContext, QueryExecutor
from query_service.engine.time_travel import TimeTravel
from query_service.errors import flight_missing_error, not_yet_error, overloaded_error
from query_service.queries.flights import FlightState, flight_state
from query_service.queries.model import FlightRequest
from query_service.representation.etag import ETagFactory, ResponsePreferences

_SHORTEST_PAUSE_S = 0.02  # a plan age of 0 must not become a busy loop


@dataclass(frozen=True)
class FlightVersion:
    """The flight as of `plan` and its tag. `is_unchanged`: the caller has it; `state` is None."""

    tag: str
    plan: Plan
    state: FlightState | None
    is_unchanged: bool = False


class LongPoll:
    """Answers /v1/flights/{flight_id}; at most `at_once` requests wait."""

    def __init__(
        self,
        executor: QueryExecutor,
        history: TimeTravel,
        tags: ETagFactory,
        now: Now,
        plan_max_age_s: float,
        at_once: int,
    ) -> None:
        self._executor = executor
        self._history = history
        self._tags = tags
        self._now = now
        self._plan_max_age_s = plan_max_age_s
        self._at_once = at_once
        self._waiting = 0

    async def flight(self, question: FlightRequest, wanted: ResponsePreferences) -> FlightVersion:
        """The flight once it is new enough. Raises ProblemError: 404 none or withdrawn, 504 not by then."""
        look = _Poll(question, wanted, self._history, self._tags)
        seen = (await self._executor.answer(look)).value
        if not look.is_new_enough(seen) and question.wait_s > 0:
            with self._place():
                seen = await self._wait(look, seen)
        state = seen.state
        if question.min_event_time is not None and not look.is_new_enough(seen):
            newest = None if state is None else state.event_time
            raise not_yet_error(question.key.flight_id, question.min_event_time, newest)
        if not seen.is_unchanged and (state is None or state.withdrawn):
            raise flight_missing_error(question.key.flight_id)
        return FlightVersion(seen.tag, seen.plan, None, is_unchanged=True) if wanted.condition.is_any else seen

    async def _wait(self, look: _Poll, seen: FlightVersion) -> FlightVersion:
        loop = asyncio.get_running_loop()
        end = loop.time() + look.question.wait_s
        while not look.is_new_enough(seen) and (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, self._pause_s(seen.plan)))
            seen = (await self._executor.answer(look)).value
        return seen

    def _pause_s(self, plan: Plan) -> float:
        """Until the plan is too old to be used again."""
        age_s = (self._now() - plan.listed_at).total_seconds()
        return max(_SHORTEST_PAUSE_S, self._plan_max_age_s - max(age_s, 0.0))

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._waiting >= self._at_once:
            raise overloaded_error(self._at_once)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1


class _Poll:
    """Reads the flight; reuses the result as long as the files of its date stay the same."""

    def __init__(
        self, question: FlightRequest, wanted: ResponsePreferences, history: TimeTravel, tags: ETagFactory
    ) -> None:
        self.question = question
        self._wanted = wanted
        self._history = history
        self._tags = tags
        self._normal = dataclasses.replace(question, wait_s=0.0)  # patience makes no other answer
        self._seen: FlightVersion | None = None

    async def __call__(self, view: QueryContext) -> FlightVersion:
        view = await self._history.view(view, self.question.snapshot)
        tag = self._tags.tag(self._normal, self._wanted, view.files(self.question.dates).all)
        if self._wanted.condition.matches(tag):
            return FlightVersion(tag, view.plan, None, is_unchanged=True)
        if self._seen is not None and self._seen.tag == tag:
            self._seen = dataclasses.replace(self._seen, plan=view.plan)
        else:
            self._seen = FlightVersion(tag, view.plan, await flight_state(self.question.key, view))
        return self._seen

    def is_new_enough(self, seen: FlightVersion) -> bool:
        """The caller's own answer was, since it is of the same question."""
        wanted, state = self.question.min_event_time, seen.state
        return wanted is None or seen.is_unchanged or (state is not None and state.event_time >= wanted)
