"""A Pub/Sub message as the subscription gives it and decoding reads it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Message(msgspec.Struct, frozen=True, gc=False):
    """One delivery, which alone `ack_id` acks. `publish_time_us` is microseconds since 1970, UTC."""

    ack_id: str
    data: bytes
    attributes: Mapping[str, str]
    message_id: str
    publish_time_us: int
