"""Answers a request the cheapest way: 304 Not Modified, the result cache, or a query.

Knows nothing of endpoints, and of HTTP only tags.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from lakehouse.bounded_lru import BoundedLRU, CacheStats
from lakehouse.table.planner import Plan
from query_service.engine.database import Database
from query_service.engine.executor import QueryContext, QueryExecutor
from query_service.engine.time_travel import TimeTravel
from query_service.errors import answer_changed_error, deadline_error
from query_service.queries.filters_sql import asks_hidden
from query_service.queries.model import Filters, ReferenceRequest
from query_service.queries.partial_reads import PartialReads
from query_service.queries.reference import reference_table, with_names
from query_service.representation.compression import compressed
from query_service.representation.encoders import Rows, encoded
from query_service.representation.etag import ETagFactory, ResponsePreferences

T = TypeVar("T")

_INLINE_ROWS: Final = 50  # about a millisecond of encoding, and less than a chunk to send

_SHARE = 8  # one answer takes at most an eighth: a few large ones do not drive out all the others
_OVERHEAD_BYTES = 1000  # of an entry, in addition to its body


@dataclass(frozen=True)
class BodyHeaders:
    """What headers say about a body: its coding, whether it is truncated, and the next page."""

    coding: str | None
    truncated: bool
    next_cursor: str | None


@dataclass(frozen=True)
class Result:
    """An answer ready to send: the encoded body and its headers."""

    body: bytes
    headers: BodyHeaders

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return len(self.body) + _OVERHEAD_BYTES


class ResultCache:
    """Answers by their tag. For one event loop; not thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        """0 keeps nothing."""
        self._max_bytes = max_bytes
        self._cached: BoundedLRU[str, Result] = BoundedLRU(max_bytes)

    @property
    def stats(self) -> CacheStats:
        """Since this object was made. The bytes have the overhead in them."""
        return self._cached.stats

    @property
    def keeps_any(self) -> bool:
        """Whether there is room for the smallest answer."""
        return self.has_room_for(0)

    def get(self, tag: str) -> Result | None:
        """The answer with that tag, if it is kept; a hit or a miss."""
        return self._cached.get(tag)

    def peek(self, tag: str) -> Result | None:
        """The same, neither used nor counted."""
        return self._cached.peek(tag)

    def __contains__(self, tag: str) -> bool:
        return tag in self._cached

    def has_room_for(self, body_bytes: int) -> bool:
        """Whether a body of that size is kept at all."""
        return body_bytes + _OVERHEAD_BYTES <= self._max_bytes // _SHARE

    def put(self, tag: str, result: Result) -> None:
        """Keeps an answer, unless it is too large."""
        if tag not in self._cached and self.has_room_for(len(result.body)):
            self._cached.put(tag, result, result.size)


class RequestCoalescer(Generic[T]):
    """Answers being computed, by tag: other requests for one wait for it. For one event loop; not thread-safe."""

    def __init__(self, timeout_s: float) -> None:
        """A computation takes no longer than that, however many requests wait for it."""
        self._timeout_s = timeout_s
        self._by_tag: dict[str, _Computation[T]] = {}

    async def get(self, tag: str, compute: Callable[[], Awaitable[T]]) -> T:
        """What `compute` returns, or what a computation of that tag does that has begun before.

        It goes on when the one who began it leaves, as long as somebody waits. If it fails, everybody
        else computes alone: it may be for the other's deadline, or for a plan older than a question.
        Raises what `compute` does, and ProblemError when it takes too long.
        """
        found = self._by_tag.get(tag)
        if found is None:
            return await self._begin(tag, compute).result()
        if await found.has_failed():
            return await compute()
        return await found.result()

    def _begin(self, tag: str, compute: Callable[[], Awaitable[T]]) -> _Computation[T]:
        def forget() -> None:
            if self._by_tag.get(tag) is begun:
                del self._by_tag[tag]

        begun = self._by_tag[tag] = _Computation(asyncio.create_task(self._bounded(compute)), forget)
        return begun

    async def _bounded(self, compute: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                return await compute()
        except TimeoutError:
            if deadline.expired():
                raise deadline_error(self._timeout_s) from None
            raise


class _Computation(Generic[T]):
    """A task, and how many wait for it: when nobody does any more, it is cancelled."""

    def __init__(self, task: asyncio.Task[T], forget: Callable[[], None]) -> None:
        """`forget` is called when it ends, or is about to: nobody is to wait for it from then on."""
        self._task = task
        self._forget = forget
        self._waiting = 0
        task.add_done_callback(self._note_end)

    async def has_failed(self) -> bool:
        """Waits for its end."""
        await self._ended()
        return self._task.cancelled() or self._task.exception() is not None

    async def result(self) -> T:
        """Waits for its end. Raises what it raised."""
        await self._ended()
        return self._task.result()

    async def _ended(self) -> None:
        self._waiting += 1
        try:
            await asyncio.wait([self._task])  # who leaves does not cancel it
        finally:
            self._waiting -= 1
            if not self._waiting and not self._task.done():
                self._forget()
                self._task.cancel()

    def _note_end(self, task: asyncio.Task[T]) -> None:
        self._forget()
        if not task.cancelled():
            task.exception()  # nobody's, when all have left meanwhile


class TableRequest(Protocol):
    """A normalized request. Its answer depends on the files of the dates in `filters`."""

    @property
    def snapshot(self) -> int | None: ...

    @property
    def filters(self) -> Filters: ...

    @property
    def names(self) -> bool: ...

    asks_void: ClassVar[bool]
    """Whether withdrawn flights may be in the answer."""
    may_be_missing: ClassVar[bool]
    """Whether there may be no answer (404): then no condition on it holds, and none is heeded."""


Q = TypeVar("Q", bound=TableRequest)


@dataclass(frozen=True)
class TableResponse:
    """The answer; `content` is None when the caller has it already."""

    tag: str
    plan: Plan
    content: Result | None


class ConditionalGet:
    """Answers requests whose answers are tables."""

    def __init__(
        self,
        executor: QueryExecutor,
        history: TimeTravel,
        tags: ETagFactory,
        results: ResultCache,
        database: Database,
        check_room: Callable[[], None],
        reads: PartialReads,
    ) -> None:
        self._executor = executor
        self._history = history
        self._tags = tags
        self._results = results
        self._database = database
        self._check_room = check_room
        self._encoding_reference = asyncio.Lock()
        self._coalescer: RequestCoalescer[Result] = RequestCoalescer(executor.timeout_s)
        self._reads = reads

    async def handle(
        self, request: Q, preferences: ResponsePreferences, find: Callable[[Q, QueryContext], Awaitable[Rows]]
    ) -> TableResponse:
        """The answer to `request`, which `find` looks for if need be. Raises ProblemError and LakeError."""

        async def ask(context: QueryContext) -> TableResponse:
            if request.snapshot is not None:
                context = await self._history.view(context, request.snapshot)
            is_hidden_asked = request.asks_void or asks_hidden(request.filters)
            files = context.files(request.filters.dates, asks_hidden=is_hidden_asked)
            tag = self._tags.tag(request, preferences, files.all)
            if request.may_be_missing and preferences.asks_whether_any(tag):  # else 304 or 412 for what is not there
                self._results.put(tag, await self._result(tag, request, context, preferences, find))
            if not preferences.if_match.allows(tag):
                raise answer_changed_error()
            if preferences.if_none_match.is_any or preferences.if_none_match.matches(tag):
                return TableResponse(tag, context.plan, None)
            plan = context.plan
            if preferences.part is not None and preferences.names_no_tag:
                tag, plan = self._reads.choose(
                    preferences.part, self._tags.tag(request, preferences, ()), tag, plan, self._results.__contains__
                )
            return TableResponse(tag, plan, await self._result(tag, request, context, preferences, find))

        response = await self._executor.answer(ask)
        if response.content is not None:
            self._results.put(response.tag, response.content)
        return response

    async def handle_reference(
        self, request: ReferenceRequest, preferences: ResponsePreferences
    ) -> tuple[str, Result | None]:
        """The tag and the answer, None when the caller has it; the lake is not looked at. Raises ProblemError."""
        tag = self._tags.tag(request, preferences, ())
        if not preferences.if_match.allows(tag):
            raise answer_changed_error()
        if preferences.if_none_match.is_any or preferences.if_none_match.matches(tag):
            return tag, None
        return tag, self._results.get(tag) or await self._reference(tag, request, preferences)

    async def _reference(self, tag: str, request: ReferenceRequest, preferences: ResponsePreferences) -> Result:
        """Encodes the table, once for all who wait for it. Raises ProblemError."""
        async with self._executor.admission(), self._encoding_reference:
            result = self._results.peek(tag)  # another one may have waited for the same
            if result is None:
                result = await self._database.finish(
                    lambda: _whole(Rows(reference_table(request.table), {"truncated": False}), preferences),
                    self._check_room,
                )
                self._results.put(tag, result)
            return result

    async def _result(
        self,
        tag: str,
        request: Q,
        context: QueryContext,
        preferences: ResponsePreferences,
        find: Callable[[Q, QueryContext], Awaitable[Rows]],
    ) -> Result:
        """The answer with that tag: from memory, or by a query; by the same for all who ask at once.

        When the tail moves, all who look at its dates ask the same. Raises what `find` does.
        """

        async def compute() -> Result:
            rows = await find(request, context)
            result = await self._encoded(await with_names(rows) if request.names else rows, preferences)
            self._results.put(tag, result)
            return result

        if (kept := self._results.get(tag)) is not None:
            return kept
        return await (self._coalescer.get(tag, compute) if self._results.keeps_any else compute())

    async def _encoded(self, rows: Rows, preferences: ResponsePreferences) -> Result:
        """Encodes `rows` completely before sending; long encodings take a query's slot.

        10,000 rows of JSON take 0.2 s, 0.4 s with gzip. Encoding while sending would let a slow
        reader hold the rows, and an answer under way cannot become a time-out problem.
        """
        if rows.table.num_rows <= _INLINE_ROWS:
            return _whole(rows, preferences)
        return await self._database.finish(lambda: _whole(rows, preferences), self._check_room)


def _whole(rows: Rows, preferences: ResponsePreferences) -> Result:
    chunks = list(encoded(rows.table, preferences.format, rows.envelope, preferences.escapes_formulas))
    headers = _body_headers(rows, preferences.coding_for(sum(map(len, chunks))))
    if headers.coding is not None:
        chunks = list(compressed(iter(chunks), headers.coding))
    return Result(b"".join(chunks), headers)


def _body_headers(rows: Rows, coding: str | None) -> BodyHeaders:
    return BodyHeaders(coding, rows.envelope["truncated"], rows.envelope.get("next_cursor"))
