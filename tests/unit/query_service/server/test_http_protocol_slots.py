"""Which connection gives way when all places are taken."""

from __future__ import annotations

import pytest

from query_service.server.http_protocol import ConnectionSlots


class Caller:
    """A connection that knows whether it had to go."""

    has_gone = False

    def give_way(self) -> None:
        self.has_gone = True


def admitted(slots: ConnectionSlots, number: int) -> list[Caller]:
    callers = [Caller() for _ in range(number)]
    for caller in callers:
        assert slots.admit(caller)
    return callers


def gone(callers: list[Caller]) -> list[bool]:
    return [caller.has_gone for caller in callers]


def test_the_one_that_waited_longest_gives_way() -> None:
    slots = ConnectionSlots(3)
    callers = admitted(slots, 3)
    slots.busy(callers[0])
    slots.idle(callers[0])
    admitted(slots, 1)
    assert gone(callers) == [False, True, False]
    admitted(slots, 2)
    assert gone(callers) == [True, True, True]


def test_nobody_gives_way_while_there_is_room() -> None:
    slots = ConnectionSlots(3)
    callers = admitted(slots, 3)
    slots.left(callers[1])
    admitted(slots, 1)
    assert gone(callers) == [False, False, False]


def test_who_has_asked_is_not_closed_before_the_answer() -> None:
    slots = ConnectionSlots(2)
    callers = admitted(slots, 2)
    for caller in callers:
        slots.busy(caller)
    assert not slots.admit(Caller())
    assert gone(callers) == [False, False]
    slots.idle(callers[1])
    assert slots.admit(Caller())
    assert gone(callers) == [False, True]


def test_who_has_left_takes_no_place_again() -> None:
    slots = ConnectionSlots(1)
    [caller] = admitted(slots, 1)
    slots.left(caller)
    slots.idle(caller)
    [other] = admitted(slots, 1)
    assert not other.has_gone


def test_a_refusal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    slots = ConnectionSlots(1)
    slots.busy(admitted(slots, 1)[0])
    assert not slots.admit(Caller())
    assert "1 are open" in caplog.text
