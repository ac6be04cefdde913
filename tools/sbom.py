"""`make lock` writes sbom/IMAGE.cdx.json: what each image installs, as a bill of materials in CycloneDX's form.

Packages and versions are those of the image's lock for Linux, and for the API the browser library that it serves. What
is below them, Debian and Python, belongs to the base image, which the Dockerfile names by digest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packaging.markers import Marker
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[1]
IMAGES: Final = ("api", "writer")

_LOCKED: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; ([^\\\n]+?))?(?: \\)?$", re.MULTILINE)
_IN_THE_IMAGE: Final = {
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.15",
    "python_version": "3.11",
    "sys_platform": "linux",
}


def document(image: str) -> str:
    """The file's text: the same lock gives the same bytes."""
    return json.dumps(_bill(image), indent=1) + "\n"


def file(image: str) -> Path:
    """Where it is; Dockerfile.IMAGE copies it."""
    return ROOT / "sbom" / f"{image}.cdx.json"


def packages(image: str) -> Iterator[tuple[str, str]]:
    """Name and version of each Python package that the image installs."""
    text = (ROOT / f"requirements.{image}.lock").read_text(encoding="utf-8")
    for name, version, marker in _LOCKED.findall(text):
        if not marker or Marker(marker).evaluate(_IN_THE_IMAGE):
            yield canonicalize_name(name), version


def _bill(image: str) -> dict[str, Any]:
    components = [_component("pypi", name, version) for name, version in sorted(packages(image))]
    if image == "api":
        vendored = json.loads((ROOT / "query_service/dashboard/static/vendor/vendor.json").read_text(encoding="utf-8"))
        components.append(_component("npm", vendored["package"], vendored["version"]))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": f"flights-{image}"}},
        "components": components,
    }


def _component(registry: str, name: str, version: str) -> dict[str, str]:
    purl = f"pkg:{registry}/{name}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main() -> None:
    for image in IMAGES:
        file(image).parent.mkdir(exist_ok=True)
        file(image).write_text(document(image), encoding="utf-8")


if __name__ == "__main__":
    main()
