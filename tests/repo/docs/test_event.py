"""docs/event.md says what the schema says, and its example publishes an event that counts."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from google.cloud import pubsub_v1

from lakehouse.schema.event import STATUSES
from lakehouse.schema.json_schema import event_schema
from local_cloud.emulators.pubsub import PubsubServer

_PAGE = (Path(__file__).parents[3] / "docs" / "event.md").read_text(encoding="utf-8")
_ROWS = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", _PAGE, re.MULTILINE)
_TOPIC = "projects/local/topics/flights"
_SUBSCRIPTION = "projects/local/subscriptions/test"


@pytest.fixture
def pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[PubsubServer]:
    """A server with the topic of the example, which Google's client finds."""
    with PubsubServer() as server:
        server.broker.create_topic(_TOPIC)
        server.broker.create_subscription(_SUBSCRIPTION, _TOPIC, ack_deadline_s=60)
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        yield server


def test_the_table_has_the_fields_of_the_schema_and_says_which_are_required() -> None:
    properties, required = event_schema()["properties"], event_schema()["required"]
    assert [name for name, _, _, _ in _ROWS] == list(properties)
    assert [name for name, _, is_required, _ in _ROWS if is_required == "yes"] == required


def test_the_table_has_the_limits_of_the_schema() -> None:
    types = {name: type_ for name, type_, _, _ in _ROWS}
    for name, schema in event_schema()["properties"].items():
        if "minimum" in schema:
            assert types[name].startswith(f"integer, {schema['minimum']} to {schema['maximum']}"), name
        elif schema["type"] == "string" and name in ("carrier", "origin", "destination"):
            assert schema["pattern"] == f"^(?:{types[name].strip('`')})$"
    assert types["status"] == " ".join(f"`{status}`" for status in STATUSES)


def test_the_withdrawal_is_a_valid_event_of_one_line() -> None:
    (example,) = re.findall(r"```json\n(.+?)\n```", _PAGE)
    withdrawn = json.loads(example)
    jsonschema.validate(withdrawn, event_schema())
    assert withdrawn["status"] == "void"


def test_the_example_publishes_a_valid_event(pubsub: PubsubServer) -> None:
    (example,) = re.findall(r"```python\n(.+?)```", _PAGE, re.DOTALL)
    printed = io.StringIO()
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "docs/event.md", "exec"), names)
    publisher = names["publisher"]
    assert isinstance(publisher, pubsub_v1.PublisherClient)
    publisher.stop()
    with pubsub_v1.SubscriberClient() as subscriber:
        response = subscriber.pull(subscription=_SUBSCRIPTION, max_messages=10, timeout=30)
    (received,) = response.received_messages
    assert printed.getvalue() == f"{received.message.message_id}\n"
    jsonschema.validate(json.loads(received.message.data), event_schema())
