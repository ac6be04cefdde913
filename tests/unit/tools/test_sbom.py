"""sbom/IMAGE.cdx.json names what the image installs: all of it, and nothing else."""

from __future__ import annotations

import json
import re

import pytest

from tests._support.lock_files import locked
from tools.sbom import IMAGES, ROOT, document, file, packages


@pytest.mark.parametrize("image", IMAGES)
def test_the_file_is_what_the_lock_says(image: str) -> None:
    assert file(image).read_text(encoding="utf-8") == document(image), "make lock-images"


@pytest.mark.parametrize("image", IMAGES)
def test_every_package_of_the_lock_is_named_but_those_of_other_systems(image: str) -> None:
    named = dict(packages(image))
    lock = (ROOT / f"requirements.{image}.lock").read_text(encoding="utf-8").lower()
    assert all(f"\n{name}=={version} " in lock for name, version in named.items())
    assert len(named) == len(list(packages(image))), "one version of each: that of the image's Python"
    assert set(locked(f"requirements.{image}.lock")) - set(named) <= {"colorama", "tzdata", "exceptiongroup", "winloop"}


@pytest.mark.parametrize("image", IMAGES)
def test_it_has_the_fields_that_readers_of_the_form_want(image: str) -> None:
    bill = json.loads(file(image).read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.5", 1)
    assert bill["metadata"]["component"] == {"type": "container", "name": f"flights-{image}"}
    purls = [component["purl"] for component in bill["components"]]
    assert len(purls) == len(set(purls)) > 10
    assert all(re.fullmatch(r"pkg:(pypi|npm)/[a-z0-9.-]+@[\w.+-]+", purl) for purl in purls)
    assert any(purl.startswith("pkg:npm/uplot@") for purl in purls) is (image == "api")
