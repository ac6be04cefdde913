"""The code blocks of docs/analysts.md, and how they are run: as they stand, pointed at the local Cloud Storage."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import duckdb_extension_httpfs
import httpx

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "analysts.md").read_text(encoding="utf-8")


class Block(NamedTuple):
    """`remark` is the comment before it, which says why it is not run, or on what."""

    remark: str
    language: str
    code: str


def blocks() -> list[Block]:
    return [Block(*found) for found in re.findall(r"(?:<!-- (.+?) -->\n)?```(\w+)\n(.*?)```", PAGE, re.DOTALL)]


def pointed_at(code: str, server: str, bucket: str) -> str:
    """`code` with the bucket's name in it, the packaged httpfs for the downloaded one, and a secret for the server."""
    extension = next(Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension"))
    endpoint = f"ENDPOINT '{httpx.URL(server).netloc.decode()}', URL_STYLE 'path', USE_SSL false"
    code = code.replace("gs://BUCKET", bucket).replace("INSTALL httpfs;", f"INSTALL '{extension}';")
    return code.replace("(TYPE gcs,", f"(TYPE gcs, {endpoint},")
