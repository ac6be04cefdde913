"""What a subscription hands over, and decoding takes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Message(msgspec.Struct, frozen=True, gc=False):
    """One delivery. `publish_time_us` is microseconds since 1970, UTC; `ack_id` is good for this delivery."""

    ack_id: str
    data: bytes
    attributes: Mapping[str, str]
    message_id: str
    publish_time_us: int
