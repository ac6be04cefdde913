"""A publisher that survives its server: it publishes unanswered messages again."""

from __future__ import annotations

import datetime as dt
import random
import threading
from typing import Any

import grpc
from google import pubsub_v1

from tests.verification.crash.events import FLIGHTS_A_DATE, Line, Maker

_REQUESTS_A_S = 20.0
_MESSAGES_A_REQUEST = 3
_ANSWER_WITHIN_S = 5.0
# A killed server is back within a second or two; longer waits are pointless.
_CHANNEL = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]

_Request: Any = pubsub_v1.PublishRequest.pb()
_Response: Any = pubsub_v1.PublishResponse.pb()


class Publisher:
    """A thread that publishes until it is stopped. `sent` and `answered` only grow."""

    def __init__(
        self,
        address: str,
        topic: str,
        rng: random.Random,
        requests_a_s: float = _REQUESTS_A_S,
        flights_a_date: int = FLIGHTS_A_DATE,
    ) -> None:
        self.sent: dict[bytes, tuple[Line, ...]] = {}
        self.answered: dict[str, bytes] = {}
        self._topic = topic
        self._maker = Maker(rng, flights_a_date)
        self._requests_a_s = requests_a_s
        self._channel = grpc.insecure_channel(address, options=_CHANNEL)
        self._publish = self._channel.unary_unary(
            "/google.pubsub.v1.Publisher/Publish", _Request.SerializeToString, _Response.FromString
        )
        self._stop = threading.Event()
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Until everything that was sent has an answer, which needs a server."""
        self._stop.set()
        self._thread.join()
        self._channel.close()

    def abandon(self) -> None:
        """Ends it at once, with calls unanswered."""
        self._abandoned = True
        self.stop()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(1 / self._requests_a_s):
            request = _Request(topic=self._topic)
            for _ in range(_MESSAGES_A_REQUEST):
                lines = self._maker.message(dt.datetime.now(dt.UTC))
                data = b"\n".join(line.data for line in lines)
                self.sent[data] = lines
                request.messages.add(data=data)
            self._until_answered(request)

    def _until_answered(self, request: Any) -> None:
        while not self._abandoned:
            try:
                response = self._publish(request, timeout=_ANSWER_WITHIN_S, wait_for_ready=True)
            except grpc.RpcError:
                continue  # perhaps it was taken: then it is there twice, under two ids
            for message_id, message in zip(response.message_ids, request.messages, strict=True):
                self.answered[message_id] = message.data
            return
