"""A minimal HTTP client for the API."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probe.errors import ProbeFailedError
from probe.settings import Settings

USER_AGENT = "flights-probe/1"
"""Log-based metrics leave requests of this agent out of what users saw."""

_API_KEY = "X-API-Key"
_METADATA_S = 5.0  # a server on the same host: it answers at once, or is not there
_SHOWN = 500  # characters of a body in a message: enough to know it by
_BODY_MAX = 10_000_000  # bytes of an answer: a probe asks for one flight, not for more than this


@dataclass(frozen=True)
class Answer:
    """A response; without one, `status` is 0 and the body has the reason."""

    url: str
    status: int
    media_type: str
    headers: Mapping[str, str]
    body: str

    def json(self) -> Any:
        """The body as JSON. Raises ProbeFailedError."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise ProbeFailedError(f"expected JSON; saw {self}") from None

    def __str__(self) -> str:
        shown = self.body if len(self.body) <= _SHOWN else f"{self.body[:_SHOWN]}..."
        return f"{self.status or 'no answer'} from {self.url}: {shown}"


class Service:
    """The API at a URL, with the headers that authorize us."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = {"User-Agent": USER_AGENT, **headers}

    @property
    def has_key(self) -> bool:
        return _API_KEY in self._headers

    def without_key(self) -> Service:
        """The same service without an API key."""
        return Service(self._url, {name: value for name, value in self._headers.items() if name != _API_KEY})

    def get(self, path: str, parameters: Mapping[str, str | int] | None = None, timeout_s: float = 15.0) -> Answer:
        """One GET, never raising for what the service does: a refusal and a silence are answers too."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        url = f"{self._url}{path}{query}"
        request = urllib.request.Request(url, headers=dict(self._headers))
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as response:
                return _answer(url, response.status, response.headers, response.read(_BODY_MAX))
        except urllib.error.HTTPError as error:
            with error:
                return _answer(url, error.code, error.headers, error.read(_BODY_MAX))
        except (OSError, http.client.HTTPException) as error:
            return Answer(url, 0, "", {}, f"{type(error).__name__}: {error}")


def open_service(settings: Settings) -> Service:
    """The service of the settings. Raises ProbeFailedError when no identity token can be had."""
    headers = {}
    token = settings.token or (settings.audience and _identity_token(settings.audience))
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if settings.api_key:
        headers[_API_KEY] = settings.api_key
    return Service(settings.url, headers)


def _answer(url: str, status: int, headers: Any, body: bytes) -> Answer:
    media_type = headers.get("Content-Type", "").partition(";")[0].strip()
    named = {name.lower(): value for name, value in headers.items()}
    return Answer(url, status, media_type, named, body.decode("utf-8", "replace"))


def _identity_token(audience: str) -> str:
    """From the metadata server of Cloud Run; the official clients' variable leads elsewhere."""
    host = os.environ.get("GCE_METADATA_HOST", "metadata.google.internal")
    query = urllib.parse.urlencode({"audience": audience, "format": "full"})
    url = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/identity?{query}"
    request = urllib.request.Request(url, headers={"Metadata-Flavor": "Google"})
    try:
        with urllib.request.urlopen(request, timeout=_METADATA_S) as response:
            token: str = response.read(100_000).decode()
            return token
    except OSError as error:
        raise ProbeFailedError(f"expected an identity token for {audience}; the metadata server: {error}") from error
