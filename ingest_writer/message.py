"""What a subscription hands over, and what a subscription is to the writer. Knows nothing of gRPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class Message(msgspec.Struct, frozen=True, gc=False):
    """One delivery. `publish_time_us` is microseconds since 1970, UTC; `ack_id` is good for this delivery."""

    ack_id: str
    data: bytes
    attributes: Mapping[str, str]
    message_id: str
    publish_time_us: int


class SubscriptionUnavailableError(Exception):
    """The subscription did not do what was asked: try again later."""


class Subscription(Protocol):
    """Where messages come from. Every method may raise SubscriptionUnavailableError."""

    async def pull(self, max_messages: int, *, wait: bool = True) -> Sequence[Message]:
        """Messages that were waiting, possibly none; waits a while for the first, or does not."""

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """These need not be delivered again. No promise: they may be, all the same."""

    async def modify_ack_deadline(self, ack_ids: Sequence[str], seconds: int) -> None:
        """Keeps the messages for `seconds` from now; 0 gives them back at once."""
