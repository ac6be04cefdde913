"""`make pin-images`: names every image that a build starts from, in Dockerfiles and build files, by its digest.

A tag can be moved to another image, a digest cannot. `--check` writes nothing, and says which are not pinned.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
FILES: Final = ("Dockerfile.api", "Dockerfile.writer", "cloudbuild.yaml", "deploy/plan.yaml")

_IMAGE: Final = re.compile(r"^(?P<before>FROM |\s+name: )(?P<name>[^\s@]+)(?:@(?P<digest>\S+))?", re.MULTILINE)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def unpinned(root: Path) -> Iterator[str]:
    """`FILE: IMAGE` of each image without a digest."""
    for file in FILES:
        for match in _IMAGE.finditer((root / file).read_text()):
            if not _DIGEST.fullmatch(match["digest"] or ""):
                yield f"{file}: {match['name']}"


def pin(root: Path, digest_of: Callable[[str], str]) -> None:
    """Writes today's digests; every name is looked up once, so that all files have the same."""
    texts = {file: (root / file).read_text() for file in FILES}
    names = sorted({match["name"] for text in texts.values() for match in _IMAGE.finditer(text)})
    digests = {name: digest_of(name) for name in names}
    for file, text in texts.items():
        pinned = _IMAGE.sub(lambda match: f"{match['before']}{match['name']}@{digests[match['name']]}", text)
        (root / file).write_text(pinned)


def looked_up(name: str) -> str:
    """What the registry says. Ends with 1 when it cannot be asked."""
    command = ["docker", "buildx", "imagetools", "inspect", name, "--format", "{{.Manifest.Digest}}"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit("pin-images: there is no docker; nothing was changed")
    digest = said.stdout.strip()
    if said.returncode != 0 or not _DIGEST.fullmatch(digest):
        sys.exit(
            f"pin-images: {name}: no digest, nothing was changed: {' '.join((said.stderr or digest).split())[:300]}"
        )
    return digest


def main(arguments: Sequence[str]) -> int:
    """0 when all are pinned, 1 when not."""
    parser = argparse.ArgumentParser(prog="make pin-images", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when an image is not pinned")
    if not parser.parse_args(arguments).check:
        pin(ROOT, looked_up)
    found = list(unpinned(ROOT))
    for each in found:
        print(f"not pinned: {each}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
