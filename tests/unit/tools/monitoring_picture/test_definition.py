"""The dashboard is Terraform's own, all its tiles have series, and the picture is of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.monitoring_picture.definition import MAIN, DefinitionError, dashboard
from tools.monitoring_picture.incident import metrics
from tools.monitoring_picture.page import page
from tools.monitoring_picture.stamp import PICTURE, stamp
from tools.pages import ROOT

TERRAFORM = shutil.which("terraform") or ""
with_terraform = pytest.mark.skipif(not TERRAFORM, reason="needs terraform")


@with_terraform
def test_the_picture_is_of_the_dashboard_the_incident_and_the_page_as_they_are_now() -> None:
    """That every tile has its series is part of it: without one there is no page."""
    html = page(dashboard(TERRAFORM), metrics())
    assert stamp(html) in PICTURE.read_bytes(), "make monitoring-picture"


@with_terraform
def test_the_dashboard_has_the_tiles_of_the_terraform_files() -> None:
    found = dashboard(TERRAFORM)
    titles = {tile["widget"]["title"] for tile in found["mosaicLayout"]["tiles"]}
    assert found["displayName"] == "Flights lakehouse flights"
    assert titles > {"What users see", "Oldest message not acked, s", "freshness: share of budget left"}


@with_terraform
def test_a_local_that_is_not_known_is_said_with_terraforms_own_words(tmp_path: Path) -> None:
    for file in MAIN.glob("*.tf"):
        text = file.read_text(encoding="utf-8")
        (tmp_path / file.name).write_text(text.replace("local.rows", "local.of_another_file"), encoding="utf-8")
    with pytest.raises(DefinitionError, match="of_another_file"):
        dashboard(TERRAFORM, tmp_path)


def test_files_without_a_dashboard_are_said_before_terraform_is_asked(tmp_path: Path) -> None:
    for name in ("dashboard", "slo", "alerts", "metrics"):
        (tmp_path / f"{name}.tf").write_text("locals {\n}\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match="has no dashboard_json"):
        dashboard("no-terraform", tmp_path)


def test_without_terraform_the_command_says_so_and_exits_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.monitoring_picture", str(tmp_path / "picture.png")]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "no Terraform here; install it" in done.stderr
