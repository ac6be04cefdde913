"""`python -m tools.vendor`: fetches the dashboard's library again from the npm registry.

vendor.json has the package's name, version and integrity value, and the hash of every file. To
upgrade: change name, version and integrity (`npm view uplot dist.integrity`), run this, read the
diff. Nothing is written unless the package matches vendor.json.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[1] / "query_service" / "dashboard" / "static" / "vendor"
RECORD: Final = FOLDER / "vendor.json"


def integrity(content: bytes, algorithm: str) -> str:
    """Subresource integrity, as npm writes it: `sha512-...`."""
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def main() -> int:
    """1 when the registry's package is not the one that vendor.json names."""
    record = json.loads(RECORD.read_text())
    with tempfile.TemporaryDirectory(prefix="flights-vendor-") as folder:
        package = fetched(Path(folder), f"{record['package']}@{record['version']}")
        if integrity(package.read_bytes(), "sha512") != record["integrity"]:
            print(f"vendor: {package.name} is not what {RECORD} names; nothing was written", file=sys.stderr)
            return 1
        for file in record["files"]:
            content = member(package, file["from"])
            (FOLDER / file["name"]).write_bytes(content)
            file["sha384"] = integrity(content, "sha384")
    RECORD.write_text(json.dumps(record, indent=2) + "\n")
    return 0


def fetched(folder: Path, package: str) -> Path:
    """The archive of `package@version`, as npm packs it, in `folder`."""
    command = ["npm", "pack", "--silent", f"--pack-destination={folder}", package]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    return next(folder.glob("*.tgz"))


def member(package: Path, name: str) -> bytes:
    """The file `name` of the archive."""
    with tarfile.open(package) as archive:
        file: Any = archive.extractfile(f"package/{name}")
        content: bytes = file.read()
        return content


if __name__ == "__main__":
    sys.exit(main())
