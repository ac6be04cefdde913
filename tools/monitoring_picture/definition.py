"""The dashboard's JSON as Terraform computes it, without a provider, a state or a project.

Terraform's console works out the expressions of terraform/main in a folder that has its locals and
variables alone. What its resources would give is stood in for.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

MAIN: Final = Path(__file__).parents[2] / "terraform" / "main"

_FILES: Final = ("dashboard", "slo", "alerts", "metrics")
"""Whose locals the dashboard is made of."""
_GIVEN: Final = """
locals {
  google_monitoring_slo = { slo = {
    for name, slo in local.slo : name => { id = "projects/picture/services/flights/serviceLevelObjectives/${name}" }
  } }
  google_monitoring_notification_channel = { page = {}, ticket = {} }
}
"""
_WITHIN_S: Final = 60
_COLORS: Final = re.compile(r"\x1b\[[\d;]*m")


class DefinitionError(Exception):
    """Terraform gave no dashboard. The text says why."""


def dashboard(terraform: str, folder: Path = MAIN) -> dict[str, Any]:
    """The dashboard of the Terraform files in `folder`, by the program `terraform`."""
    with tempfile.TemporaryDirectory(prefix="flights-dashboard-") as scratch:
        Path(scratch, "locals.tf").write_text(_locals(folder) + _GIVEN, encoding="utf-8")
        Path(scratch, "variables.tf").write_bytes((folder / "variables.tf").read_bytes())
        done = subprocess.run(
            [terraform, "console", "-var", "project_id=picture"],
            input="base64encode(local.dashboard_json)\n",  # nothing to escape in it
            cwd=scratch,
            capture_output=True,
            text=True,
            timeout=_WITHIN_S,
            check=False,
        )
    answer = re.fullmatch(r'"([\w+/=]+)"\n', done.stdout)
    if answer is None:
        said = _COLORS.sub("", done.stderr + done.stdout).strip()
        raise DefinitionError(f"terraform console did not work out the dashboard of {folder}:\n{said}")
    found: dict[str, Any] = json.loads(base64.b64decode(answer[1]))
    return found


def _locals(folder: Path) -> str:
    texts = {name: (folder / f"{name}.tf").read_text(encoding="utf-8") for name in _FILES}
    blocks = [block for text in texts.values() for block in re.findall(r"^locals \{\n.*?^\}\n", text, re.M | re.S)]
    made = re.search(r"^  dashboard_json = jsonencode\(.*?^  \}\)\n", texts["dashboard"], re.M | re.S)
    if made is None:
        raise DefinitionError(f"{folder / 'dashboard.tf'} has no dashboard_json = jsonencode({{...}})")
    return re.sub(r"\bgoogle_\w+\.", r"local.\g<0>", "\n".join([*blocks, f"locals {{\n{made[0]}}}\n"]))
