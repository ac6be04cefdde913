"""From a question to the answer as it is sent, the shortest way: not modified, from memory, or by a query.

Knows nothing of what is asked, nor of HTTP beyond tags.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from lakehouse.table.planner import Plan
from query_service.engine.database import Database
from query_service.engine.executor import QueryContext, QueryExecutor
from query_service.engine.time_travel import History
from query_service.middleware.send_timeout import SendBudget
from query_service.queries.model import Dates
from query_service.queries.result_cache import BodyHeaders, Result, Results
from query_service.representation.compression import compressed
from query_service.representation.encoders import encoded
from query_service.representation.etag import ETagFactory, ResponsePreferences
from query_service.representation.rows import Rows

_INLINE_ROWS: Final = 50  # about a millisecond of encoding, and less than a piece to send


class Question(Protocol):
    """A question in its normal form. `dates`: those whose files the answer depends on."""

    @property
    def snapshot(self) -> int | None: ...

    @property
    def dates(self) -> Dates: ...


Q = TypeVar("Q", bound=Question)


@dataclass(frozen=True)
class TableResponse:
    """What to answer: `content` is None when the caller has it already."""

    tag: str
    plan: Plan
    content: Result | None


class ConditionalGet:
    """Answers questions whose answers are tables."""

    def __init__(
        self,
        executor: QueryExecutor,
        history: History,
        tags: ETagFactory,
        results: Results,
        database: Database,
        send_budget: SendBudget,
    ) -> None:
        self._executor = executor
        self._history = history
        self._tags = tags
        self._results = results
        self._database = database
        self._send_budget = send_budget

    async def reply(
        self, question: Q, wanted: ResponsePreferences, find: Callable[[Q, QueryContext], Awaitable[Rows]]
    ) -> TableResponse:
        """The answer to `question`, which `find` looks for if need be. Raises ProblemError and LakeError."""

        async def ask(view: QueryContext) -> TableResponse:
            view = await self._history.view(view, question.snapshot)
            tag = self._tags.tag(question, wanted, view.files(question.dates).all)
            if wanted.condition.is_any or wanted.condition.names(tag):
                return TableResponse(tag, view.plan, None)
            result = self._results.get(tag) or await self._made(await find(question, view), wanted)
            return TableResponse(tag, view.plan, result)

        reply = (await self._executor.answer(ask)).value
        if reply.content is not None:
            self._results.put(reply.tag, reply.content)
        return reply

    async def _made(self, rows: Rows, wanted: ResponsePreferences) -> Result:
        """The answer made of `rows`, whole: within the time of its question, and what takes long in a query's place.

        10,000 rows of JSON take 0.2 s, 0.4 s with gzip. They are not sent while they are made: a reader would hold
        the rows for as long as he takes, and could not be told any more that time ran out.
        """
        if rows.table.num_rows <= _INLINE_ROWS:
            return _whole(rows, wanted)
        return await self._database.finish(lambda: _whole(rows, wanted), self._send_budget.check_room)


def _whole(rows: Rows, wanted: ResponsePreferences) -> Result:
    pieces = list(encoded(rows.table, wanted.format, rows.rest))
    label = _label(rows, wanted.coding_for(sum(map(len, pieces))))
    return Result(b"".join(compressed(iter(pieces), label.coding)), label)


def _label(rows: Rows, coding: str | None) -> BodyHeaders:
    return BodyHeaders(coding, rows.rest["truncated"], rows.rest.get("next_cursor"))
