"""Accept-Encoding: what is compressed, how, and that it is the same answer."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pyarrow as pa
import pytest

from tests._support.api.in_process import Api, serving
from tests._support.api.readers import FORMATS
from tests._support.lakes.builder import LakeBuilder, event
from tests._support.lakes.stores import WatchedStore

SMALL = "/v1/stats"
MIDDLE = "/v1/stats?group_by=origin&limit=100"
LONG = "/v1/stats?group_by=origin&limit=10000"
BROWSER = "gzip, deflate, br, zstd"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    lake = LakeBuilder(WatchedStore())
    lake.land(*(event(origin=f"{n:04}", departure_delay_minutes=n) for n in range(1300)))
    lake.merge()
    with serving(lake.store) as serving_api:
        yield serving_api


def decoded(body: bytes, coding: str | None) -> bytes:
    if coding == "zstd":
        unpacked: bytes = pa.CompressedInputStream(pa.BufferReader(body), "zstd").read()
        return unpacked
    return gzip.decompress(body) if coding == "gzip" else body


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("path", [MIDDLE, LONG, "/v1/flights?limit=100", "/v1/flights?limit=1000"])
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_the_decoded_body_is_the_same(api: Api, path: str, name: str, coding: str) -> None:
    plain, body = api.raw(f"{path}&format={name}", accept_encoding=None)
    assert "Content-Encoding" not in plain.headers
    packed, packed_body = api.raw(f"{path}&format={name}", accept_encoding=coding)
    expected = None if name == "parquet" else coding  # which is compressed in itself
    assert packed.headers.get("Content-Encoding") == expected
    assert decoded(packed_body, expected) == body
    assert name == "parquet" or len(packed_body) < len(body) / 2
    for answer in (plain, packed):
        assert answer.headers["Vary"] == "Accept, Accept-Encoding"
        assert int(answer.headers.get("Content-Length", len(body))) in (len(body), len(packed_body))


@pytest.mark.parametrize("name", FORMATS)
def test_a_small_answer_is_compressed_only_for_who_takes_nothing_else(api: Api, name: str) -> None:
    url = f"/v1/stats?format={name}&origin=0001" if name != "parquet" else f"{MIDDLE}&format={name}"
    small, body = api.raw(url, accept_encoding="gzip")
    insisted, packed = api.raw(url, accept_encoding="gzip, identity;q=0")
    if name in ("json", "ndjson", "csv", "parquet"):
        assert "Content-Encoding" not in small.headers
        assert gzip.decompress(packed) == body
    assert insisted.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("path", [SMALL, MIDDLE, LONG, "/v1/flights?limit=1000"])
def test_each_coding_has_its_own_tag_and_the_same_bytes_each_time(api: Api, path: str) -> None:
    headers = (None, "gzip", "zstd", "gzip, identity;q=0")
    first = [api.raw(path, accept_encoding=header) for header in headers]
    again = [api.raw(path, accept_encoding=header) for header in headers]
    assert len({answer.headers["ETag"] for answer, _ in first}) == len(headers)
    assert [(a.headers["ETag"], body) for a, body in first] == [(a.headers["ETag"], body) for a, body in again]
