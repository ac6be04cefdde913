"""Settings of the API from the environment: PORT, LAKE_URL and API_*. A name that nothing reads stops the start."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

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
_FOLDER: Final = re.compile(  # no page, no query, and nothing that HTML or a script would read otherwise
    r"(?:https://(?:(?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+|\[[0-9a-f:]+\])"
    r"|http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]))"
    r"(?::[0-9]{1,5})?(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+(?<!\.html))*",
    re.ASCII,
)


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
    """gs://bucket or file:///absolute/path. No default: another lake would answer, and look
    right."""
    port: int = Field(8080, ge=1, le=65535, validation_alias="PORT")
    """The name that Cloud Run sets, and its usual value."""
    host: str = Field("0.0.0.0", min_length=1)  # noqa: S104
    """All interfaces: a container is reached from outside."""
    root_path: str = ""
    """The path prefix of a proxy in front, such as `/flights`, for `Link`, redirects and OpenAPI.
    The proxy may strip or keep it. None: the service has a host of its own."""
    max_connections: int = Field(512, ge=1, le=100_000)
    """Open connections, idle ones too. Beyond it the longest idle one is closed, or else one whose
    reader stalls (API_SEND_STALL_S). Three times what Cloud Run sends; fewer if the limit of open
    files is low."""
    max_connections_per_caller: int = Field(128, ge=1, le=100_000)
    """Per address (IPv6: per /64), only when all connections are taken: the caller's own are closed
    first. A quarter, so a few such callers leave room. Behind a proxy all callers share its
    address."""
    probe_connections: int = Field(8, ge=0, le=1000)
    """In addition to API_MAX_CONNECTIONS, for /health and /ready: a full service must not look
    dead. A prober and a load balancer use one or two each."""
    send_stall_s: float = Field(3.0, gt=0, le=300)
    """When all connections are taken, a reader who has not taken 64 kB by then is closed. At 35
    kB/s, the slowest that API_SEND_TIMEOUT_S allows, a chunk takes two seconds."""
    backlog_connections: int = Field(2048, ge=1, le=65_535)
    """Not yet accepted, held by the kernel. uvicorn's default; Linux caps it at net.core.somaxconn,
    usually 4,096."""
    max_pipelined_requests: int = Field(16, ge=1, le=1000)
    """Requests that wait on one connection; beyond it the connection ends with the last answer.
    Browsers do not pipeline. Each takes up to API_HEAD_KB."""
    keep_alive_s: int = Field(75, ge=1, le=3600)
    """Idle time after an answer. Longer than proxies keep theirs (nginx, Envoy, load balancers: 60
    s): if the service closes first, a proxy now and then answers 502."""
    head_kb: int = Field(64, ge=8, le=1024)
    """Request line and headers. A URL with a hundred values has a few kB. Up to one read (256 kB)
    more may have come before it is refused."""
    url_kb: int = Field(32, ge=1, le=1024)
    """Path and query string, as sent; beyond it 414. Half of API_HEAD_KB: a hundred values of each
    filter, percent-encoded."""
    max_headers: int = Field(100, ge=20, le=10_000)
    """Header lines of a request; beyond it 431. What nginx and Apache take: browsers send about 20,
    proxies add some."""
    max_header_items: int = Field(100, ge=10, le=10_000)
    """Items and parameters of one header, such as `Accept`; beyond it 431. Browsers send up to 20;
    each takes 10 us of the event loop."""
    plan_max_age_s: float = Field(1.0, ge=0, le=3600)
    """Freshness goal of seconds, most of which writers take. One listing a second costs about 26
    dollars a month under constant traffic, and nothing without."""
    plan_timeout_s: float = Field(5.0, gt=0, le=300)
    """Ten times a listing of ten pages: a slower store counts as unavailable."""
    lake_max_age_s: float = Field(30.0, ge=0, le=3600)
    """Reuse of a slow /v1/lake result: up to twice as long as it took, at most this. Otherwise each
    caller would wait for a listing of its own. `listed_at` has its age."""
    inventory_max_age_s: float = Field(300.0, ge=0, le=86_400)
    """Age of the counts of rejected and unrecognized objects in /v1/lake. They need a listing of the
    whole bucket in the background: 200,000 objects are 200 requests."""
    file_cache_mb: int = Field(448, ge=1)
    """Downloaded files: 16 million flights at 28 bytes. With DuckDB's memory half of an instance of
    2 GiB, where the file system is memory too."""
    cache_dir: Path | None = None
    """None: a temporary folder that is deleted with the process. A named folder belongs to one
    process."""
    disk_check_s: float = Field(2.0, ge=0, le=3600)
    """How long /ready reuses its check of the disk, which writes a block. Probes come every few
    seconds."""
    max_concurrent_queries: int = Field(default_factory=_cores, ge=1, le=1024)
    """The cores: more queries at once do not finish sooner, they only make all of them late."""
    queue_limit: int = Field(64, ge=0, le=10_000)
    """Requests that download or wait for a core. At 15 ms a query and two cores the last one waits
    half a second; retrying is better than a longer queue."""
    query_timeout_s: float = Field(10.0, gt=0, le=3600)
    """For a whole answer, with plan, downloads and queue: hundreds of times a usual one, and about
    when a caller gives up."""
    send_timeout_s: float = Field(30.0, gt=0, le=3600)
    """From the first byte of an answer to its last; then the connection is reset. The largest are 5
    MB, 1 MB compressed: 35 kB/s. With the query it fits into Cloud Run's 60 s."""
    send_buffer_mb: int = Field(64, ge=1, le=100_000)
    """Bodies above 64 kB in transit, each once however many readers it has. Beyond it uncached
    answers of more than 50 rows are refused. A dozen of the largest."""
    duckdb_memory_mb: int = Field(default_factory=_quarter_of_memory_mb, ge=64)
    """A quarter of the container's memory, 512 MB without a limit. What does not fit is spilled, at
    most as much again. DuckDB keeps the footer of each file that it has read, about 33 kB, while there
    is room within this limit: until then memory grows with each file."""
    result_cache_mb: int = Field(32, ge=0, le=100_000)
    """Answers by `ETag`; 0 keeps none. About 10,000 usual ones, more than are asked for between two
    changes of the lake."""
    partial_read_s: float = Field(10.0, ge=0, le=3600)
    """A reader of ranges without a tag (Polars) gets them from one answer, up to this old: reading
    one takes a second. At most API_MAX_CONNECTIONS readers are told apart."""
    rollup_cache_mb: int = Field(default_factory=_sixteenth_of_memory_mb, ge=0, le=100_000)
    """Rollups of whole months, so that a request over years reads only new months; 0 keeps none.
    Ten years by several groupings: by airport a month of half a million flights takes 0.6 MB."""
    tail_cache_mb: int = Field(32, ge=0, le=100_000)
    """On disk: the merged state of dates with a large tail; 0 keeps none. 700,000 flights at 42
    bytes; up to twice as much while replaced files are still read."""
    tail_cache_min_kb: int = Field(64, ge=0, le=1_000_000)
    """Landed files of a request from which on the tail cache is used: eight of a few events, or one
    of 2,000. Smaller ones are merged as fast each time."""
    long_tail_mb: int = Field(64, ge=0, le=100_000)
    """In memory: what a long tail changes in the month files; 0 keeps nothing. 200,000 flights at
    160 bytes a row. A tail that changes more is read by each request."""
    long_tail_min_files: int = Field(200, ge=2, le=1_000_000)
    """A tail is long from this many landed files on. Opening one takes 2 ms, so fewer take less
    than half a second."""
    rollup_min_rows: int = Field(1_000_000, ge=0)
    """Rollups are used from this many rows in whole months on; counting fewer is as fast."""
    filter_max_values: int = Field(100, ge=1, le=10_000)
    """Values of one filter: each costs a comparison per row, and a hundred fit into a URL. For
    more, group and select."""
    max_long_polls: int = Field(100, ge=0, le=100_000)
    """Requests that wait for a newer state. Each wakes once per plan age, and queries for
    milliseconds when its date has new files."""
    max_long_polls_per_caller: int = Field(20, ge=1, le=100_000)
    """The same per API key, or else per address (IPv6: per /64); beyond it 429. A fifth: five
    callers are needed to take all. Behind a proxy set API_PROXY_HOPS."""
    canary_long_polls: int = Field(4, ge=0, le=1000)
    """In addition, for carrier ZZ: a full service must not look broken to the probe of a deploy and
    the canary. With API keys for API_CANARY_KEY alone; without, one caller gets half of them."""
    canary_key: str = Field("probe", min_length=1, max_length=40)
    """The name of the key that the probe of a deploy and the canary send (docs/deploy.md)."""
    keys: str = Field("", repr=False)
    """`name:hash,...` as `python -m query_service new-key NAME` prints it; then /v1/ needs a key.
    Off on a laptop."""
    keys_file: Path | None = None
    """Instead of API_KEYS: a file with one `name:hash` per line, such as a mounted secret. Read at
    the start."""
    rate_per_s: float = Field(0.0, ge=0, le=1_000_000)
    """Requests for data per second, for each key in each instance; without keys, for the instance.
    0 is no limit: API_QUEUE_LIMIT bounds the load anyway."""
    rate_burst: int = Field(20, ge=1, le=1_000_000)
    """Requests at once after a pause: a page that loads a dozen answers is no abuse."""
    metrics_open: bool = False
    """With API keys, /metrics needs one too. True where only a keyless collector reaches it."""
    cors_origins: str = ""
    """Origins whose pages may call the API: `https://a.example,https://b.example`, or `*`. None:
    only our own pages."""
    documents_url: str = ""
    """The folder where the site of `make site` is served, such as
    `https://docs.example.com/flights`: the dashboard's "?" and the API reference then link to it.
    None: no link, since the service itself serves no documents."""
    tls_in_front: bool = False
    """HTTPS ends at a proxy in front: browsers are told to use nothing else. If wrong, it locks
    them out for a year."""
    proxy_hops: int = Field(0, ge=0, le=10)
    """Our own proxies in front, each of which adds an address to X-Forwarded-For; Cloud Run is 1.
    Tells callers apart in the log and for API_MAX_LONG_POLLS_PER_CALLER."""
    log_format: LogFormat = "auto"
    """`json`, `text`, or by whether stderr is a terminal."""
    log_lines_per_minute: int = Field(LINES_PER_MINUTE, ge=1, le=1_000_000)
    """Warnings and errors of one kind; a line counts the suppressed ones. One a second shows that
    it goes on and fills no disk."""
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

    @field_validator("documents_url")
    @classmethod
    def _folder(cls, value: str) -> str:
        if value and not (_FOLDER.fullmatch(value) and urlsplit(value).port != 0):
            raise ValueError(
                "takes the https address of a folder (http on this machine), without a slash at the end, "
                "such as https://docs.example.com/flights"
            )
        return value


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
