"""Parses commands as the gcloud that is installed does, without running them. Started by the SDK's own Python.

`gcloud_parser.py SDK_FOLDER` reads a JSON list of word lists, and writes what is wrong with each: "" for nothing,
"beta" where this gcloud has it in its beta track only.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile


def main(sdk: str) -> None:
    sys.path[:0] = [f"{sdk}/lib", f"{sdk}/lib/third_party"]
    sys.stderr = said = io.StringIO()  # before gcloud keeps it to itself
    with tempfile.TemporaryDirectory() as settings:
        os.environ["CLOUDSDK_CONFIG"] = settings  # nobody's own
        os.environ["CLOUDSDK_CORE_DISABLE_USAGE_REPORTING"] = "true"
        from googlecloudsdk import gcloud_main  # type: ignore[import-not-found]

        parser = gcloud_main.CreateCLI([]).top_element._parser
        json.dump([_wrong(parser, words[1:], said) for words in json.load(sys.stdin)], sys.stdout)


def _wrong(parser: object, words: list[str], said: io.StringIO) -> str:
    wrong = _refused(parser, words, said)
    return "beta" if wrong and not _refused(parser, ["beta", *words], said) else wrong


def _refused(parser: object, words: list[str], said: io.StringIO) -> str:
    said.seek(0)
    said.truncate()
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            parser.parse_args(words)  # type: ignore[attr-defined]
        except SystemExit as end:
            return said.getvalue() or f"exit {end.code}"
        except Exception as error:  # noqa: BLE001 - whatever gcloud raises is its answer
            return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    main(sys.argv[1])
