"""Settings of the API from the environment: PORT, LAKE_URL and API_*. A name that nothing reads stops the start."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lakehouse.command_line.settings_text import settings_text as text_of
from lakehouse.command_line.settings_text import variables_of
from lakehouse.environment import not_set_error, unread_variables, unread_variables_error
from lakehouse.errors import ConfigError
from lakehouse.telemetry.logs import LINES_PER_MINUTE, LogFormat
from query_service.cgroup import memory_limit_bytes

_PREFIX = "API_"
_RENAMED: Final = {
    "API_CACHE_MB": "API_FILE_CACHE_MB",
    "API_DECIDED_CACHE_MB": "API_TAIL_CACHE_MB",
    "API_DECIDED_FROM_KB": "API_TAIL_CACHE_MIN_KB",
    "API_PARTIAL_CACHE_MB": "API_ROLLUP_CACHE_MB",
    "API_PARTIAL_ROWS": "API_ROLLUP_MIN_ROWS",
    "API_QUERIES_AT_ONCE": "API_MAX_CONCURRENT_QUERIES",
    "API_SENDING_MB": "API_SEND_BUFFER_MB",
    "API_WAITS_AT_ONCE": "API_MAX_LONG_POLLS",
}
_ROOT_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,100}){1,10}", re.ASCII)
_OWN_PATHS: Final = ("v1", "docs", "static", "openapi.json", "health", "ready", "metrics")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?", re.ASCII)


def _cores() -> int:
    """the cores that the process may use"""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quarter_of_memory_mb() -> int:
    """a quarter of the container's memory, 512 where nothing limits it"""
    limit = memory_limit_bytes()
    return 512 if limit is None else max(64, limit // 4_000_000)


def _sixteenth_of_memory_mb() -> int:
    """a sixteenth of the container's memory, 128 where nothing limits it"""
    limit = memory_limit_bytes()
    return 128 if limit is None else limit // 16_000_000


class Settings(BaseSettings):
    """`PORT`, `LAKE_URL`, and `API_*` for the others."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, frozen=True, populate_by_name=True, use_attribute_docstrings=True
    )

    lake_url: str = Field(validation_alias="LAKE_URL")
    """gs://bucket or file:///absolute/path. No default: another lake would answer, and look right."""
    port: int = Field(8080, ge=1, le=65535, validation_alias="PORT")
    """The name is the one that Cloud Run sets, and 8080 is its usual value."""
    host: str = Field("0.0.0.0", min_length=1)  # noqa: S104
    """All interfaces: a container is reached from outside of it."""
    root_path: str = ""
    """A path prefix that a proxy in front serves this service below, `/flights` say: it stands in `Link`, redirects and
    the OpenAPI document. The proxy may take it off or leave it on. None: the service has a host of its own."""
    max_connections: int = Field(512, ge=1, le=100_000)
    """Open ones, idle ones too: beyond, the one that waited longest for a request is closed for a new one; where none
    waits, one whose reader stalls (API_SEND_STALL_S); where there is none either, the new one gets a 503. Three times
    what Cloud Run is told to send, half of the descriptors that a process usually may have; fewer where the hard limit
    of open files leaves too few for files."""
    max_connections_per_caller: int = Field(128, ge=1, le=100_000)
    """Of one address (of IPv6, one /64 network), counted only when all places are taken: then connections of callers
    with more than that are closed first, and a new one of theirs takes no other caller's place. A quarter: a few such
    callers leave room. The address is the one that connects; behind a proxy that is the proxy, which may take all."""
    probe_connections: int = Field(8, ge=0, le=1000)
    """Beside API_MAX_CONNECTIONS, for /health and /ready alone: a full service must not look dead. A prober and a load
    balancer ask over one or two connections each."""
    send_stall_s: float = Field(3.0, gt=0, le=300)
    """A reader who has not taken a chunk of 64 kB by then is closed for a new connection when all places are taken. At
    35 kB/s, the slowest that API_SEND_TIMEOUT_S is made for, a chunk takes two seconds."""
    backlog_connections: int = Field(2048, ge=1, le=65_535)
    """That the kernel holds until they are accepted, a few at a time. uvicorn's default; Linux caps it at
    net.core.somaxconn, usually 4,096."""
    max_pipelined_requests: int = Field(16, ge=1, le=1000)
    """Requests that wait on one connection for the answer before theirs; beyond, it ends with the last answer. Only
    callers that pipeline have any, and browsers do not: a request takes up to API_HEAD_KB."""
    keep_alive_s: int = Field(75, ge=1, le=3600)
    """An idle connection after an answer. Longer than proxies keep theirs (nginx, Envoy and load balancers: 60 s): the
    proxy has to be the one that closes, else it asks now and then over a connection that is just being closed, and
    answers 502. Idle connections take no place from others: API_MAX_CONNECTIONS closes the longest idle one."""
    head_kb: int = Field(64, ge=8, le=1024)
    """Of a request: line and headers. As much as uvicorn's other parser takes; a URL with a hundred values has a few
    kB. Up to one read (256 kB) more may have come before it is refused."""
    url_kb: int = Field(32, ge=1, le=1024)
    """Of a request's path and query string, as sent; beyond it is a 414. Half of what a head may have: a hundred values
    of each filter, most of them percent-encoded. Decoding as much takes a millisecond."""
    max_headers: int = Field(100, ge=20, le=10_000)
    """Header lines of a request; beyond it is a 431. What nginx and Apache take: browsers send about 20, proxies add
    some."""
    max_header_items: int = Field(100, ge=10, le=10_000)
    """Items and parameters in all lines of one header, `Accept` say; beyond it is a 431. Browsers send up to 20. Each
    takes 10 us on the thread that answers everybody."""
    plan_max_age_s: float = Field(1.0, ge=0, le=3600)
    """Freshness goal of seconds, most of which writers take. One listing a second (two requests, landing and
    snapshots) costs about 26 dollars a month under constant traffic, and nothing without any."""
    plan_timeout_s: float = Field(5.0, gt=0, le=300)
    """Ten times a listing of ten pages: a store that is slower than this does not answer."""
    lake_max_age_s: float = Field(30.0, ge=0, le=3600)
    """How long what /v1/lake found is good for at most, from its end, where looking takes longer than
    API_PLAN_MAX_AGE_S: twice as long as it took. From a slow storage each caller would wait for a look of its own
    otherwise. `listed_at` says how old it is."""
    inventory_max_age_s: float = Field(300.0, ge=0, le=86_400)
    """How old the counts of rejected and foreign objects in /v1/lake may be. They need a listing of the whole bucket,
    made in the background when somebody asks, at most twice in this time: 200,000 objects are 200 requests."""
    file_cache_mb: int = Field(448, ge=1)
    """Downloaded files: at 28 bytes a flight, 16 million. With DuckDB's memory it fills half of an instance of 2 GiB,
    where the file system is memory too."""
    cache_dir: Path | None = None
    """None is a temporary folder that goes with the process. A folder that is named belongs to one process."""
    disk_check_s: float = Field(2.0, ge=0, le=3600)
    """How long what /ready found out about the disk is good for: it writes a block, and anybody may ask. Probes come
    every few seconds."""
    max_concurrent_queries: int = Field(default_factory=_cores, ge=1, le=1024)
    """The cores: more queries than that do not finish sooner, they only make all of them late."""
    queue_limit: int = Field(64, ge=0, le=10_000)
    """Questions that download or wait for a core. At 15 ms a query and two cores the last one waits half a
    second: a longer queue is worse than trying again."""
    query_timeout_s: float = Field(10.0, gt=0, le=3600)
    """For a whole answer, plan, downloads and queue included: hundreds of times a usual one, and about when a
    caller gives up."""
    send_timeout_s: float = Field(30.0, gt=0, le=3600)
    """From the first byte of an answer to its last; a reader who has not taken it by then is cut off. The largest are
    about 5 MB, 1 MB compressed: 35 kB/s are enough. With a query before, it fits into the 60 s of Cloud Run."""
    send_buffer_mb: int = Field(64, ge=1, le=100_000)
    """Bodies above 64 kB that are being sent, each once however many readers it has; beyond, answers of more than 50
    rows that are not kept are refused. A dozen of the largest, in 3 % of an instance of 2 GiB."""
    duckdb_memory_mb: int = Field(default_factory=_quarter_of_memory_mb, ge=64)
    """A quarter of what the container may use, 512 MB where nothing limits it: see API_FILE_CACHE_MB. What does
    not fit is spilled, at most as much again."""
    result_cache_mb: int = Field(32, ge=0, le=100_000)
    """Answers as they were sent, by tag; 0 keeps none. About 10,000 usual ones, which is more than are asked for
    between two changes of the lake, in 2 % of an instance of 2 GiB."""
    partial_read_s: float = Field(10.0, ge=0, le=3600)
    """A reader that asks for ranges without a tag (Polars) gets them from one answer: within this time after a part of
    it, also those that it begins with, as several threads do. So such a reader may see a lake this much older; reading
    an answer takes a second. As many readers are told apart as API_MAX_CONNECTIONS."""
    rollup_cache_mb: int = Field(default_factory=_sixteenth_of_memory_mb, ge=0, le=100_000)
    """Rollups of whole months, so that a request over years reads only new months; 0 keeps none.
    By airport, a month of half a million flights takes 0.6 MB: this holds ten years by several
    groupings."""
    tail_cache_mb: int = Field(32, ge=0, le=100_000)
    """On disk: the merged state of dates with a large tail; 0 keeps none. At 42 bytes a flight,
    700,000 flights; up to twice as much while replaced files are still read, in 3 % of an instance
    of 2 GiB."""
    tail_cache_min_kb: int = Field(64, ge=0, le=1_000_000)
    """The tail cache is used from this size of a request's landed files on: eight of a few events,
    or one of 2,000. Less is merged in about the time that merging and writing it once takes."""
    long_tail_mb: int = Field(64, ge=0, le=100_000)
    """In memory: what a tail of many files changes in the month files; 0 keeps nothing. At 160 bytes
    a row and two rows a flight, 200,000 flights, in 3 % of an instance of 2 GiB. A tail that changes
    more is read by each question."""
    long_tail_min_files: int = Field(200, ge=2, le=1_000_000)
    """The tail of a question is long from this many landed files on: opening a file takes a query
    2 ms, so that fewer are read in less than half a second."""
    rollup_min_rows: int = Field(1_000_000, ge=0)
    """Rollups are used from this many rows in whole months on: fewer are counted as fast singly."""
    filter_max_values: int = Field(100, ge=1, le=10_000)
    """Of one filter: each costs a comparison a row, and a list of a hundred still fits into a URL.
    For more, fetch the groups and select."""
    max_long_polls: int = Field(100, ge=0, le=100_000)
    """Requests that wait for a newer state: each wakes once a plan age, and runs a query of a few
    milliseconds when its date has new files."""
    max_long_polls_per_caller: int = Field(20, ge=1, le=100_000)
    """Of them, for one API key, without keys for one address (of IPv6, one /64 network); beyond is a 429. A fifth: five
    callers have to agree to take all. Behind a proxy addresses are told apart only with API_PROXY_HOPS."""
    canary_long_polls: int = Field(4, ge=0, le=1000)
    """Beside API_MAX_LONG_POLLS, for flights of carrier ZZ alone: a deploy's probe and the canary wait one at a time
    each, and a full service must not look like a broken one to them. With keys on they are for API_CANARY_KEY alone.
    Without keys for anybody, half of them for one caller: then two callers can take them, as many can take the rest."""
    canary_key: str = Field("probe", min_length=1, max_length=40)
    """The name of the key that deploy's probe and the canary send, as docs/deploy.md names it."""
    keys: str = Field("", repr=False)
    """`name:hash,...` as `python -m query_service new-key NAME` prints it; then /v1/ needs a key. Off on a laptop."""
    keys_file: Path | None = None
    """Instead of API_KEYS: a file with one `name:hash` a line, as a secret is mounted. Read at the start."""
    rate_per_s: float = Field(0.0, ge=0, le=1_000_000)
    """Requests for data a second, for each key in each instance; without keys, for the instance. 0 is no limit: what
    the machine takes at once is limited by API_QUEUE_LIMIT anyway."""
    rate_burst: int = Field(20, ge=1, le=1_000_000)
    """As many at once, when nothing was asked for a while: a page that loads a dozen answers is no abuse."""
    metrics_open: bool = False
    """With keys on, /metrics needs one too. True where only a keyless collector reaches it."""
    cors_origins: str = ""
    """Origins whose pages may ask, `https://a.example,https://b.example`, or `*`. None: only our own pages do."""
    tls_in_front: bool = False
    """HTTPS ends at a proxy in front: browsers are told to use nothing else. Wrong, it locks them out for a year."""
    proxy_hops: int = Field(0, ge=0, le=10)
    """Proxies of ours in front, each of which adds an address to X-Forwarded-For; Cloud Run is 1. Tells callers apart,
    in the log and where API_MAX_LONG_POLLS_PER_CALLER counts them."""
    log_format: LogFormat = "auto"
    """`json`, `text`, or by whether stderr is a terminal."""
    log_lines_per_minute: int = Field(LINES_PER_MINUTE, ge=1, le=1_000_000)
    """Warnings and errors of one kind that are written; a line says how many more there were. Requests' own lines are
    not counted. One a second shows that it goes on, and fills no disk."""
    trace_project: str = Field("", max_length=100)
    """The Google Cloud project that traces are in: joins log lines and traces."""

    @field_validator("root_path")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if value and not _ROOT_PATH.fullmatch(value):
            raise ValueError("takes a path like /flights, with a slash before each part and none at the end")
        first = value.split("/")[1] if value else ""
        if first in _OWN_PATHS:  # of /v1/v1/stats nobody could say whether the prefix has been taken off
            raise ValueError(f"begins with /{first}, which is a path of the service itself; take another prefix")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        origins = [origin.strip() for origin in value.split(",")] if value else []
        if origins != ["*"] and not all(_ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError("takes scheme://host[:port], separated by commas, or * alone")
        return ",".join(origins)


PROCESS_MB: Final = 304
"""Python, Arrow and 100 requests, without what MEMORY_SHARES names."""

MEMORY_SHARES: Final = {
    "file_cache_mb": 1,
    "duckdb_memory_mb": 2,  # DuckDB spills at most as much again
    "tail_cache_mb": 2,  # replaced files stay while they are read
    "rollup_cache_mb": 1,
    "long_tail_mb": 1,
    "result_cache_mb": 1,
    "send_buffer_mb": 1,
}
"""How many times each setting counts, where the file system is memory too (Cloud Run)."""


def memory_needed_mb(settings: Settings) -> int:
    """What an instance takes at most, files and spill included."""
    return PROCESS_MB + sum(times * int(getattr(settings, name)) for name, times in MEMORY_SHARES.items())


def load_settings() -> Settings:
    """The settings in the environment. Raises ConfigError with one line that names the variable."""
    known = sorted(_variable(name) for name in Settings.model_fields)
    unread = unread_variables(os.environ, (_PREFIX,), [name for name in known if name.startswith(_PREFIX)])
    if unread:
        raise unread_variables_error(unread, known, _RENAMED)
    if not os.environ.get("LAKE_URL"):
        raise not_set_error("LAKE_URL", "gs://bucket or file:///absolute/path")
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"{_variable(str(e['loc'][0]))} is {e['input']!r}: {e['msg']}" for e in error.errors()]
        raise ConfigError("; ".join(wrong)) from None


def settings_text() -> str:
    """Every variable with its default, unit and reason, for people."""
    return text_of(variables_of(Settings.model_fields, _PREFIX))


def _variable(field: str) -> str:
    return field.upper() if field.upper() in ("PORT", "LAKE_URL") else f"{_PREFIX}{field.upper()}"
