"""Publishes to the topic: the one file of the probe that knows Google's client."""

from __future__ import annotations

import os
import re
from types import TracebackType
from typing import Any, Final

import google.api_core.exceptions
import google.auth.exceptions
from google.cloud import pubsub_v1

from probe.errors import ConfigError, ProbeFailedError

_WITHIN_S = 20.0  # the client tries again by itself within it
_CHECK_TIMEOUT_S = 3.0  # an emulator is near

EMULATOR: Final = "PUBSUB_EMULATOR_HOST"
CREDENTIALS: Final = (
    "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file; did you mean to"
    f" set {EMULATOR}, as `python -m local_cloud up` prints it?"
)

_SAID_BY_PUBSUB: Final = (
    google.api_core.exceptions.NotFound,
    google.api_core.exceptions.PermissionDenied,
    google.api_core.exceptions.InvalidArgument,
    google.api_core.exceptions.DeadlineExceeded,
)
"""What a server that speaks the protocol answers when asked for a topic; or it has not answered yet."""


def check_emulator(topic: str) -> None:
    """Raises ConfigError when PUBSUB_EMULATOR_HOST is set and no Pub/Sub answers there; one call finds out.

    The client would try for minutes. The service itself is not asked: a publisher need not have the permission.
    """
    address = os.environ.get(EMULATOR)
    if not address:
        return
    match = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})", address)
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise ConfigError(f"{EMULATOR} is {address!r}; it takes HOST:PORT, without http://")
    client: Any = pubsub_v1.PublisherClient()
    try:
        client.get_topic(topic=topic, timeout=_CHECK_TIMEOUT_S, retry=None)
    except _SAID_BY_PUBSUB:
        return
    except google.api_core.exceptions.GoogleAPIError as error:
        raise ConfigError(
            f"{EMULATOR} is {address!r}, and no Pub/Sub answers there; it takes HOST:PORT, as"
            f" `python -m local_cloud up` prints it: {' '.join(str(error).split())[:200]}"
        ) from error
    finally:
        client.stop()
        client.transport.close()


class Publisher:
    """`with Publisher(topic) as publisher:`; the topic is projects/PROJECT/topics/NAME."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        check_emulator(topic)
        try:
            self._client = pubsub_v1.PublisherClient()
        except (google.auth.exceptions.GoogleAuthError, ValueError, OSError) as error:  # OSError: the key is a folder
            raise ConfigError(f"{topic} needs Google credentials: {CREDENTIALS} ({error})") from error

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
