"""Waits until a flight is at least as new as asked: looks once a plan age, holds nothing in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.plan import Now, Plan
from query_service.answering import Answered, Answering, View
from query_service.errors import flight_missing_error, not_yet_error, overloaded_error
from query_service.flights import FlightState, flight_state
from query_service.question import Dates, FlightQuestion

_SHORTEST_PAUSE_S = 0.02  # a plan age of 0 must not become a busy loop


class Waiting:
    """Answers /v1/flights/{flight_id}, for at most `at_once` requests that have to wait."""

    def __init__(self, answering: Answering, now: Now, plan_max_age_s: float, at_once: int) -> None:
        self._answering = answering
        self._now = now
        self._plan_max_age_s = plan_max_age_s
        self._at_once = at_once
        self._waiting = 0

    async def flight(self, question: FlightQuestion) -> Answered[FlightState]:
        """The flight once it is new enough. Raises ProblemError: 404 none or withdrawn, 504 not by then."""
        look = _Look(question)
        answered = await self._answering.answer(look)
        if not look.is_new_enough(answered.value) and question.wait_s > 0:
            with self._place():
                answered = await self._wait(look, answered)
        state = answered.value
        if question.min_event_time is not None and not look.is_new_enough(state):
            newest = None if state is None else state.event_time
            raise not_yet_error(question.key.flight_id, question.min_event_time, newest)
        if state is None or state.withdrawn:
            raise flight_missing_error(question.key.flight_id)
        return Answered(state, answered.plan)

    async def _wait(self, look: _Look, answered: Answered[FlightState | None]) -> Answered[FlightState | None]:
        loop = asyncio.get_running_loop()
        end = loop.time() + look.question.wait_s
        while not look.is_new_enough(answered.value) and (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, self._pause_s(answered.plan)))
            answered = await self._answering.answer(look)
        return answered

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


class _Look:
    """Looks at the flight; remembers what it saw as long as the files of its date stay the same."""

    def __init__(self, question: FlightQuestion) -> None:
        self.question = question
        self._seen: tuple[tuple[str, ...], FlightState | None] | None = None

    async def __call__(self, view: View) -> FlightState | None:
        day = self.question.key.flight_date
        names = view.files(Dates(day, day)).names
        if self._seen is None or self._seen[0] != names:
            self._seen = (names, await flight_state(self.question.key, view))
        return self._seen[1]

    def is_new_enough(self, state: FlightState | None) -> bool:
        wanted = self.question.min_event_time
        return wanted is None or (state is not None and state.event_time >= wanted)
