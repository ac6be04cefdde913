"""The errors of the service, each with the gRPC status of the real one."""

from __future__ import annotations

from collections.abc import Mapping

import grpc


class PubsubError(Exception):
    code = grpc.StatusCode.UNKNOWN


class NotFound(PubsubError):
    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(PubsubError):
    code = grpc.StatusCode.ALREADY_EXISTS


class InvalidArgument(PubsubError):
    code = grpc.StatusCode.INVALID_ARGUMENT


class AckIdsFailed(PubsubError):
    """An exactly-once subscription did not take some ack ids; the others of the call are done."""

    def __init__(self, failures: Mapping[str, str]) -> None:
        is_final = any(failure.startswith("PERMANENT") for failure in failures.values())
        self.code = grpc.StatusCode.INVALID_ARGUMENT if is_final else grpc.StatusCode.UNAVAILABLE
        super().__init__(
            "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have"
            " expired or the acknowledgement ids were malformed."
        )
        self.failures = failures


class ResourceExhausted(PubsubError):
    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(PubsubError):
    code = grpc.StatusCode.UNAVAILABLE


class Unimplemented(PubsubError):
    code = grpc.StatusCode.UNIMPLEMENTED
