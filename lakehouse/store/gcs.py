"""Objects of a Google Cloud Storage bucket. The only file that knows google.cloud.storage.

Reads and listings are retried within a deadline. A create is tried once: a retry could not tell its
own success from another writer's object. Callers choose a new name or list instead.

Responses are checked: an object's bytes have to match its crc32c; a listing or an object's metadata
has to have the expected shape. (A listing has no checksum; TLS protects its names.)
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import google.auth.exceptions
import google_crc32c
import requests
from google.api_core import exceptions as api
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY

from lakehouse.environment import STORAGE_EMULATOR, emulator, no_credentials_error, no_emulator_error
from lakehouse.errors import (
    ConfigError,
    CreateStateUnknownError,
    ObjectExistsError,
    ObjectMissingError,
    StoreAccessDeniedError,
    StoreUnavailableError,
    UnreadableError,
)
from lakehouse.local_disk import local_errors
from lakehouse.store.checksum import file_crc32c
from lakehouse.store.store import ObjectInfo, Source

_RETRY_S = 30.0  # reads: longer than a usual hiccup, shorter than a caller's patience
_TIMEOUT_S = (5.0, 30.0)  # connect, and between two bytes
_CHECK_TIMEOUT_S = (3.0, 3.0)  # at a start: an emulator is near, and the user who started it waits
_FIELDS = "items(name,size,crc32c,timeCreated,generation),nextPageToken"
_ANSWERED = {
    "kind",
    "items",
    "nextPageToken",
}  # what a page may have; anything else was something else when it was sent
_DEFINITE = (400, 401, 403, 404, 405)  # answers that say the create did not happen
_NONSENSE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
)  # how a client stumbles over JSON that is not as it must be


class GcsStore:
    """The store for `gs://bucket`, with Application Default Credentials or STORAGE_EMULATOR_HOST."""

    def __init__(self, bucket: str, retry_s: float = _RETRY_S, timeout_s: tuple[float, float] = _TIMEOUT_S) -> None:
        self._emulator = emulator(STORAGE_EMULATOR)
        try:
            self._client = storage.Client(project=None)  # nothing here needs one, and not all credentials know one
        except (google.auth.exceptions.GoogleAuthError, ValueError, OSError) as error:  # OSError: the key is a folder
            raise no_credentials_error(f"gs://{bucket}", STORAGE_EMULATOR, error) from error
        _widen_pool(self._client)
        self._client._http.hooks["response"].append(_read_refusal)
        # Otherwise the client reads the bucket's metadata in the background, for unused traces,
        # with a permission that a writer does not have.
        self._client._bucket_metadata_cache = None
        self._bucket = self._client.bucket(bucket)
        self._retry = DEFAULT_RETRY.with_timeout(retry_s)
        self._timeout_s = timeout_s

    @property
    def url(self) -> str:
        return f"gs://{self._bucket.name}"

    def check(self) -> None:
        """One call, at a start. Raises ConfigError when there is no such bucket, or no emulator where it should be.

        Everything else is no mistake in a setting: an outage passes, not every identity may list, and who takes
        connections and does not answer may have a reason that passes.
        """
        try:
            pages = self._client.list_blobs(
                self._bucket, prefix="snapshots/", max_results=1, fields=_FIELDS, timeout=_CHECK_TIMEOUT_S, retry=None
            ).pages
            for _ in _infos(next(pages).raw_page):
                pass
        except api.NotFound as error:
            where = "" if self._emulator is None else f" at {STORAGE_EMULATOR}, which is {self._emulator!r}"
            raise ConfigError(f"LAKE_URL (or --lake) is {self.url!r}; there is no such bucket{where}") from error
        except (api.InternalServerError, api.BadGateway, api.GatewayTimeout) as error:
            if self._emulator is not None:  # another server, or a proxy in front of none
                raise no_emulator_error(STORAGE_EMULATOR, "Cloud Storage", _why(error)) from error
        except (requests.ReadTimeout, api.GoogleAPICallError, google.auth.exceptions.GoogleAuthError):
            return
        except (requests.RequestException, ConnectionError, TimeoutError, *_NONSENSE) as error:
            if self._emulator is not None:
                raise no_emulator_error(STORAGE_EMULATOR, "Cloud Storage", _why(error)) from error

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        with _translated(f"{self.url}/{prefix}"), _bucket_expected(f"{self.url}/{prefix}"):
            blobs = self._client.list_blobs(
                self._bucket,
                prefix=prefix,
                start_offset=start or None,
                fields=_FIELDS,
                timeout=self._timeout_s,
                retry=self._retry,
            )
            last = ""
            for page in blobs.pages:
                for info in _infos(page.raw_page):
                    if not (info.name.startswith(prefix) and info.name > last and info.name >= start):
                        raise ValueError(f"the listing has {info.name!r} after {last!r}")
                    last = info.name
                    yield info

    def create(self, name: str, source: Source) -> None:
        self._upload(name, source, 0, f"{name}: exists already")

    def read(self, name: str) -> bytes:
        data: bytes = self._whole(name, lambda blob, **options: blob.download_as_bytes(**options))
        return data

    def download(self, name: str, path: Path) -> None:
        try:
            with local_errors(path.parent):  # what the network does to the client is translated before that
                self._whole(name, lambda blob, **options: blob.download_to_filename(str(path), **options))
        except BaseException:
            path.unlink(missing_ok=True)  # the client leaves what it has when the connection breaks
            raise

    def delete(self, name: str) -> None:
        try:
            with _translated(name):
                self._bucket.blob(name).delete(timeout=self._timeout_s, retry=self._retry)
        except ObjectMissingError:
            return

    def generation(self, name: str) -> int:
        with _translated(name):
            blob = self._bucket.get_blob(name, timeout=self._timeout_s, retry=self._retry)
            return 0 if blob is None else int(blob.generation)

    def replace(self, name: str, data: bytes, generation: int) -> bool:
        try:
            self._upload(name, data, generation, f"{name}: changed meanwhile")
        except ObjectExistsError:
            return False
        return True

    def _whole(self, name: str, get: Callable[..., Any]) -> Any:
        """The whole object as `get` returns it, checked.

        Each try starts over: when the client resumes a download it no longer checks the bytes.
        """

        def once() -> Any:
            blob = self._bucket.blob(name)
            got = get(blob, timeout=self._timeout_s, retry=None, checksum="crc32c")
            if blob.crc32c is None:  # then the client has not checked anything
                raise ValueError("its bytes came without a crc32c")
            return got

        with _translated(name):
            return self._retry(once)()

    def _upload(self, name: str, source: Source, generation: int, conflict: str) -> None:
        blob = _Created(name, self._bucket)
        options = {
            "if_generation_match": generation,
            "timeout": self._timeout_s,
            "retry": None,
            "checksum": "crc32c",
            "content_type": _content_type(name),
        }
        with _create_translated(name, conflict):
            if isinstance(source, bytes):
                blob.upload_from_string(source, **options)
            else:
                blob.upload_from_filename(str(source), **options)
            sent = google_crc32c.value(source) if isinstance(source, bytes) else file_crc32c(source)
            if _crc(blob.crc32c) != sent:
                raise ValueError(f"the answer says crc32c {blob.crc32c}, {sent} was sent")


class _Created(storage.Blob):  # type: ignore[misc]  # the client has no types
    """An object that is being created.

    It stops Google's client from deleting the object when checksums differ: others may already use
    the object, and the response may be what is wrong.
    """

    def delete(self, *_: object, **__: object) -> None:
        pass


def _widen_pool(client: storage.Client) -> None:
    """One connection a thread: the client's own pool of ten would drop and reopen them."""
    adapter = requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=64)
    client._http.mount("https://", adapter)
    client._http.mount("http://", adapter)


def _read_refusal(response: requests.Response, *_: Any, **__: Any) -> None:
    """Downloads are streamed, and the client drops a refusal unread: the connection would be lost with it."""
    if response.status_code >= 400:
        response.content  # noqa: B018 - a property that reads


def _content_type(name: str) -> str:
    return "application/json" if name.endswith(".json") else "application/octet-stream"


def _infos(page: dict[str, Any]) -> Iterator[ObjectInfo]:
    """The objects on a page. Raises one of `_NONSENSE` when it is not as it must be: a part is no whole."""
    if unknown := page.keys() - _ANSWERED:
        raise ValueError(f"the listing has {sorted(unknown)}")
    for item in page.get("items", ()):
        created = dt.datetime.fromisoformat(item["timeCreated"]).astimezone(dt.UTC)
        yield ObjectInfo(item["name"], int(item["size"]), _crc(item["crc32c"]), created, int(item["generation"]))


def _crc(text: str) -> int:
    return int.from_bytes(base64.b64decode(text, validate=True), "big")


def _status(error: Exception) -> int:
    if isinstance(error, InvalidResponse):
        return int(error.response.status_code)
    return int(getattr(error, "code", 0) or 0)


def _no_token(
    name: str, error: google.auth.exceptions.GoogleAuthError
) -> StoreUnavailableError | StoreAccessDeniedError:
    """Without a token nothing was asked; some day there may be one, or there never will."""
    if error.retryable or isinstance(error, google.auth.exceptions.TransportError):
        return StoreUnavailableError(f"{name}: no token: {_why(error)}")
    return StoreAccessDeniedError(f"{name}: no token: {_why(error)}")


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


@contextmanager
def _bucket_expected(what: str) -> Iterator[None]:
    """A listing is of the bucket: if that finds nothing, there is no bucket."""
    try:
        yield
    except api.NotFound as error:
        raise StoreAccessDeniedError(f"{what}: there is no such bucket; LAKE_URL or --lake names it") from error


@contextmanager
def _create_translated(name: str, conflict: str) -> Iterator[None]:
    """Turns the client's exceptions on a create into ours."""
    try:
        yield
    except api.PreconditionFailed as error:
        raise ObjectExistsError(conflict) from error
    except (api.GoogleAPICallError, InvalidResponse) as error:
        status = _status(error)
        if status in _DEFINITE and not _is_damaged(status, error):
            raise StoreAccessDeniedError(f"{name}: create refused with {status}: {_why(error)}") from error
        raise CreateStateUnknownError(f"{name}: create ended with {_why(error)}") from error
    except google.auth.exceptions.GoogleAuthError as error:
        raise _no_token(name, error) from error
    except (requests.RequestException, ConnectionError, TimeoutError, DataCorruption, *_NONSENSE) as error:
        raise CreateStateUnknownError(f"{name}: create ended with {_why(error)}") from error


def _is_damaged(status: int, error: Exception) -> bool:
    """The bytes arrived damaged: send them again."""
    return status == 400 and "crc32c" in str(error).lower()


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turns the client's exceptions on reads, listings and deletes into ours."""
    try:
        yield
    except api.NotFound as error:
        if "bucket does not exist" in str(error):
            raise StoreAccessDeniedError(f"{name}: {_why(error)}") from error
        raise ObjectMissingError(name) from error
    except (api.GoogleAPICallError, InvalidResponse) as error:
        if (status := _status(error)) == 404:
            raise ObjectMissingError(name) from error
        if status in _DEFINITE:
            raise StoreAccessDeniedError(f"{name}: {_why(error)}") from error
        raise StoreUnavailableError(f"{name}: {_why(error)}") from error
    except DataCorruption as error:
        raise UnreadableError(name, "its bytes do not have the stored crc32c") from error
    except google.auth.exceptions.GoogleAuthError as error:
        raise _no_token(name, error) from error
    except (api.RetryError, requests.RequestException, ConnectionError, TimeoutError, *_NONSENSE) as error:
        raise StoreUnavailableError(f"{name}: {_why(error)}") from error
