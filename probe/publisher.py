"""Publishes to the topic: the one file of the probe that knows Google's client."""

from __future__ import annotations

from types import TracebackType

import google.api_core.exceptions
import google.auth.exceptions
from google.cloud import pubsub_v1

from probe.errors import ProbeFailedError

_WITHIN_S = 20.0  # the client tries again by itself within it


class Publisher:
    """`with Publisher(topic) as publisher:`; the topic is projects/PROJECT/topics/NAME."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        try:
            self._client = pubsub_v1.PublisherClient()
        except google.auth.exceptions.GoogleAuthError as error:
            raise ProbeFailedError(f"expected credentials to publish with; saw {error}") from error

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.stop()
        self._client.transport.close()

    def publish(self, message: bytes) -> str:
        """The message's id, once Pub/Sub has stored it. Raises ProbeFailedError."""
        try:
            published: str = self._client.publish(self._topic, message).result(timeout=_WITHIN_S)
        except (
            google.api_core.exceptions.GoogleAPIError,
            google.auth.exceptions.GoogleAuthError,
            TimeoutError,
        ) as error:
            why = f"{type(error).__name__}: {error}"
            raise ProbeFailedError(f"expected {self._topic} to take a message; saw {why}") from error
        return published
