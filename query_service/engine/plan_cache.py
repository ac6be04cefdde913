"""Caches the plan, and lists storage only when a request needs a fresher one.

Ages are by wall clock: a process that was suspended for hours must see that its plan is hours old.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from concurrent.futures import ThreadPoolExecutor

from lakehouse.errors import LakeError
from lakehouse.table.planner import Now, Plan, Planner
from query_service.errors import no_plan_error

_log = logging.getLogger(__name__)

_ATTEMPTS = 5  # a plan that is too old once made, five times in a row: the clock is wrong


class PlanCache:
    """Shares one plan among all requests, and one refresh among all requests that need it."""

    def __init__(self, planner: Planner, now: Now, max_age_s: float, timeout_s: float, patience_s: float) -> None:
        """`patience_s`: how long a request may use a plan whose listing began after it arrived."""
        self._planner = planner
        self._now = now
        self._max_age = dt.timedelta(seconds=max_age_s)
        self._patience = dt.timedelta(seconds=max(patience_s, max_age_s))
        self._timeout_s = timeout_s
        self._plan: Plan | None = None
        self._failure: tuple[dt.datetime, Exception] | None = None
        self._refreshing: asyncio.Task[Plan | Exception] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="plan")

    async def plan(self) -> Plan:
        """A plan that `is_fresh_enough` accepts for a request that arrives now.

        Raises the planner's errors, and ProblemError when listing takes too long.
        """
        arrived = self._now()
        for _ in range(_ATTEMPTS):
            if self._plan is not None and self.is_fresh_enough(self._plan, arrived):
                return self._plan
            await self._refreshed()
        raise no_plan_error("Every listing of the lake was out of date when it ended.")

    async def refresh(self, after: dt.datetime) -> Plan:
        """A plan whose listing began at `after`, which is not in the future, or later."""
        for _ in range(_ATTEMPTS):
            if self._plan is not None and after <= self._plan.listed_at and self.is_fresh_enough(self._plan, after):
                return self._plan
            await self._refreshed()
        raise no_plan_error("The clock of this service runs backwards.")

    def is_fresh_enough(self, plan: Plan, arrived: dt.datetime) -> bool:
        """Whether a request that arrived then may be answered from `plan` right now.

        Not older than the limit; or, when listing or waiting takes longer than that, listed after the
        request arrived and not older than one request may take.
        """
        age = self._now() - plan.listed_at
        if age < dt.timedelta(0):
            return False  # the clock was set back: nothing is known about the age
        return age <= self._max_age or (plan.listed_at >= arrived and age <= self._patience)

    @property
    def latest(self) -> Plan | None:
        """The last plan, however old; None before the first one."""
        return self._plan

    def planned_within(self, window: dt.timedelta) -> bool:
        """Whether the last attempt to plan was a success, and no longer ago than `window`."""
        return (
            self._plan is not None
            and self._failure is None
            and dt.timedelta(0) <= self._now() - self._plan.listed_at <= window
        )

    def close(self) -> None:
        """Waits for a listing that is under way."""
        self._thread.shutdown(cancel_futures=True)

    async def _refreshed(self) -> None:
        """Joins the refresh that is under way, or starts one."""
        if self._refreshing is None:
            self._raise_recent_failure()
            self._refreshing = asyncio.create_task(self._refresh())
        try:
            outcome = await asyncio.wait_for(asyncio.shield(self._refreshing), self._timeout_s)
        except TimeoutError:
            raise no_plan_error(f"Listing the lake takes longer than {self._timeout_s:g} s.") from None
        if isinstance(outcome, Exception):
            raise outcome.with_traceback(None)

    async def _refresh(self) -> Plan | Exception:
        try:
            loop = asyncio.get_running_loop()
            self._plan = await loop.run_in_executor(self._thread, self._planner.plan)
            self._failure = None
        except Exception as error:  # noqa: BLE001  whatever it is, each request would list again and fail the same way
            if not isinstance(error, LakeError):
                _log.exception("no plan: unexpected error")
            self._failure = (self._now(), error)
            return error
        else:
            return self._plan
        finally:
            self._refreshing = None

    def _raise_recent_failure(self) -> None:
        """Failures are shared for one plan age too: a store in trouble is not asked once a request."""
        if self._failure is not None and dt.timedelta(0) <= self._now() - self._failure[0] < self._max_age:
            raise self._failure[1].with_traceback(None)
