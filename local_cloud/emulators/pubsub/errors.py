"""The errors of the service, each with the gRPC status of the real one."""

from __future__ import annotations

import grpc


class PubsubError(Exception):
    code = grpc.StatusCode.UNKNOWN


class NotFound(PubsubError):
    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(PubsubError):
    code = grpc.StatusCode.ALREADY_EXISTS


class InvalidArgument(PubsubError):
    code = grpc.StatusCode.INVALID_ARGUMENT


class ResourceExhausted(PubsubError):
    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(PubsubError):
    code = grpc.StatusCode.UNAVAILABLE


class Unimplemented(PubsubError):
    code = grpc.StatusCode.UNIMPLEMENTED
