"""Offsets of many moments at once: those of the time zone, or null where it changes within the hour."""

from __future__ import annotations

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from ingest_writer.backfill.readers.bts.airports import zone_of
from ingest_writer.backfill.readers.bts.offsets import Zones

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
AIRPORTS = ("JFK", "PHX", "LDH", "APW", "CCS", "LHR", "KTM", "ANC")


def minutes_of(text: str) -> int:
    return (dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) - EPOCH) // MINUTE


def offset(kind: str, airport: str, text: str) -> int | None:
    zones = Zones()
    number, minutes = pa.array([zones.number(airport)], pa.int64()), pa.array([minutes_of(text)], pa.int64())
    found = zones.utc_offsets(number, minutes) if kind == "utc" else zones.wall_offsets(number, minutes)
    [only] = found.to_pylist()
    assert only is None or isinstance(only, int)
    return only


@pytest.mark.parametrize(
    ("kind", "airport", "text", "expected"),
    [
        ("utc", "JFK", "2013-03-10T06:30", None),
        ("utc", "JFK", "2013-03-10T05:59", -300),
        ("utc", "JFK", "2013-03-10T07:00", -240),
        ("wall", "JFK", "2013-03-10T00:59", -300),
        ("wall", "JFK", "2013-03-10T02:30", None),
        ("wall", "JFK", "2013-03-10T03:00", -240),
        ("wall", "JFK", "2013-11-03T01:30", None),
        ("wall", "JFK", "2013-11-03T02:00", -300),
        ("wall", "LDH", "2013-04-07T01:45", None),
        ("wall", "LDH", "2013-10-06T02:15", None),
        ("wall", "APW", "2011-12-30T12:30", None),
        ("wall", "PHX", "2013-03-10T02:30", -420),
        ("utc", "KTM", "2013-01-01T00:00", 345),
    ],
)
def test_an_hour_with_a_time_change_has_no_offset(kind: str, airport: str, text: str, expected: int | None) -> None:
    assert offset(kind, airport, text) == expected


def test_an_offset_is_that_of_every_reading_of_the_minute() -> None:
    chance, zones = random.Random(0), Zones()
    places = [(airport, zone) for airport in AIRPORTS if (zone := zone_of(airport)) is not None]
    chosen = [
        (*chance.choice(places), chance.randrange(minutes_of("1985-01-01"), minutes_of("2020-01-01")))
        for _ in range(5_000)
    ]
    numbers = pa.array([zones.number(airport) for airport, _, _ in chosen], pa.int64())
    minutes = pa.array([each for _, _, each in chosen], pa.int64())
    for found, readings in (
        (zones.utc_offsets(numbers, minutes), at_moment),
        (zones.wall_offsets(numbers, minutes), on_wall),
    ):
        offsets = found.to_pylist()
        assert offsets.count(None) < 100
        for (_, zone, minute), got in zip(chosen, offsets, strict=True):
            assert got is None or readings(zone, minute) == {got * MINUTE}


def at_moment(zone: ZoneInfo, minute: int) -> set[dt.timedelta | None]:
    return {(EPOCH + minute * MINUTE).astimezone(zone).utcoffset()}


def on_wall(zone: ZoneInfo, minute: int) -> set[dt.timedelta | None]:
    return {(EPOCH + minute * MINUTE).replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}


def test_an_airport_without_a_zone_has_no_number() -> None:
    zones = Zones()
    assert zones.number("QQQ") is None
    assert zones.number("JFK") == zones.number("BTV") == 0


def test_unknown_zones_and_moments_have_no_offset() -> None:
    zones = Zones()
    zones.number("JFK")
    found = zones.utc_offsets(pa.array([None, 0], pa.int64()), pa.array([0, None], pa.int64()))
    assert found.to_pylist() == [None, None]
