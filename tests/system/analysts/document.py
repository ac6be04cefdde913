"""The code blocks of docs/analysts.md, and how they are run: as they stand, pointed at the local Cloud Storage."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests._support.engines.outside_duckdb import extension, secret_options

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "analysts.md").read_text(encoding="utf-8")


class Block(NamedTuple):
    """`remark` is the comment before it, which says why it is not run, or on what."""

    remark: str
    language: str
    code: str


def blocks() -> list[Block]:
    return [Block(*found) for found in re.findall(r"(?:<!-- ([^\n]+?) -->\n)?```(\w+)\n(.*?)```", PAGE, re.DOTALL)]


def pointed_at(code: str, server: str, bucket: str) -> str:
    """`code` with the bucket's name in it, packaged extensions for downloaded ones, and a secret for the server."""
    packaged = {
        "INSTALL httpfs;": f"INSTALL '{extension('httpfs')}';",
        "INSTALL iceberg;": f"LOAD '{extension('avro')}'; INSTALL '{extension('iceberg')}';",
        "gs://BUCKET": bucket,
        "(TYPE gcs,": f"(TYPE gcs, {secret_options(server)},",
    }
    for ours, theirs in packaged.items():
        code = code.replace(ours, theirs)
    return code
