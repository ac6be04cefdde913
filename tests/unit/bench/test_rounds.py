"""Rounds: both sides meet the same drift."""

from __future__ import annotations

from bench.rounds import interleaved


def test_sides_take_turns_in_going_first_and_warm_up_rounds_are_left_out() -> None:
    calls: list[str] = []

    def side(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    found = interleaved({"a": lambda: side("a"), "b": lambda: side("b")}, rounds=2, warm_up=1)
    assert calls == ["a", "b", "b", "a", "a", "b"]
    assert found == {"a": [4.0, 5.0], "b": [3.0, 6.0]}
