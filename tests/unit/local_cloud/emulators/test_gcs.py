"""The GCS server as a child process: ready when it says so, gone when it should be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from local_cloud.emulators.gcs import GcsServer, GcsServerFailed
from tests._support.waiting import PATIENCE_S, eventually, is_listening

BUCKET = "flights-lake"


@contextmanager
def bucket_of(server: GcsServer) -> Iterator[Any]:
    client: Any = storage.Client(
        project="local", credentials=AnonymousCredentials(), client_options={"api_endpoint": server.url}
    )
    try:
        yield client.bucket(BUCKET)
    finally:
        client.close()


def test_an_object_can_be_created_once_and_read() -> None:
    with GcsServer(buckets=(BUCKET,)) as server, bucket_of(server) as bucket:
        blob = bucket.blob("landing/a.parquet")
        blob.upload_from_string(b"first", if_generation_match=0)
        with pytest.raises(PreconditionFailed):
            blob.upload_from_string(b"second", if_generation_match=0)
        assert blob.download_as_bytes() == b"first"


def test_the_server_ignores_a_precondition_of_a_resumable_upload_and_of_a_delete() -> None:
    """The real Cloud Storage does not. When this fails, the server has learnt it: mend docs/surprises.md."""
    with GcsServer(buckets=(BUCKET,)) as server, bucket_of(server) as bucket:
        blob = bucket.blob("flights/a.parquet")
        for content in (b"first", b"second"):  # a stream whose size is not known is a resumable upload
            blob.upload_from_file(BytesIO(content), if_generation_match=0)
        assert blob.download_as_bytes() == b"second"
        blob.delete(if_generation_match=1)
        assert not blob.exists()


def test_the_process_is_gone_after_stop() -> None:
    with GcsServer() as server:
        process = server.process
        assert process.poll() is None
        assert is_listening(server.port)
    assert process.poll() is not None
    assert not is_listening(server.port)
    server.stop()  # again: nothing to do


def test_a_taken_port_is_an_error_that_names_it() -> None:
    with GcsServer() as server:
        with pytest.raises(GcsServerFailed, match=f":{server.port} is taken"):
            GcsServer(server.port).start()
        assert is_listening(server.port)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    not_a_directory = tmp_path / "file"
    not_a_directory.write_text("")
    with pytest.raises(GcsServerFailed, match="mkdir"):
        GcsServer(data=not_a_directory).start()


def test_a_data_directory_keeps_objects_for_the_next_server(tmp_path: Path) -> None:
    with GcsServer(buckets=(BUCKET,), data=tmp_path) as server, bucket_of(server) as bucket:
        bucket.blob("kept").upload_from_string(b"here")
    with GcsServer(buckets=(BUCKET,), data=tmp_path) as server, bucket_of(server) as bucket:
        assert bucket.blob("kept").download_as_bytes() == b"here"


PARENT = """
import sys
from local_cloud.emulators.gcs import GcsServer
server = GcsServer()
server.start()
print(server.port, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["returns", "is killed"])
def test_the_server_ends_when_its_parent(how: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert is_listening(port)
        if how == "is killed":
            parent.kill()
        parent.stdin.close()
        parent.wait(PATIENCE_S)
        eventually(lambda: not is_listening(port), "the server is gone")
