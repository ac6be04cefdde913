"""The code that each figure depends on: what our processes run during the measurement.

Whole packages, without modules known to be unused: a new module counts until it is listed here.
Measures add their own module and their peers (`bench.catalogue`).
"""

from __future__ import annotations

from typing import Final

from bench.fingerprint import Sources

_HTTP: Final = ("fastapi", "starlette", "uvicorn", "httptools")
_QUERIES: Final = ("duckdb", "pyarrow")
_PUBSUB: Final = ("google-cloud-pubsub", "grpcio", "protobuf")

_EVENTS: Final = ("local_cloud/flights/nycflights13.py", "local_cloud/flights/events.py")
_LAKE: Final = ("bench/scale.py", "ingest_writer/compaction/merge_sql.py", *_EVENTS)
"""The lakes that are asked: written by the product's own merger."""

_STREAM: Final = ("bench/stream.py", "local_cloud/emulators/pubsub", "local_cloud/flights/replay.py", *_EVENTS)
"""What a writer pulls, and from where: CPU time an event depends on how many come at once."""

_COMMANDS: Final = ("lakehouse/__main__.py", "lakehouse/client", "lakehouse/schema/json_schema.py")
"""What analysts run, and no service does."""

_DOCUMENTATION: Final = ("query_service/dashboard", "query_service/api/openapi")

_OTHER_ROUTES: Final = (
    *_DOCUMENTATION,
    *("query_service/queries/flights.py", "query_service/queries/lake_status.py", "query_service/queries/inventory.py"),
    *("query_service/queries/long_poll.py", "query_service/queries/reference.py"),
    "query_service/cgroup.py",
)
"""What a question to /v1/stats does not pass through."""

_QUERY: Final = (
    *("query_service/queries/filters_sql.py", "query_service/queries/rollup_cache.py"),
    *("query_service/queries/stats.py", "query_service/queries/stats_sql.py"),
    *("query_service/engine/database.py", "query_service/engine/tail_cache.py"),
    *("query_service/representation/compression.py", "query_service/representation/encoders.py"),
    *("lakehouse/table/file_cache.py", "lakehouse/table/latest_sql.py", "lakehouse/table/parquet_files.py"),
)
"""What an answer from memory, and a 304, do not pass through either."""

_READING: Final = (
    *("lakehouse/table/file_cache.py", "lakehouse/table/latest_sql.py", "lakehouse/table/planner.py"),
    *("lakehouse/table/snapshot.py", "lakehouse/table/time_travel.py", "lakehouse/table/stored_file.py"),
    *("lakehouse/store/local.py", "lakehouse/store/memory.py", "lakehouse/bounded_lru.py", "lakehouse/local_disk.py"),
)
"""What readers of a lake and its compactor use, and a writer does not."""

_OTHER_STORES: Final = ("lakehouse/store/memory.py", "lakehouse/store/gcs.py")

QUESTION: Final = Sources(
    ("query_service", "lakehouse", "bench/question.py", *_LAKE),
    without=(*_OTHER_ROUTES, *_COMMANDS, *_OTHER_STORES),
    libraries=(*_HTTP, *_QUERIES),
)
"""/v1/stats by a query, over a lake in a folder."""

DASHBOARD: Final = Sources(
    ("query_service", "lakehouse", "bench/question.py", *_LAKE),
    without=(*_DOCUMENTATION, "query_service/queries/long_poll.py", *_COMMANDS, *_OTHER_STORES),
    libraries=(*_HTTP, *_QUERIES),
)
"""All that the dashboard's pages ask, over a lake in a folder."""

REPEATED: Final = Sources(
    ("query_service", "lakehouse", "bench/question.py"),
    without=(*_OTHER_ROUTES, *_COMMANDS, *_OTHER_STORES, *_QUERY),
    libraries=_HTTP,
)
"""/v1/stats from memory, or by a tag."""

START: Final = Sources(
    ("query_service", "lakehouse", *_LAKE),
    without=(*_COMMANDS, *_OTHER_STORES),
    libraries=(*_HTTP, *_QUERIES, "google-cloud-storage", "pydantic-settings", "prometheus-client"),
)
"""All that is imported before the first answer."""

WRITER: Final = Sources(
    ("ingest_writer", "lakehouse", *_STREAM),
    without=("ingest_writer/compaction", "ingest_writer/backfill", *_READING, *_COMMANDS),
    libraries=(*_PUBSUB, "google-cloud-storage", "msgspec", "pyarrow"),
)
"""From a pull to the ack."""

EVERYTHING: Final = Sources(
    ("ingest_writer", "query_service", "lakehouse", "local_cloud/demo/freshness.py", *_STREAM),
    without=(*_DOCUMENTATION, *_COMMANDS, "lakehouse/store/memory.py", "lakehouse/store/local.py"),
    libraries=(*_PUBSUB, "google-cloud-storage", "msgspec", *_HTTP, *_QUERIES),
)
"""Writer, compactor and API."""

LISTING: Final = Sources(
    (
        *("lakehouse/store/local.py", "lakehouse/store/checksum.py", "lakehouse/store/store.py"),
        "lakehouse/bounded_lru.py",
    )
)
"""A store in a folder."""

MERGE: Final = Sources(
    (
        *("ingest_writer/compaction/merge_sql.py", "lakehouse/schema/event.py", "lakehouse/schema/versions.py"),
        *("lakehouse/table/latest_sql.py", "lakehouse/table/parquet_files.py", "bench/scale.py", *_EVENTS),
    ),
    libraries=_QUERIES,
)
"""Month files, and how they are made."""

DAY: Final = Sources(
    (
        *("ingest_writer/decoding", "ingest_writer/landing.py"),
        *("ingest_writer/compaction", "lakehouse", *_EVENTS),
    ),
    without=("ingest_writer/compaction/metrics.py", "lakehouse/store/local.py", "lakehouse/store/gcs.py", *_COMMANDS),
    libraries=(*_QUERIES, "msgspec"),
)
"""Decoding, landing, compaction and collection, in a store in memory."""

LOAD: Final = Sources(
    (
        *("ingest_writer/backfill", "ingest_writer/decoding", "ingest_writer/landing.py"),
        *("ingest_writer/compaction", "lakehouse", "local_cloud/flights/on_time_file.py", *_EVENTS),
    ),
    without=("ingest_writer/compaction/metrics.py", *_OTHER_STORES, *_COMMANDS),
    libraries=(*_QUERIES, "airportsdata", "msgspec", "tzdata"),
)
"""From a file to merged months, in a lake in a folder."""

COLD: Final = Sources(
    ("query_service", "lakehouse", "ingest_writer/publishing", "bench/question.py", *_LAKE),
    without=(*_COMMANDS, "lakehouse/store/local.py", "lakehouse/store/memory.py"),
    libraries=(
        *(*_HTTP, *_QUERIES, "google-cloud-storage", "pydantic-settings", "prometheus-client"),
        *("duckdb-extension-avro", "duckdb-extension-httpfs", "duckdb-extension-iceberg"),
    ),
)
"""The first answer from Cloud Storage, and the Iceberg table that its peer reads."""

ANALYSTS: Final = Sources(
    ("lakehouse", "ingest_writer/publishing", *_LAKE),
    without=("lakehouse/telemetry", "lakehouse/store/local.py", "lakehouse/store/memory.py"),
    libraries=(
        *("duckdb", "duckdb-extension-avro", "duckdb-extension-delta", "duckdb-extension-httpfs"),
        *("duckdb-extension-iceberg", "google-cloud-storage", "pyarrow"),
    ),
)
"""`sql`, and the tables that others read, over the local Cloud Storage."""
