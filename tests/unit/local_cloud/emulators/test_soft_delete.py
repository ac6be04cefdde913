"""What was deleted can be listed and restored, as Google's client and gcloud ask for it."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from local_cloud.emulators.gcs import GcsServer
from local_cloud.emulators.soft_delete import SoftDelete, gcloud_environment

BUCKET = "flights-lake"
LONG_AGO = "2013-01-01T00:00:00Z"
NAME = "flights/month=2013-01/a b.parquet"


@pytest.fixture
def bucket() -> Iterator[Any]:
    with GcsServer(buckets=(BUCKET,)) as server, SoftDelete(server.port) as soft:
        client: Any = storage.Client(
            project="local", credentials=AnonymousCredentials(), client_options={"api_endpoint": soft.url}
        )
        yield client.bucket(BUCKET)
        client.close()


def soft_deleted(bucket: Any, prefix: str = "") -> list[tuple[str, int]]:
    found = bucket.client.list_blobs(bucket, prefix=prefix, soft_deleted=True)
    return [(blob.name, blob.generation) for blob in found]


def test_a_deleted_object_is_listed_and_comes_back_with_its_bytes(bucket: Any) -> None:
    blob = bucket.blob(NAME)
    blob.upload_from_string(b"all flights", content_type="application/json", if_generation_match=0)
    generation = blob.generation
    bucket.blob(NAME).delete()
    assert not bucket.blob(NAME).exists()
    assert soft_deleted(bucket, "flights/") == [(NAME, generation)]
    assert soft_deleted(bucket, "landing/") == []
    restored = bucket.restore_blob(NAME, generation=generation)
    assert restored.generation != generation  # as in the cloud: a new object of the old bytes
    assert (bucket.blob(NAME).download_as_bytes(), restored.content_type) == (b"all flights", "application/json")
    assert soft_deleted(bucket) == []


def test_each_generation_is_kept(bucket: Any) -> None:
    for content in (b"first", b"second"):
        bucket.blob(NAME).upload_from_string(content)
        bucket.blob(NAME).delete()
    generations = [generation for _, generation in soft_deleted(bucket)]
    assert len(set(generations)) == 2
    bucket.restore_blob(NAME, generation=generations[0])
    assert bucket.blob(NAME).download_as_bytes() == b"first"


def test_what_is_not_there_cannot_be_restored(bucket: Any) -> None:
    with pytest.raises(NotFound):
        bucket.restore_blob(NAME, generation=1)
    with pytest.raises(NotFound):
        bucket.blob(NAME).delete()
    assert soft_deleted(bucket) == []


def test_a_live_object_is_not_replaced_when_none_is_expected(bucket: Any) -> None:
    bucket.blob(NAME).upload_from_string(b"old")
    bucket.blob(NAME).delete()
    [(_, generation)] = soft_deleted(bucket)
    bucket.blob(NAME).upload_from_string(b"new")
    with pytest.raises(PreconditionFailed):
        bucket.restore_blob(NAME, generation=generation, if_generation_match=0)
    assert bucket.blob(NAME).download_as_bytes() == b"new"
    assert soft_deleted(bucket) == [(NAME, generation)]


def bulk_restore(bucket: Any, **asked: Any) -> None:
    bucket.client._connection.api_request("POST", f"/b/{BUCKET}/o/bulkRestore", data={"matchGlobs": ["**"], **asked})


def test_all_that_was_deleted_since_comes_back_and_what_is_live_stays(bucket: Any) -> None:
    for content in (b"older", b"newer"):
        bucket.blob("deleted twice").upload_from_string(content)
        bucket.blob("deleted twice").delete()
    for name in ("deleted before", "live again", "deleted since"):
        bucket.blob(name).upload_from_string(name.encode())
    bucket.blob("deleted before").delete()
    since = dt.datetime.now(dt.UTC)
    bucket.blob("live again").delete()
    bucket.blob("live again").upload_from_string(b"new")
    bucket.blob("deleted since").delete()
    bulk_restore(bucket, softDeletedAfterTime=since.isoformat())
    assert {blob.name for blob in bucket.client.list_blobs(bucket)} == {"live again", "deleted since"}
    assert bucket.blob("live again").download_as_bytes() == b"new"
    bulk_restore(bucket)
    assert bucket.blob("deleted twice").download_as_bytes() == b"newer"


def test_what_was_deleted_after_the_end_of_the_window_stays_deleted(bucket: Any) -> None:
    """A newer object of the same name does not hide the one that was lost within it."""
    bucket.blob(NAME).upload_from_string(b"lost")
    bucket.blob(NAME).delete()
    until = dt.datetime.now(dt.UTC)
    for name in (NAME, "of a new history"):
        bucket.blob(name).upload_from_string(b"new")
        bucket.blob(name).delete()
    bulk_restore(bucket, softDeletedAfterTime=LONG_AGO, softDeletedBeforeTime=until.isoformat())
    assert {blob.name: blob.download_as_bytes() for blob in bucket.client.list_blobs(bucket)} == {NAME: b"lost"}


def test_gcloud_restores_one_object_and_all_of_them(bucket: Any, tmp_path: Path) -> None:
    """The commands of docs/reliability.md and docs/runbook.md, by the real program."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        pytest.skip("no gcloud here")
    for name in ("flights/a.parquet", "snapshots/1.json"):
        bucket.blob(name).upload_from_string(b"{}")
        bucket.blob(name).delete()
    environment = {**os.environ, **gcloud_environment(bucket.client._connection.API_BASE_URL, tmp_path)}
    for what in (
        ["gs://flights-lake/flights/a.parquet"],
        [
            *("gs://flights-lake/**", "--async"),
            *(f"--deleted-after-time={LONG_AGO}", f"--deleted-before-time={dt.datetime.now(dt.UTC).isoformat()}"),
        ],
    ):
        subprocess.run(
            [gcloud, "storage", "restore", *what], env=environment, check=True, capture_output=True, timeout=110
        )
    assert {blob.name for blob in bucket.client.list_blobs(bucket)} == {"flights/a.parquet", "snapshots/1.json"}


def test_everything_else_is_the_servers(bucket: Any) -> None:
    blob = bucket.blob(NAME)
    blob.upload_from_string(b"x" * 300_000, if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        blob.upload_from_string(b"again", if_generation_match=0)
    assert [found.name for found in bucket.client.list_blobs(bucket)] == [NAME]
    assert bucket.blob(NAME).download_as_bytes() == b"x" * 300_000
    with pytest.raises(NotFound):
        bucket.blob("nothing").download_as_bytes()
