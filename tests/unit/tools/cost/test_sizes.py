"""How often things happen in a size: by its events and its schedules."""

from __future__ import annotations

from dataclasses import replace

from tools.cost.sizes import SIZES, Size

AIRPORT = SIZES[1]


def test_the_sizes_are_a_hobby_an_airport_and_fifty_systems() -> None:
    assert [(size.name, size.systems) for size in SIZES] == [("hobby", 1), ("one airport", 1), ("fifty systems", 50)]
    assert SIZES[0].api_min_instances == 0, "a hobby scales to zero, but for its writer"


def test_canaries_and_compactions_follow_their_schedules() -> None:
    assert AIRPORT.canaries == 30 * 24 * 60
    assert replace(AIRPORT, canary_every_min=5).canaries == 30 * 24 * 12
    assert AIRPORT.compactions == 30 * 288


def test_objects_depend_on_time_but_are_never_more_than_events() -> None:
    assert AIRPORT.objects == 30 * 2 * 17_280
    assert replace(AIRPORT, events_per_day=10**9).objects == AIRPORT.objects
    quiet = replace(AIRPORT, events_per_day=10)
    assert quiet.objects == quiet.events == 30 * (10 + 24 * 60)
    assert replace(AIRPORT, batch_age_s=20).objects == AIRPORT.objects / 4


def test_the_plan_is_refreshed_at_most_once_a_second() -> None:
    busy = replace(AIRPORT, questions_per_day=10**9)
    assert busy.refreshes == 30 * 86_400
    alone = Size("alone", 1, 0, 0, 0)
    assert alone.refreshes == alone.canaries * 8, "six seconds of waiting and two questions"
