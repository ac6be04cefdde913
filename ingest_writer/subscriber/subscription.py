"""The subscription as the writer sees it. Knows nothing of gRPC."""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set
from typing import Protocol

from ingest_writer.message import Message

log = logging.getLogger(__name__)


class SubscriptionUnavailableError(Exception):
    """The subscription did not answer or refused the call: try again later."""


class AckIdsError(SubscriptionUnavailableError):
    """Some ack ids of a call were not taken; all others were."""

    def __init__(self, message: str, to_retry: Set[str], lost: Set[str]) -> None:
        super().__init__(message)
        self.to_retry = to_retry
        """May be taken later."""
        self.lost = lost
        """Are no longer valid, for good: their messages come again under others."""


class Subscription(Protocol):
    """Where messages come from. Every method may raise SubscriptionUnavailableError.

    Those that take ack ids raise AckIdsError when only some were taken.
    """

    async def pull(self, max_messages: int, *, wait: bool = True) -> Sequence[Message]:
        """Messages that were waiting, possibly none; waits a while for the first, or does not."""

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """These need not be delivered again, but may be."""

    async def modify_ack_deadline(self, ack_ids: Sequence[str], seconds: int) -> None:
        """Keeps the messages for `seconds` from now; 0 nacks them: they are delivered again at once."""


async def nack(subscription: Subscription, ack_ids: Sequence[str]) -> None:
    """Has the messages delivered again. If the call fails, they are when their leases end."""
    try:
        await subscription.modify_ack_deadline(ack_ids, 0)
    except SubscriptionUnavailableError as error:
        log.info("messages not given back, their leases will end by themselves: %s", error)
