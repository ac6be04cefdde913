"""Parts of answers over HTTP: 206, 412, 416, and whole answers where a part would be wrong."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lakehouse.store.memory import MemoryStore
from tests._support.api.in_process import Api, serving
from tests._support.lakes.builder import LakeBuilder, event

FLIGHT = "/v1/flights/2013-01-01-UA-1545-EWR"
TAGGED = ("/v1/stats?group_by=carrier", "/v1/flights?format=parquet", "/v1/flights?format=csv", FLIGHT)
NEVER = '"00000000000000000000000000000000"'


@pytest.fixture
def lake() -> LakeBuilder:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), *(event(flight_number=number) for number in range(1, 40)))
    return lake


@pytest.fixture
def api(lake: LakeBuilder) -> Iterator[Api]:
    with serving(lake.store) as api:
        yield api


@pytest.fixture(autouse=True)
def uncompressed(api: Api) -> None:
    """A client that decodes for its caller cannot make anything of a part of compressed bytes."""
    api.client.headers["Accept-Encoding"] = "identity"


def ranged(api: Api, path: str, range: str, **headers: str) -> httpx.Response:
    return api.get(path, Range=range, **{name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("path", TAGGED)
@pytest.mark.parametrize("range", ["bytes=0-9", "bytes=10-", "bytes=-10", "bytes=5-100000000"])
def test_a_range_is_those_bytes_of_the_answer_with_its_headers(api: Api, path: str, range: str) -> None:
    whole = api.get(path)
    part = ranged(api, path, range)
    first, last = range.removeprefix("bytes=").split("-")
    size = len(whole.content)
    start = size - int(last) if not first else int(first)
    end = size if not first or not last else min(int(last) + 1, size)
    assert (part.status_code, part.content) == (206, whole.content[start:end])
    assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
    assert part.headers["Content-Length"] == str(end - start)
    changed = {"content-range", "content-length", "lake-as-of", "x-request-id"}
    assert {k: v for k, v in part.headers.items() if k not in changed} == {
        k: v for k, v in whole.headers.items() if k not in changed
    }


@pytest.mark.parametrize("path", TAGGED)
def test_answers_with_a_tag_say_that_they_have_ranges(api: Api, path: str) -> None:
    whole, head = api.get(path), api.run(api.client.head(path, headers={"Range": "bytes=0-1"}))
    assert whole.headers["Accept-Ranges"] == head.headers["Accept-Ranges"] == "bytes"
    assert (head.status_code, head.content) == (200, b"")  # a range is of GET alone
    assert head.headers["Content-Length"] == str(len(whole.content))
    assert head.headers["ETag"] == whole.headers["ETag"]


@pytest.mark.parametrize("path", ["/v1/lake", "/health", "/docs", "/openapi.json"])
def test_answers_without_a_tag_have_no_ranges(api: Api, path: str) -> None:
    answer = ranged(api, path, "bytes=0-1")
    assert answer.status_code == 200
    assert "Accept-Ranges" not in answer.headers


@pytest.mark.parametrize("range", ["bytes=0-1,3-4", "bytes=x", "rows=0-1", "bytes=5-4", ""])
def test_a_range_that_is_not_understood_is_ignored(api: Api, range: str) -> None:
    answer = ranged(api, TAGGED[0], range)
    assert (answer.status_code, answer.content) == (200, api.get(TAGGED[0]).content)
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize("range", ["bytes=100000000-", "bytes=-0"])
def test_a_range_beyond_the_answer_is_refused_with_its_size(api: Api, range: str) -> None:
    answer = ranged(api, TAGGED[0], range)
    assert (answer.status_code, answer.json()["type"]) == (416, "/problems#range")
    assert answer.headers["Content-Range"] == f"bytes */{len(api.get(TAGGED[0]).content)}"


@pytest.mark.parametrize("path", TAGGED)
def test_if_range_gets_a_part_of_the_same_answer_or_the_whole_new_one(api: Api, path: str) -> None:
    whole = api.get(path)
    tag = whole.headers["ETag"]
    assert ranged(api, path, "bytes=0-9", If_Range=tag).status_code == 206
    for other in (NEVER, f"W/{tag}", "Tue, 01 Jan 2013 00:00:00 GMT", tag.strip('"')):
        answer = ranged(api, path, "bytes=0-9", If_Range=other)
        assert (answer.status_code, answer.content) == (200, whole.content)


@pytest.mark.parametrize("path", TAGGED)
def test_if_match_refuses_an_answer_with_another_tag(api: Api, path: str) -> None:
    tag = api.get(path).headers["ETag"]
    for fine in (tag, f"{NEVER}, {tag}", "*"):
        assert ranged(api, path, "bytes=0-9", If_Match=fine).status_code == 206
        assert api.get(path, **{"If-Match": fine}).status_code == 200
    for other in (NEVER, f"W/{tag}", "nonsense"):
        for answer in (ranged(api, path, "bytes=0-9", If_Match=other), api.get(path, **{"If-Match": other})):
            assert (answer.status_code, answer.json()["type"]) == (412, "/problems#answer-changed")


def test_an_answer_that_the_caller_has_is_not_sent_in_part_either(api: Api) -> None:
    tag = api.get(TAGGED[0]).headers["ETag"]
    assert ranged(api, TAGGED[0], "bytes=0-9", If_None_Match=tag).status_code == 304


def test_a_range_is_of_the_compressed_bytes_and_their_tag_is_another(api: Api) -> None:
    path = "/v1/flights?format=csv"
    plain, packed = (api.raw(path, Accept_Encoding=coding) for coding in ("identity", "gzip"))
    assert plain[0].headers["ETag"] != packed[0].headers["ETag"]
    answer, head = api.raw(path, Accept_Encoding="gzip", Range="bytes=0-99", If_Range=packed[0].headers["ETag"])
    rest = api.raw(path, Accept_Encoding="gzip", Range="bytes=100-")[1]
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (206, "gzip")
    assert zlib.decompress(head + rest, zlib.MAX_WBITS | 16) == plain[1]
    other = api.raw(path, Accept_Encoding="gzip", Range="bytes=0-99", If_Range=plain[0].headers["ETag"])
    assert (other[0].status_code, other[1]) == (200, packed[1])


def moved(lake: LakeBuilder) -> None:
    """The lake has one more flight, of a date of the answers."""
    lake.land(event(flight_number=999))


@pytest.mark.parametrize("path", TAGGED[:3])
def test_parts_without_a_tag_are_of_one_answer_while_the_lake_moves(lake: LakeBuilder, api: Api, path: str) -> None:
    before = api.get(path)
    size = len(before.content)
    end = ranged(api, path, "bytes=-100")
    moved(lake)
    assert api.get(path).content != before.content
    rest = ranged(api, path, f"bytes=1-{size - 101}")
    start = ranged(api, path, "bytes=0-0")
    assert start.content + rest.content + end.content == before.content
    for part in (start, rest, end):
        assert part.headers["ETag"] == before.headers["ETag"]
        assert part.headers["Lake-Snapshot"] == before.headers["Lake-Snapshot"]
        assert part.headers["Content-Range"].endswith(f"/{size}")
    assert rest.headers["Lake-As-Of"] == end.headers["Lake-As-Of"]


def test_a_head_begins_with_the_answer_that_its_parts_come_from(lake: LakeBuilder, api: Api) -> None:
    ranged(api, TAGGED[1], "bytes=-100")
    moved(lake)
    head = api.run(api.client.head(TAGGED[1]))
    assert ranged(api, TAGGED[1], "bytes=-100").headers["ETag"] == head.headers["ETag"]


def test_parts_of_an_answer_that_is_not_kept_are_refused_after_a_change(lake: LakeBuilder) -> None:
    with serving(lake.store, result_cache_mb=0) as api:
        api.client.headers["Accept-Encoding"] = "identity"
        for path in TAGGED:
            assert ranged(api, path, "bytes=-10").status_code == 206
            assert ranged(api, path, "bytes=1-10").status_code == 206
        moved(lake)
        lake.land(event(event_time=event()["publish_time"], tail_number="N9"))
        for path in TAGGED:
            assert ranged(api, path, "bytes=1-10").status_code == 412
            assert [ranged(api, path, range).status_code for range in ("bytes=-10", "bytes=1-10")] == [206, 206]


def test_readers_are_told_apart_by_their_program(lake: LakeBuilder, api: Api) -> None:
    before = ranged(api, TAGGED[1], "bytes=-100", User_Agent="a")
    moved(lake)
    assert ranged(api, TAGGED[1], "bytes=4-9", User_Agent="a").headers["ETag"] == before.headers["ETag"]
    assert ranged(api, TAGGED[1], "bytes=4-9", User_Agent="b").headers["ETag"] != before.headers["ETag"]


def test_ranges_of_an_answer_ask_no_query_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(api.get(TAGGED[1]).content)

    async def never(*_: Any) -> None:
        raise AssertionError("a query")

    monkeypatch.setattr("query_service.api.routes.flights_page", never)
    for start in range(0, size, 1000):
        assert ranged(api, TAGGED[1], f"bytes={start}-{start + 999}").status_code == 206
