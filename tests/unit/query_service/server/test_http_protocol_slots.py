"""Which connection gives way when all places are taken."""

from __future__ import annotations

import pytest

from query_service.server.http_protocol import ConnectionSlots


class Caller:
    """A connection that knows whether it had to go."""

    has_gone = False

    def give_way(self) -> None:
        self.has_gone = True


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def admitted(slots: ConnectionSlots, number: int, address: str = "") -> list[Caller]:
    callers = [Caller() for _ in range(number)]
    for caller in callers:
        assert slots.admit(caller, address)
    return callers


def busy(slots: ConnectionSlots, number: int, address: str = "") -> list[Caller]:
    """Connections that have asked, and have not been answered yet."""
    callers = admitted(slots, number, address)
    for caller in callers:
        slots.busy(caller)
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


def test_the_reader_that_stalls_longest_gives_way_when_nobody_is_idle() -> None:
    clock = Clock()
    slots = ConnectionSlots(3, stall_s=3.0, clock=clock)
    callers = busy(slots, 3)
    for caller in (callers[1], callers[0]):
        slots.sending(caller)
        clock.now_s += 1
    clock.now_s = 2.9
    assert not slots.admit(Caller())  # it may only be slow
    slots.sent(callers[1])
    slots.sending(callers[1])  # it has taken something
    clock.now_s = 4.0
    admitted(slots, 1)
    assert gone(callers) == [True, False, False]


def test_an_idle_connection_goes_before_a_stalled_one() -> None:
    clock = Clock()
    slots = ConnectionSlots(2, stall_s=3.0, clock=clock)
    [stalled], [idle] = busy(slots, 1), admitted(slots, 1)
    slots.sending(stalled)
    clock.now_s = 60.0
    admitted(slots, 1)
    assert gone([stalled, idle]) == [False, True]


def test_a_caller_with_more_than_its_share_gives_way_first() -> None:
    clock = Clock()
    slots = ConnectionSlots(5, per_caller=2, stall_s=3.0, clock=clock)
    [idle], [other] = admitted(slots, 1, "a"), busy(slots, 1, "a")
    greedy = busy(slots, 2, "b") + admitted(slots, 1, "b")
    admitted(slots, 1, "c")
    assert gone([idle, other, *greedy]) == [False, False, False, False, True]


def test_a_caller_with_its_share_takes_no_place_from_others_when_places_are_short() -> None:
    slots = ConnectionSlots(4, per_caller=2)
    others = admitted(slots, 2, "a")
    busy(slots, 2, "b")
    assert not slots.admit(Caller(), "b")
    assert gone(others) == [False, False]
    mine = admitted(slots, 1, "c")
    assert gone(others) == [True, False]
    assert gone(mine) == [False]


def test_a_caller_with_its_share_may_take_its_own_places_and_all_that_are_free() -> None:
    slots = ConnectionSlots(4, per_caller=1)
    proxy = admitted(slots, 4, "proxy")  # all callers behind it
    admitted(slots, 2, "proxy")
    assert gone(proxy) == [True, True, False, False]


def test_beyond_all_places_a_few_connections_may_probe() -> None:
    slots = ConnectionSlots(2, for_probes=2)
    regular = busy(slots, 2)
    assert [slots.may_ask(caller) for caller in regular] == [True, True]
    spare = admitted(slots, 2)
    assert [slots.may_ask(caller) for caller in spare] == [False, False]
    silent_for_longest = spare[0]
    [next_one] = admitted(slots, 1)
    assert silent_for_longest.has_gone
    busy_spare = [spare[1], next_one]
    for caller in busy_spare:
        slots.busy(caller)
    assert not slots.admit(Caller())
    slots.left(regular[0])
    assert [slots.may_ask(caller) for caller in busy_spare] == [True, False]  # there was room for one
    assert gone(regular) == [False, False]


def test_callers_with_more_than_their_share_cannot_crowd_out_a_probe() -> None:
    slots = ConnectionSlots(2, per_caller=1, for_probes=2)
    busy(slots, 2, "a")
    [probe] = admitted(slots, 1, "b")
    admitted(slots, 5, "a")
    assert not probe.has_gone


def test_who_has_left_is_counted_no_more() -> None:
    slots = ConnectionSlots(2, per_caller=1, for_probes=0)
    for _ in range(3):
        for caller in busy(slots, 2, "a"):
            slots.left(caller)
            slots.left(caller)
    busy(slots, 1, "a")
    assert slots.admit(Caller(), "a")
