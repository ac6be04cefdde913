"""What is installed is installed by hash; images can be pinned by digest, all of them alike."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests._support.lock_files import locked
from tests.repo.deploy.terraform_files import ROOT
from tools import pin_images

INSTALLERS = ["Makefile", "Dockerfile.api", "Dockerfile.writer", "cloudbuild.yaml", "tools/check_deploy.sh"]
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize("file", INSTALLERS)
def test_every_install_of_packages_asks_for_hashes(file: str) -> None:
    text = (ROOT / file).read_text().replace("\\\n", " ")
    commands = [command for line in text.splitlines() for command in re.split(r"&&|\|\||;", line)]
    for command in commands:
        if re.search(r"\bpip\b.* install\b", command) and " -e ." not in command and not command.startswith("#"):
            assert "--require-hashes" in command, command


@pytest.mark.parametrize("file", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_every_locked_package_has_hashes(file: str) -> None:
    packages = locked(file)
    assert packages
    assert all(hashes for _, hashes in packages.values())


def test_uv_itself_is_locked() -> None:
    assert list(locked("requirements.uv.lock")) == ["uv"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for file in pin_images.FILES:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def test_every_image_is_found_and_pinned_alike(copy: Path) -> None:
    asked: list[str] = []

    def digest_of(name: str) -> str:
        asked.append(name)
        return DIGEST

    pin_images.pin(copy, digest_of)
    assert list(pin_images.unpinned(copy)) == []
    assert len(asked) == len(set(asked))
    assert [name for name in asked if name.startswith("python:")]
    for file in pin_images.FILES:  # nothing but digests was added
        assert (copy / file).read_text().replace(f"@{DIGEST}", "") == re.sub(
            r"@sha256:\w+", "", (ROOT / file).read_text()
        )


def test_images_are_named_by_digest_or_by_an_exact_version() -> None:
    """gcloud's and Terraform's are by version until somebody who reaches its registry runs `make pin-images`."""
    open_ = {name.partition(": ")[2] for name in pin_images.unpinned(ROOT)}
    assert open_ <= {"gcr.io/google.com/cloudsdktool/google-cloud-cli:578.0.0-slim", "hashicorp/terraform:1.11.4"}


def test_pinning_again_replaces_the_digests(copy: Path) -> None:
    pin_images.pin(copy, lambda _: "sha256:" + "f" * 64)
    pin_images.pin(copy, lambda _: DIGEST)
    assert "f" * 64 not in "".join((copy / file).read_text() for file in pin_images.FILES)


def test_nothing_is_changed_when_a_digest_cannot_be_had(copy: Path) -> None:
    before = {file: (copy / file).read_text() for file in pin_images.FILES}

    def digest_of(name: str) -> str:
        raise SystemExit(f"{name}: no digest")

    with pytest.raises(SystemExit):
        pin_images.pin(copy, digest_of)
    assert {file: (copy / file).read_text() for file in pin_images.FILES} == before
