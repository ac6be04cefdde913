"""ETag and If-None-Match: equal tags mean equal bytes, whatever happens to the lake; a match runs no query."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from lakehouse.errors import ConfigError
from lakehouse.store.memory import MemoryStore
from query_service.representation.etag import IfNoneMatch, build_fingerprint, parse_if_none_match
from tests._support.api.in_process import Api, serving
from tests._support.api.query_counter import Counter
from tests._support.api.readers import FORMATS
from tests._support.lakes.builder import T0, LakeBuilder, event
from tests._support.oracles import stats_oracle
from tests._support.oracles.random_stats import STATS_ALONE, random_question
from tests._support.sizes import seeds

FLIGHT = "/v1/flights/2013-01-01-UA-1545-EWR"


def tag(api: Api, url: str, **headers: str) -> str:
    answer = api.get(url, **headers)
    assert answer.status_code == 200, answer.text
    found: str = answer.headers["ETag"]
    assert found.startswith('"')
    assert found.endswith('"')
    return found


def ask_again(api: Api, url: str, known: str) -> httpx.Response:
    return api.get(url, **{"if-none-match": known})


def two_months() -> LakeBuilder:
    """Flights of January 1st and February 1st, merged; one of January 2nd in the tail."""
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(flight_date=date(2013, 2, 1)))
    lake.merge()
    lake.land(event(flight_date=date(2013, 1, 2)))
    return lake


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """Over `two_months` and one flight more. Nobody adds to it."""
    lake = two_months()
    lake.land(event(flight_number=1546))
    with serving(lake.store) as made:
        yield made


def random_urls(choose: random.Random, count: int) -> list[str]:
    urls = ["/v1/flights?limit=1000", "/v1/stats", FLIGHT, "/v1/flights/2013-02-01-AA-1-JFK"]
    while len(urls) < count:
        asked, _ = random_question(choose)
        asked |= {"format": [choose.choice(FORMATS)], "limit": [str(choose.choice([1, 5, 1000]))]}
        path = "/v1/stats"
        if choose.random() < 0.5:
            path = "/v1/flights"
            asked = {name: values for name, values in asked.items() if name not in STATS_ALONE}
        urls.append(f"{path}?{urlencode(asked, doseq=True)}")
    return urls


def change(lake: LakeBuilder, choose: random.Random) -> None:
    """One of what writers, compactors and collectors do."""
    step = choose.randrange(4)
    if step == 0:
        lake.merge(collect=choose.random() < 0.5)
    elif step == 1 and lake.landed:
        lake.land(*choose.choice(list(lake.landed.values())))  # redelivered
    else:
        lake.land(*stats_oracle.random_events(choose, choose.choice([1, 1, 2, 20])))


@pytest.mark.parametrize("seed", seeds(3))
def test_equal_tags_mean_equal_bytes_and_a_changed_answer_has_another_tag(seed: int) -> None:
    """Over random questions and lakes, from two instances: one that keeps answers and one that does not."""
    choose = random.Random(seed)
    lake = LakeBuilder(MemoryStore())
    urls = random_urls(choose, 16)
    bodies: dict[str, bytes] = {}
    last: dict[str, tuple[str, bytes]] = {}
    kept = changed = 0
    with serving(lake.store) as one, serving(lake.store, result_cache_mb=0) as other:
        for _ in range(9):
            change(lake, choose)
            for url in urls:
                answers = [api.get(url) for api in (one, other)]
                assert answers[0].status_code == answers[1].status_code
                if answers[0].status_code == 404:
                    last.pop(url, None)
                    continue
                for answer in answers:
                    assert answer.status_code == 200, answer.text
                    assert bodies.setdefault(answer.headers["ETag"], answer.content) == answer.content, url
                found, body = answers[0].headers["ETag"], answers[0].content
                assert answers[1].headers["ETag"] == found
                before, old_body = last.get(url, ("", b""))
                if before:
                    assert body == old_body or before != found, url
                    assert (ask_again(one, url, before).status_code == 304) == (before == found), url
                    kept += before == found
                    changed += before != found
                last[url] = found, body
    assert kept > 5, f"seed {seed}"
    assert changed > 20, f"seed {seed}"


DAYS = {
    "/v1/stats?date_from=2013-01-01&date_to=2013-01-01": {1},
    "/v1/stats?date_from=2013-01-05&date_to=2013-01-05&group_by=carrier": {5},
    "/v1/stats?date_from=2013-01-05&date_to=2013-01-07&format=csv": {5, 6, 7},
    "/v1/flights?date_from=2013-01-06": {6, 7, 31},
    "/v1/flights?date_to=2013-01-05": {1, 5},
    "/v1/stats": {1, 5, 6, 7, 31},
    "/v1/flights/2013-01-05-UA-1545-EWR": {5},
}


@pytest.mark.parametrize("day", [1, 5, 6, 7, 31])
def test_a_late_event_changes_at_once_only_the_tags_that_it_touches(day: int) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(*(event(flight_date=date(2013, 1, n), flight_number=f) for n in (1, 5, 7, 31) for f in (1545, 2)))
    lake.merge()
    lake.land(event(flight_date=date(2013, 1, 7), flight_number=3))
    with serving(lake.store) as api:
        page = api.get("/v1/flights?limit=5").links["next"]["url"]  # begins at January 7th
        days = DAYS | {page: {7, 31}}
        before = {url: tag(api, url) for url in days}
        lake.land(event(flight_date=date(2013, 1, day), flight_number=9, event_time=T0 - timedelta(1)))
        for url, touched in days.items():
            is_same = ask_again(api, url, before[url]).status_code == 304
            assert is_same == (day not in touched), url


def test_compaction_changes_the_tags_of_its_months_only() -> None:
    lake = two_months()
    january, february = "/v1/stats?date_to=2013-01-31", "/v1/stats?date_from=2013-02-01"
    with serving(lake.store) as api:
        before = [tag(api, url) for url in (january, february)]
        lake.merge(collect=True)
        after = [tag(api, url) for url in (january, february)]
    assert before[0] != after[0]
    assert before[1] == after[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stats?carrier=UA&carrier=AA", "stats?carrier=AA&carrier=UA&carrier=AA"),
        ("stats?flight_number=10&flight_number=9", "stats?flight_number=9&flight_number=10"),
        ("stats?carrier=UA&origin=EWR", "stats?origin=EWR&carrier=UA"),
        ("stats?group_by=carrier,origin", "stats?group_by=carrier&group_by=origin"),
        ("stats", "stats?limit=1000"),
        ("stats", "stats?format=json"),
        ("flights", "flights?limit=100"),
        ("flights/2013-01-01-UA-1545-EWR", "flights/2013-01-01-UA-1545-EWR?format=json"),
    ],
)
def test_the_same_question_said_otherwise_has_the_same_tag(api: Api, one: str, other: str) -> None:
    assert tag(api, f"/v1/{one}") == tag(api, f"/v1/{other}")


def test_accept_and_format_that_mean_the_same_have_the_same_tag(api: Api) -> None:
    assert tag(api, "/v1/stats", accept="text/csv") == tag(api, "/v1/stats?format=csv")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("stats", "flights"), ("stats?carrier=UA", "stats?origin=EWR"), ("stats?limit=1", "stats?limit=2")),
        *(("stats?group_by=carrier,origin", "stats?group_by=origin,carrier"), ("stats", "stats?format=csv")),
        *(("stats?origin=EWR", "stats?destination=EWR"), ("stats?order_by=flights", "stats?order_by=-flights")),
        *(("stats?date_from=2013-01-01", "stats?date_to=2013-12-31"), ("stats?carrier=UA", "stats?carrier=AA")),
        ("flights/2013-01-01-UA-1545-EWR", "flights/2013-01-01-UA-1546-EWR"),
    ],
)
def test_other_questions_have_other_tags(api: Api, one: str, other: str) -> None:
    assert tag(api, f"/v1/{one}") != tag(api, f"/v1/{other}")


@pytest.mark.parametrize("url", ["/v1/stats?group_by=carrier", "/v1/flights?format=parquet", FLIGHT])
def test_a_match_is_answered_before_any_query_with_the_headers_of_a_whole_answer(url: str, queries: Counter) -> None:
    with serving(two_months().store, result_cache_mb=0) as api:
        whole = api.get(url)
        asked = queries.count
        answer = ask_again(api, url, whole.headers["ETag"])
    assert asked > 0
    assert queries.count == asked
    assert (answer.status_code, answer.content) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary", "Lake-Snapshot"):
        assert answer.headers[name] == whole.headers[name]
    assert answer.headers["Lake-As-Of"] >= whole.headers["Lake-As-Of"]
    assert "Content-Type" not in answer.headers
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("url", ["/v1/stats", "/v1/flights", FLIGHT])
@pytest.mark.parametrize(
    ("header", "status"),
    [
        *(("{}", 304), ("W/{}", 304), ('"other", {}', 304), ('W/"a,b" , W/{},"c"', 304), ("*", 304), (" * ", 304)),
        *(('"other"', 200), ("", 200), ("garbage", 200), ('"', 200), ("{}x", 304)),
    ],
)
def test_if_none_match_takes_lists_weak_tags_and_a_star(api: Api, url: str, header: str, status: int) -> None:
    known = tag(api, url)
    assert ask_again(api, url, header.replace("{}", known)).status_code == status
    assert ask_again(api, url, header.replace("{}", known.strip('"'))).status_code == (304 if "*" in header else 200)


def test_several_header_lines_are_one_list(api: Api) -> None:
    known = tag(api, "/v1/stats")
    lines = [("If-None-Match", '"other"'), ("If-None-Match", known)]
    assert api.run(api.client.get("/v1/stats", headers=lines)).status_code == 304


def test_head_is_answered_304_too(api: Api) -> None:
    known = tag(api, "/v1/stats")
    assert api.run(api.client.head("/v1/stats", headers={"If-None-Match": known})).status_code == 304


def test_a_flight_that_is_not_there_is_not_found_whatever_the_caller_has() -> None:
    lake = two_months()
    with serving(lake.store) as api:
        known = tag(api, FLIGHT)
        lake.land(event(status="void", event_time=T0 + timedelta(1)))
        for header in (known, "*"):
            answer = ask_again(api, FLIGHT, header)
            assert answer.status_code == 404
            assert "ETag" not in answer.headers


def test_a_wait_for_a_newer_state_is_not_cut_short_by_the_tag_of_the_old_one() -> None:
    lake = two_months()
    with serving(lake.store) as api:
        known = tag(api, FLIGHT)
        later = f"{FLIGHT}?min_event_time=2013-01-01T12:00:01Z"
        assert ask_again(api, later, known).status_code == 504
        lake.land(event(event_time=T0 + timedelta(seconds=1)))
        newer = tag(api, later)
        assert ask_again(api, f"{later}&wait_s=30", newer).status_code == 304


def test_problems_have_no_tag_and_are_not_kept() -> None:
    with serving(MemoryStore()) as api:
        for url in ("/v1/stats?limit=0", FLIGHT, "/v1/nothing"):
            answer = ask_again(api, url, "*")
            assert answer.status_code in (404, 422)
            assert "ETag" not in answer.headers
            assert answer.headers["Cache-Control"] == "no-store"


def test_reads_what_the_header_says() -> None:
    assert parse_if_none_match(None) == IfNoneMatch()
    assert parse_if_none_match('"a", W/"b"') == IfNoneMatch(frozenset({'"a"', '"b"'}))
    assert parse_if_none_match("*") == IfNoneMatch(is_any=True)
    assert parse_if_none_match('""') == IfNoneMatch(frozenset({'""'}))


def test_other_code_or_libraries_make_other_tags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One character in any module of the packages that answer."""
    before = build_fingerprint()
    assert before == build_fingerprint()
    (tmp_path / "a.py").write_text("x = 1\n")
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    fingerprints = [build_fingerprint()]
    (tmp_path / "a.py").write_text("x = 2\n")
    fingerprints.append(build_fingerprint())
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    fingerprints.append(build_fingerprint())
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0")
    fingerprints.append(build_fingerprint())
    assert len({before, *fingerprints}) == 5
    (tmp_path / "b.py").unlink()
    (tmp_path / "b.txt").write_text("no code")
    with pytest.raises(ConfigError, match="without its sources"):
        build_fingerprint()


def test_a_module_of_a_sub_package_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = tmp_path / "queries" / "sql" / "stats.py"
    module.parent.mkdir(parents=True)
    (tmp_path / "app.py").write_text("")
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    fingerprints = []
    for text in ("x = 1\n", "x = 2\n"):
        module.write_text(text)
        fingerprints.append(build_fingerprint())
    module.rename(tmp_path / "queries" / "stats.py")
    fingerprints.append(build_fingerprint())
    assert len(set(fingerprints)) == 3


def test_every_module_that_answers_is_in_the_fingerprint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sources are found where they are imported from."""
    import lakehouse.table.latest_sql
    import query_service.queries.stats_sql

    for module in (lakehouse.table.latest_sql, query_service.queries.stats_sql):
        package, _, name = module.__name__.partition(".")
        assert (importlib.resources.files(package) / f"{name.replace('.', '/')}.py").is_file()


def test_the_build_fingerprint_is_part_of_every_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    store = two_months().store
    found = []
    for fingerprint in ("one", "one", "two"):
        monkeypatch.setattr("query_service.lifespan.build_fingerprint", lambda fingerprint=fingerprint: fingerprint)
        with serving(store) as api:
            found.append([tag(api, url) for url in ("/v1/stats", "/v1/flights", FLIGHT)])
    assert found[0] == found[1]
    assert not set(found[0]) & set(found[2])
