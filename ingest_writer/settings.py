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
    except FileNotFoundError:  # no file can be written: commands that need one say so, a writer needs none
        return Path("/tmp")  # noqa: S108


class WriterSettings(BaseSettings):
    """`WRITER_*`: the subscriber."""

    model_config = SettingsConfigDict(env_prefix="WRITER_", frozen=True, use_attribute_docstrings=True)

    port: int = Field(8081, ge=0, le=65535)
    """Health, readiness and metrics. Not the API's 8080, for one machine that runs both."""
    host: str = Field("0.0.0.0", min_length=1)  # noqa: S104
    """The IPv4 address to listen on. All interfaces: a container is reached from outside."""
    health_deadline_s: float = Field(10.0, gt=0, le=300)
    """From the connection to the end of the answer on the health port. Probes give up sooner."""
    health_max_connections: int = Field(32, ge=1, le=1000)
    """To the health port: a probe or two and a scraper come at once. Beyond it the oldest is
    closed."""
    log_format: LogFormat = "auto"
    """`json`, `text`, or by whether stderr is a terminal."""
    log_lines_per_minute: int = Field(LINES_PER_MINUTE, ge=1, le=1_000_000)
    """Warnings and errors of one kind; a line counts the suppressed ones. One a second shows that
    it goes on and fills no disk."""
    batch_max_age_s: float = Field(5.0, gt=0, le=300)
    """Freshness goal of seconds; at 5 s a quiet day costs 17,280 small objects, a few cents."""
    batch_max_rows: int = Field(200_000, ge=1)
    """About 10 MB of Parquet and a second of work on one core."""
    batch_max_mb: int = Field(64, ge=1)
    """Messages, attributes included: what 200,000 rows take as JSON."""
    batch_max_dates: int = Field(MAX_MESSAGE_DATES, ge=1, le=10_000)
    """Each flight date is an object: 25 rounds of `WRITER_UPLOADS_IN_FLIGHT`, a second or two. As
    many as one message may have, which is never split."""
    batches_in_flight: int = Field(2, ge=1, le=64)
    """One is uploaded while the next is prepared; more only hides storage that is too slow."""
    uploads_in_flight: int = Field(16, ge=1, le=256)
    """A batch of mixed dates is many small objects; object storage is latency, not bandwidth."""
    upload_stall_s: float = Field(15.0, gt=0, le=300)
    """After it `/ready` reports the upload. Far above a slow upload of megabytes, far below the
    client's two timeouts of 30 s."""
    pulls_in_flight: int = Field(4, ge=1, le=64)
    """The service gives at most 10 MB/s per stream; four keep a core busy."""
    pull_max_messages: int = Field(1000, ge=1, le=1000)
    """The service's own limit."""
    buffer_max_rows: int = Field(600_000, ge=1)
    """Three full batches: one filling, two landing. Beyond it pulling stops."""
    buffer_max_mb: int = Field(192, ge=1)
    """The same in bytes, attributes included. Full of one-event messages, a writer takes 0.7 GB,
    and 1.1 GB while it decodes them as one batch."""
    ack_deadline_s: float = Field(60.0, ge=10, le=600)
    """As in the subscription. Twelve times the batch age: usually no lease needs extending."""
    lease_max_s: float = Field(1800.0, ge=10)
    """An outage longer than this: other writers may have the messages."""
    backoff_max_s: float = Field(5.0, gt=0, le=300)
    """Between two tries while storage or Pub/Sub is unavailable. Short: a try costs one small
    request."""
    drain_s: float = Field(6.0, gt=0, le=300)
    """Cloud Run waits 10 s after SIGTERM. We promise 8 s, with a second each for the rest."""

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
    """Health, readiness and metrics of `compact --every`. 0 turns it off: nobody scrapes a job that
    ends."""
    host: str = Field("0.0.0.0", min_length=1)  # noqa: S104
    """The IPv4 address to listen on. All interfaces: a container is reached from outside."""
    health_deadline_s: float = Field(10.0, gt=0, le=300)
    """From the connection to the end of the answer on the health port. Probes give up sooner."""
    health_max_connections: int = Field(32, ge=1, le=1000)
    """To the health port: a probe or two and a scraper come at once. Beyond it the oldest is
    closed."""
    log_format: LogFormat = "auto"
    """`json`, `text`, or by whether stderr is a terminal."""
    log_lines_per_minute: int = Field(LINES_PER_MINUTE, ge=1, le=1_000_000)
    """Warnings and errors of one kind; a line counts the suppressed ones. One a second shows that
    it goes on and fills no disk."""
    memory_mb: int = Field(1024, ge=64)
    """DuckDB's limit. Beyond it a merge spills to disk, whatever the size of the month."""
    threads: int = Field(2, ge=1, le=256)
    """DuckDB's threads over all merges."""
    months_at_once: int = Field(2, ge=1, le=64)
    """One merge computes while another waits for storage."""
    scratch_dir: Path = Field(default_factory=_temporary_folder)
    """Downloads, spills and new month files; emptied after each run."""
    scratch_mb: int = Field(4096, ge=64)
    """For the downloads of months that are merged at once. At least `COMPACTOR_MERGE_MAX_MB`."""
    merge_max_files: int = Field(5000, ge=1)
    """Landed files per merge; the next run takes the rest. Bounds open files and footers in
    memory."""
    merge_max_mb: int = Field(1024, ge=1)
    """The same, as a sum of the bytes of landed files."""
    merge_max_rows: int = Field(10_000_000, ge=1)
    """The same, as a sum of their rows: a file of some kilobytes may have a million. They take about
    2 GB when they spill, half of `COMPACTOR_SCRATCH_MB`."""
    file_max_mb: int = Field(64, ge=1)
    """Days at rest are joined up to this size. A late event rewrites one file, and an API instance
    downloads it again in about a second."""
    moving_file_max_mb: int = Field(1, ge=1)
    """A day that still changes has a file of its own above this size. 288 runs a day rewrite 288
    MB, which soft delete keeps for a week: 4 cents."""
    rest_s: float = Field(172_800.0, ge=0)
    """A file is at rest when its newest event is so much older than the lake's newest. A
    publisher's clock may be 24 h ahead, and a day's events end within 24 h."""
    commit_attempts: int = Field(100, ge=1)
    """Each lost race is another compactor's commit. Finished months are rebased, so a few tries are
    plenty."""
    retention_s: float = Field(86_400.0, ge=0)
    """How long `snapshot=N` works: longer than any outside query. At most the last 1,000 snapshots;
    no younger one is deleted."""
    trusted_snapshot: int = Field(0, ge=0, lt=MAX_SNAPSHOT)
    """Snapshots below this number are not checked for being one history. Raise it only to a number
    that you have verified, after snapshots were restored or copied (docs/runbook.md,
    foreign-snapshot)."""
    delete_grace_s: float = Field(600.0, ge=0)
    """How long absorbed landed files stay for readers that planned before. Far above a query's
    deadline."""
    publish_wait_s: float = Field(60.0, gt=0, le=3600)
    """For updating the Delta and the Iceberg table: usually a second. Two of the store client's
    timeouts; the next run tries again."""
    deletes_at_once: int = Field(16, ge=1, le=256)
    """Deletes wait for storage; they need no CPU."""

    @property
    def health_limits(self) -> HealthLimits:
        return HealthLimits(self.health_deadline_s, self.health_max_connections, self.host)


class LoadSettings(BaseSettings):
    """`LOAD_*`: bulk load of files. Its folder for temporary files is the compactor's."""

    model_config = SettingsConfigDict(env_prefix="LOAD_", frozen=True, use_attribute_docstrings=True)

    batch_max_rows: int = Field(50_000, ge=1)
    """Rows decoded before they go to disk: about 100 MB as Python values. More is not faster."""
    batch_max_mb: int = Field(64, ge=1)
    """Rejected rows, which are kept with their bytes, go to disk at this size."""
    row_max_mb: int = Field(10, ge=1)
    """One row or JSON value: as large as a Pub/Sub message. A quote that is never closed ends
    here."""
    unpacked_max_mb: int = Field(16_000, ge=1)
    """One file unpacked: five years of the US DOT's file in a zip. A small file that grows further
    is a mistake or an attack."""
    packed_batch_max_mb: int = Field(1000, ge=1)
    """One compressed batch of an Arrow file, unpacked: it cannot be read in parts. Programs write
    up to 1,000,000 rows of about 250 bytes."""
    spill_open_files: int = Field(128, ge=1, le=4096)
    """Months written at once, each a file and a few MB: ten years. An unordered file of more is
    slower."""

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
