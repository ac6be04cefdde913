"""Settings of writer, compactor and bulk load, from environment variables.

A variable with one of our prefixes that nothing reads stops the start: typing errors die early.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest_writer.backfill.limits import LoadLimits
from ingest_writer.health_server import HealthLimits
from ingest_writer.subscriber.options import Limits, WriterOptions
from lakehouse.command_line.settings_text import Variable, variables_of
from lakehouse.environment import not_set_error, unread_variables, unread_variables_error
from lakehouse.errors import ConfigError
from lakehouse.object_names import MAX_SNAPSHOT
from lakehouse.schema.event import MAX_MESSAGE_DATES
from lakehouse.telemetry.logs import LINES_PER_MINUTE, LogFormat

_RENAMED: Final = {
    "COMPACTOR_GRACE_S": "COMPACTOR_DELETE_GRACE_S",
    "WRITER_UPLOAD_STUCK_S": "WRITER_UPLOAD_STALL_S",
}


def _temporary_folder() -> Path:
    """the system's folder for temporary files"""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # none can be written: whoever needs it says so, and a writer does not
        return Path("/tmp")  # noqa: S108


class WriterSettings(BaseSettings):
    """`WRITER_*`: the subscriber."""

    model_config = SettingsConfigDict(env_prefix="WRITER_", frozen=True, use_attribute_docstrings=True)

    port: int = Field(8081, ge=0, le=65535)
    """Health, readiness and metrics. Beside the API's 8080 on the same machine."""
    host: str = Field("0.0.0.0", min_length=1)  # noqa: S104
    """The IPv4 address to listen on. All interfaces: a container is reached from outside of it."""
    health_deadline_s: float = Field(10.0, gt=0, le=300)
    """For a request to the health port and its answer, from the connection on: probes give up sooner."""
    health_max_connections: int = Field(32, ge=1, le=1000)
    """To the health port: a probe or two and a scraper come at once. Beyond, the one that came first gives way."""
    log_format: LogFormat = "auto"
    """`json`, `text`, or by whether stderr is a terminal."""
    log_lines_per_minute: int = Field(LINES_PER_MINUTE, ge=1, le=1_000_000)
    """Warnings and errors of one kind that are written; a line says how many more there were. Requests' own lines are
    not counted. One a second shows that it goes on, and fills no disk."""
    batch_max_age_s: float = Field(5.0, gt=0, le=300)
    """Freshness goal of seconds; at 5 s a quiet day costs 17,280 small objects, a few cents."""
    batch_max_rows: int = Field(200_000, ge=1)
    """About 10 MB of Parquet and a second of work on one core."""
    batch_max_mb: int = Field(64, ge=1)
    """Of messages, attributes included: what 200,000 rows take as JSON."""
    batch_max_dates: int = Field(MAX_MESSAGE_DATES, ge=1, le=10_000)
    """Flight dates: each is an object. 400 are 25 rounds of `WRITER_UPLOADS_IN_FLIGHT`, a second or two of storage;
    as many as one message may have, which is never split over batches."""
    batches_in_flight: int = Field(2, ge=1, le=64)
    """One is uploaded while the next is prepared; more only hides storage that is too slow."""
    uploads_in_flight: int = Field(16, ge=1, le=256)
    """A batch of mixed dates is many small objects; object storage is latency, not bandwidth."""
    upload_stall_s: float = Field(15.0, gt=0, le=300)
    """An object that is not durable by then makes `/ready` say so: far above a slow upload of a few megabytes, far
    below the client's own timeouts, two of which (30 s each) it takes to be sure that storage is away."""
    pulls_in_flight: int = Field(4, ge=1, le=64)
    """The service gives at most 10 MB/s a stream; four keep a core busy."""
    pull_max_messages: int = Field(1000, ge=1, le=1000)
    """The service's own limit."""
    buffer_max_rows: int = Field(600_000, ge=1)
    """Three full batches: one filling, two landing. Beyond it no pull is started."""
    buffer_max_mb: int = Field(192, ge=1)
    """Likewise, of messages, attributes included. Full of 600,000 messages of one event, a writer takes 0.7 GB;
    1.1 GB while all of that is prepared as one batch."""
    ack_deadline_s: float = Field(60.0, ge=10, le=600)
    """As in the subscription. Twelve times the batch age: usually no lease needs extending."""
    lease_max_s: float = Field(1800.0, ge=10)
    """An outage longer than this: other writers may have the messages."""
    backoff_max_s: float = Field(5.0, gt=0, le=300)
    """Between two tries while storage or Pub/Sub is away; short, since one small request is all it costs."""
    drain_s: float = Field(6.0, gt=0, le=300)
    """After SIGTERM Cloud Run waits 10 s; 8 s is our promise, with a second each for the rest."""

    @property
    def health_limits(self) -> HealthLimits:
        return HealthLimits(self.health_deadline_s, self.health_max_connections, self.host)

    def options(self) -> WriterOptions:
        return WriterOptions(
            limits=Limits(
                self.batch_max_rows, self.batch_max_mb * 1_000_000, self.batch_max_age_s, self.batch_max_dates
            ),
            pulls_in_flight=self.pulls_in_flight,
            pull_max_messages=self.pull_max_messages,
            batches_in_flight=self.batches_in_flight,
            uploads_in_flight=self.uploads_in_flight,
            upload_stall_s=self.upload_stall_s,
            buffer_max_rows=self.buffer_max_rows,
            buffer_max_bytes=self.buffer_max_mb * 1_000_000,
            ack_deadline_s=self.ack_deadline_s,
            lease_max_s=self.lease_max_s,
            backoff_max_s=self.backoff_max_s,
            drain_s=self.drain_s,
        )


class CompactorSettings(BaseSettings):
    """`COMPACTOR_*`: compaction and collection."""

    model_config = SettingsConfigDict(env_prefix="COMPACTOR_", frozen=True, use_attribute_docstrings=True)

    port: int = Field(0, ge=0, le=65535)
    """Health, readiness and metrics of `compact --every`; 0 is none: a job that ends has nobody to scrape it."""
    host: str = Field("0.0.0.0", min_length=1)  # noqa: S104
    """The IPv4 address to listen on. All interfaces: a container is reached from outside of it."""
    health_deadline_s: float = Field(10.0, gt=0, le=300)
    """For a request to the health port and its answer, from the connection on: probes give up sooner."""
    health_max_connections: int = Field(32, ge=1, le=1000)
    """To the health port: a probe or two and a scraper come at once. Beyond, the one that came first gives way."""
    log_format: LogFormat = "auto"
    """`json`, `text`, or by whether stderr is a terminal."""
    log_lines_per_minute: int = Field(LINES_PER_MINUTE, ge=1, le=1_000_000)
    """Warnings and errors of one kind that are written; a line says how many more there were. Requests' own lines are
    not counted. One a second shows that it goes on, and fills no disk."""
    memory_mb: int = Field(1024, ge=64)
    """DuckDB's limit; beyond it a merge spills to disk, whatever the size of the month."""
    threads: int = Field(2, ge=1, le=256)
    """DuckDB's threads over all merges."""
    months_at_once: int = Field(2, ge=1, le=64)
    """One merge computes while another waits for storage."""
    scratch_dir: Path = Field(default_factory=_temporary_folder)
    """Downloads, spills and new month files while they are made; emptied afterwards."""
    scratch_mb: int = Field(4096, ge=64)
    """Room for the downloads of the months that are merged at once; not below `merge_max_mb`, or a merge that is
    allowed could never be done."""
    merge_max_files: int = Field(5000, ge=1)
    """Landed files a merge takes; the rest is the next run's. Bounds open files and footers in memory."""
    merge_max_mb: int = Field(1024, ge=1)
    """Likewise, in bytes of landed files."""
    file_max_mb: int = Field(64, ge=1)
    """Days at rest are joined into files up to this size. A busy lake of 141 MB a month has three of them, which 30
    days open at once; a late event rewrites one, and an API instance downloads it again: 64 MB, in about a second."""
    moving_file_max_mb: int = Field(1, ge=1)
    """Days that the tail touches again are in files of their own above this size, however few days that is. 288 runs
    a day rewrite 288 MB for a smaller one, which a week of soft delete keeps for 4 cents."""
    rest_s: float = Field(172_800.0, ge=0)
    """A file is at rest when its newest event is so much older than the lake's newest one: a clock may be 24 h ahead,
    and the events of a day end within 24 h. Compared are events, not clocks: an idle lake is left as it is."""
    commit_attempts: int = Field(100, ge=1)
    """Every lost race is somebody else's commit; months are kept and rebased, so a few tries are plenty."""
    retention_s: float = Field(86_400.0, ge=0)
    """How long snapshots can be asked for: longer than the longest outside query. Of the last 1,000 at
    most; none that is younger is deleted, however many there are."""
    trusted_snapshot: int = Field(0, ge=0, lt=MAX_SNAPSHOT)
    """Snapshots below this number are not checked for being one history. 0 checks all: raise it only to a number
    that you have verified, after snapshots were restored or copied (docs/runbook.md, foreign-snapshot)."""
    delete_grace_s: float = Field(600.0, ge=0)
    """How long absorbed landed files stay for readers that planned before: far above a query's deadline."""
    publish_wait_s: float = Field(60.0, gt=0, le=3600)
    """How long a run waits for the Delta and the Iceberg table to be brought up to date: usually a second. It goes on
    without them after two of the store client's own timeouts (30 s each), and the next run tries again."""
    deletes_at_once: int = Field(16, ge=1, le=256)
    """Deletes wait for storage, they do not compute."""

    @property
    def health_limits(self) -> HealthLimits:
        return HealthLimits(self.health_deadline_s, self.health_max_connections, self.host)


class LoadSettings(BaseSettings):
    """`LOAD_*`: bulk load of files. Its folder for temporary files is the compactor's."""

    model_config = SettingsConfigDict(env_prefix="LOAD_", frozen=True, use_attribute_docstrings=True)

    batch_max_rows: int = Field(50_000, ge=1)
    """Rows that are decoded before they go to disk: about 100 MB as Python values. More makes nothing faster."""
    batch_max_mb: int = Field(64, ge=1)
    """Of rejected rows, which are kept with their bytes: they go to disk at this size, however few they are."""
    row_max_mb: int = Field(10, ge=1)
    """One row or JSON value, as much as a whole Pub/Sub message may have. A quote that is never closed ends there."""
    unpacked_max_mb: int = Field(16_000, ge=1)
    """One file unpacked: five years of the US DOT's file in one zip. A small file that grows further is a mistake or an
    attack, and would fill the disk."""
    packed_batch_max_mb: int = Field(1000, ge=1)
    """One batch of an Arrow file with compressed buffers, unpacked: it cannot be read in parts. Programs write some
    10,000 to 1,000,000 rows in one, of about 250 bytes."""
    spill_open_files: int = Field(128, ge=1, le=4096)
    """Months that are written at once, each a file and a few MB. Ten years in one file; a file of more, in no order,
    has more of them closed and begun again."""

    def limits(self) -> LoadLimits:
        return LoadLimits(
            batch_max_rows=self.batch_max_rows,
            batch_max_bytes=self.batch_max_mb * 1_000_000,
            spill_open_files=self.spill_open_files,
            unpacked_max_bytes=self.unpacked_max_mb * 1_000_000,
            row_max_bytes=self.row_max_mb * 1_000_000,
            packed_batch_max_bytes=self.packed_batch_max_mb * 1_000_000,
        )


class Settings(NamedTuple):
    """Of all commands."""

    writer: WriterSettings
    compactor: CompactorSettings
    load: LoadSettings


def variables(*classes: type[BaseSettings]) -> list[Variable]:
    """Of these classes, as `--help` lists them."""
    found: list[Variable] = []
    for each in classes:
        found += variables_of(each.model_fields, str(each.model_config["env_prefix"]))
    return found


def load_settings() -> Settings:
    """All settings. Raises ConfigError that names the variable, what it got and what it takes."""
    classes: tuple[type[BaseSettings], ...] = (WriterSettings, CompactorSettings, LoadSettings)
    known = {f"{c.model_config['env_prefix']}{name}".upper() for c in classes for name in c.model_fields}
    prefixes = tuple(str(c.model_config["env_prefix"]) for c in classes)
    unread = unread_variables(os.environ, prefixes, known)
    if unread:
        raise unread_variables_error(unread, sorted(known), _RENAMED)
    try:
        settings = Settings(WriterSettings(), CompactorSettings(), LoadSettings())
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(error))) from None
    compactor = settings.compactor
    if compactor.scratch_mb < compactor.merge_max_mb:
        raise ConfigError(
            f"COMPACTOR_SCRATCH_MB is {compactor.scratch_mb}; it takes at least COMPACTOR_MERGE_MAX_MB, which is"
            f" {compactor.merge_max_mb}: one merge may download that much"
        )
    return settings


def subscription_from_environment() -> str:
    """PUBSUB_SUBSCRIPTION. Raises ConfigError when it is not the full name of a subscription."""
    name = os.environ.get("PUBSUB_SUBSCRIPTION", "")
    parts = name.split("/")
    if len(parts) != 4 or parts[0] != "projects" or parts[2] != "subscriptions" or not all(parts):
        takes = "projects/PROJECT/subscriptions/NAME"
        if not name:
            raise not_set_error("PUBSUB_SUBSCRIPTION", takes)
        raise ConfigError(f"PUBSUB_SUBSCRIPTION is {name!r}; it takes {takes}")
    return name


def _explain(error: ValidationError) -> list[str]:
    classes = (WriterSettings, CompactorSettings, LoadSettings)
    prefix = next(str(c.model_config["env_prefix"]) for c in classes if c.__name__ == error.title)
    return [
        f"{prefix}{str(e['loc'][0]).upper() if e['loc'] else '?'} is {e['input']!r}: {e['msg']}" for e in error.errors()
    ]
