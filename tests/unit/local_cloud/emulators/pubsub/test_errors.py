"""The status of a call whose ack ids were not all taken."""

from __future__ import annotations

import grpc
import pytest

from local_cloud.emulators.pubsub.errors import AckIdsFailed


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ({"a": "PERMANENT_FAILURE_INVALID_ACK_ID"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"a": "TRANSIENT_FAILURE_UNORDERED_ACK_ID"}, grpc.StatusCode.UNAVAILABLE),
        ({"a": "TRANSIENT_FAILURE_X", "b": "PERMANENT_FAILURE_Y"}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_one_final_failure_makes_the_call_invalid(failures: dict[str, str], code: grpc.StatusCode) -> None:
    error = AckIdsFailed(failures)
    assert error.code == code
    assert error.failures == failures
