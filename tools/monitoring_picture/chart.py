"""A chart as SVG: lines, thresholds, and axes; values are on the right, as in Cloud Monitoring."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from tools.monitoring_picture.incident import BEGIN, MINUTES
from tools.monitoring_picture.queries import Line

COLORS: Final = ("#1a73e8", "#e8710a", "#12858f", "#9334e6", "#b5179e", "#5f6368")
_THRESHOLD: Final = "#c5221f"
_LEFT, _RIGHT, _TOP, _BOTTOM = 6, 76, 12, 24  # pixels around the plot
_MOST_STEPS = 4
_TIME_EVERY_MIN = 30


def chart(lines: Sequence[Line], thresholds: Sequence[float], width: int, height: int) -> str:
    """The chart of `lines`, which have one unit, `width` by `height` pixels."""
    values = [value for line in lines for value in line.values if value is not None]
    ticks = ticks_over(min([*values, *thresholds]), max([*values, *thresholds]), lines[0].unit)
    right, bottom = width - _RIGHT, height - _BOTTOM

    def x(minute: int) -> float:
        return _LEFT + (right - _LEFT) * minute / MINUTES

    def y(value: float) -> float:
        return bottom - (bottom - _TOP) * (value - ticks[0]) / (ticks[-1] - ticks[0])

    drawn = [f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}">']
    for tick in ticks:
        drawn.append(f'<path class="grid" d="M{_LEFT} {y(tick):.1f}H{right}"/>')
        drawn.append(f'<text x="{right + 6}" y="{y(tick) + 4:.1f}">{text_of(tick, lines[0].unit)}</text>')
    for minute in range(_TIME_EVERY_MIN, MINUTES, _TIME_EVERY_MIN):
        clock = BEGIN + dt.timedelta(minutes=minute)
        drawn.append(f'<path class="tick" d="M{x(minute):.1f} {bottom}v4"/>')
        drawn.append(f'<text class="time" x="{x(minute):.1f}" y="{height - 6}">{clock:%H:%M}</text>')
    for line, color in zip(lines, COLORS, strict=False):
        drawn.append(f'<path class="line" stroke="{color}" d="{_path(line, x, y)}"/>')
    for threshold in thresholds:
        drawn.append(f'<path class="threshold" stroke="{_THRESHOLD}" d="M{_LEFT} {y(threshold):.1f}H{right}"/>')
    return "".join([*drawn, "</svg>"])


def _path(line: Line, x: Callable[[int], float], y: Callable[[float], float]) -> str:
    steps: list[str] = []
    gap = _usual_gap(line)
    last = -gap - 1
    for minute, value in enumerate(line.values):
        if value is not None:
            joined = minute - last <= gap
            steps.append(f"{'L' if joined else 'M'}{x(minute):.1f} {y(value):.1f}")
            last = minute
    return "".join(steps)


def _usual_gap(line: Line) -> int:
    """Minutes between points, so that a point every five minutes or every hour makes a line too."""
    at = [minute for minute, value in enumerate(line.values) if value is not None]
    return min((later - earlier for earlier, later in pairwise(at)), default=1)


def ticks_over(lowest: float, highest: float, unit: str) -> list[float]:
    """Round numbers around `lowest` and `highest`; from 0, unless all values are far from it."""
    if lowest >= 0 and (unit != "%" or lowest < highest / 2):
        lowest = 0.0
    if math.isclose(lowest, highest):
        highest = lowest + 1
    rough = (highest - lowest) / _MOST_STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10, 20) if power * factor >= rough * 0.999)
    first, last = math.floor(lowest / step + 1e-9), math.ceil(highest / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def text_of(value: float, unit: str) -> str:
    """A value as a tile shows it, with its unit."""
    if unit == "%":
        return f"{round(value * 100, 4):g}%"
    number = f"{round(value, 4):,.12g}"
    return number if not unit else f"{number} {unit}" if unit.isalpha() else f"{number}{unit}"
