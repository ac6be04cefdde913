"""Charts have round numbers on their axes, gaps without points, and thresholds in sight."""

from __future__ import annotations

import re

import pytest

from tools.monitoring_picture.chart import chart, text_of, ticks_over
from tools.monitoring_picture.incident import MINUTES
from tools.monitoring_picture.queries import Line


@pytest.mark.parametrize(
    ("lowest", "highest", "unit", "ticks"),
    [
        (3, 905, "s", [0, 250, 500, 750, 1000]),
        (0, 0, "", [0, 0.25, 0.5, 0.75, 1]),
        (0.93, 1, "%", [0.92, 0.94, 0.96, 0.98, 1.0]),
        (0.3, 1, "%", [0, 0.25, 0.5, 0.75, 1.0]),
        (-0.5, 0.5, "%", [-0.5, -0.25, 0, 0.25, 0.5]),
    ],
)
def test_ticks_are_round_and_hold_all_values(lowest: float, highest: float, unit: str, ticks: list[float]) -> None:
    assert ticks_over(lowest, highest, unit) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("value", "unit", "text"), [(0.925, "%", "92.5%"), (5000, "ms", "5,000 ms"), (2.5, "/s", "2.5/s"), (3, "", "3")]
)
def test_values_have_their_units(value: float, unit: str, text: str) -> None:
    assert text_of(value, unit) == text


def test_a_line_is_broken_where_points_are_missing_and_joins_points_of_every_hour() -> None:
    broken = tuple(None if 60 < minute < 90 else 1.0 for minute in range(MINUTES + 1))
    hourly = tuple(1.0 if minute % 60 == 0 else None for minute in range(MINUTES + 1))
    svg = chart([Line("a", "", broken), Line("b", "", hourly)], [], 400, 200)
    first, second = re.findall(r'class="line" .*? d="([^"]+)"', svg)
    assert (first.count("M"), second.count("M"), second.count("L")) == (2, 1, 3)


def test_a_threshold_above_all_values_is_in_the_chart() -> None:
    svg = chart([Line("a", "s", (1.0,) * (MINUTES + 1))], [120], 400, 200)
    [height] = re.findall(r'class="threshold" .*? d="M[\d.]+ ([\d.]+)H', svg)
    assert 0 < float(height) < 200
    assert ">150 s<" in svg
