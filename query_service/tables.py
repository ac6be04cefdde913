"""From a question to the answer as it is sent, the shortest way: not modified, from memory, or by a query.

Knows nothing of what is asked, nor of HTTP beyond tags.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from lakehouse.plan import Plan
from query_service.answering import Answering, View
from query_service.coding import compressed
from query_service.encoding import BATCH_ROWS, encoded
from query_service.history import History
from query_service.question import Dates
from query_service.results import Label, Result, Results
from query_service.rows import Rows
from query_service.tags import Tags, Wanted

_INLINE_ROWS: Final = 50  # about a millisecond of encoding; more is done beside the event loop


class Question(Protocol):
    """A question in its normal form. `dates`: those whose files the answer depends on."""

    @property
    def snapshot(self) -> int | None: ...

    @property
    def dates(self) -> Dates: ...


Q = TypeVar("Q", bound=Question)


@dataclass(frozen=True)
class Stream:
    """An answer that is sent while it is made."""

    pieces: AsyncIterator[bytes]
    label: Label


@dataclass(frozen=True)
class Reply:
    """What to answer: `content` is None when the caller has it already."""

    tag: str
    plan: Plan
    content: Result | Stream | None


class Tables:
    """Answers questions whose answers are tables."""

    def __init__(self, answering: Answering, history: History, tags: Tags, results: Results) -> None:
        self._answering = answering
        self._history = history
        self._tags = tags
        self._results = results

    async def reply(self, question: Q, wanted: Wanted, find: Callable[[Q, View], Awaitable[Rows]]) -> Reply:
        """The answer to `question`, which `find` looks for if need be. Raises ProblemError and LakeError."""

        async def ask(view: View) -> tuple[str, Plan, Result | Rows | None]:
            view = await self._history.view(view, question.snapshot)
            tag = self._tags.tag(question, wanted, view.files(question.dates).all)
            if wanted.condition.is_any or wanted.condition.names(tag):
                return tag, view.plan, None
            return tag, view.plan, self._results.get(tag) or await find(question, view)

        tag, plan, found = (await self._answering.answer(ask)).value
        return Reply(tag, plan, await self._content(tag, found, wanted) if isinstance(found, Rows) else found)

    async def _content(self, tag: str, rows: Rows, wanted: Wanted) -> Result | Stream:
        """The answer made of `rows`, and kept: in one piece, or while it is sent if there are many."""
        count, columns = rows.table.num_rows, rows.table.num_columns
        if count > BATCH_ROWS:
            label = _label(rows, wanted.coding_for(count * columns))  # about; what matters: it is always the same
            pieces = compressed(encoded(rows.table, wanted.format, rows.rest), label.coding)
            return Stream(self._kept_while_sent(tag, pieces, label), label)
        result = _whole(rows, wanted) if count <= _INLINE_ROWS else await asyncio.to_thread(_whole, rows, wanted)
        self._results.put(tag, result)
        return result

    async def _kept_while_sent(self, tag: str, pieces: Iterator[bytes], label: Label) -> AsyncIterator[bytes]:
        """`pieces`, each made in a thread; all of them are kept if they are not too many."""
        kept: list[bytes] | None = []
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            if kept is not None and self._results.has_room_for(sum(map(len, kept)) + len(piece)):
                kept.append(piece)
            else:
                kept = None
            yield piece
        if kept is not None:
            self._results.put(tag, Result(b"".join(kept), label))


def _whole(rows: Rows, wanted: Wanted) -> Result:
    body = b"".join(encoded(rows.table, wanted.format, rows.rest))
    label = _label(rows, wanted.coding_for(len(body)))
    return Result(b"".join(compressed(iter((body,)), label.coding)), label)


def _label(rows: Rows, coding: str | None) -> Label:
    return Label(coding, rows.rest["truncated"], rows.rest.get("next_cursor"))
