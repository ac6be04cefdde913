"""Runs the steps of cloudbuild.yaml as Cloud Build does, with stand-ins for gcloud, docker, curl, make and chromium."""

from __future__ import annotations

import marshal
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.repo.deploy.terraform_files import ROOT

BUILD: dict[str, Any] = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text())
STEPS: list[dict[str, Any]] = BUILD["steps"]
BUILD_ID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
IMAGES = "europe-west1-docker.pkg.dev/flights-test/flights"
OLD = {
    "flights-writer": f"old/writer@sha256:{'1' * 64}",
    "flights-compactor": f"old/compactor@sha256:{'2' * 64}",
    "flights-canary": f"old/canary@sha256:{'3' * 64}",
}
TOOLS = ("gcloud", "docker", "curl", "terraform", "make", "chromium-headless-shell")

STAND_IN = f"""import sys
sys.path.append({str(Path(__file__).parent)!r})
import standins
sys.exit(standins.main(sys.argv[1], sys.argv[2:]))"""
"""A module is compiled once, a script each time."""


@dataclass
class Run:
    """One build: what the stand-ins know before and after it."""

    folder: Path
    api: str = ""
    failing: list[str] = field(default_factory=list)
    hanging: list[str] = field(default_factory=list)
    older_builds: list[str] = field(default_factory=list)
    other_builds: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    settings: list[str] = field(default_factory=lambda: ["LAKE_URL"])
    secrets: dict[str, str] = field(default_factory=dict)
    gcloud: str = "578.0.0"
    deploys_instead: str = ""
    substitutions: dict[str, str] = field(default_factory=dict)
    people: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    said: str = ""

    def __post_init__(self) -> None:
        tools = self.folder / "bin"
        tools.mkdir()
        for tool in TOOLS:
            command = shlex.join([sys.executable, "-S", "-E", "-c", STAND_IN, tool])
            (tools / tool).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (tools / tool).chmod(0o755)
        (tools / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "$@"\n')
        (tools / "python3").chmod(0o755)
        self.world = self.folder / "world"
        self.save(images=OLD, serving="flights-api-0", tags={}, revisions=0, log=[])
        self.save(template_name=None, revision_images={}, pushed={}, terraform={}, pinned=[], latest={})

    def save(self, **changes: Any) -> None:
        known = marshal.loads(self.world.read_bytes()) if self.world.exists() else {}
        now: dict[str, Any] = {"api": self.api, "failing": self.failing, "older_builds": self.older_builds}
        now |= {"other_builds": self.other_builds}
        now |= {"hanging": self.hanging, "settings": self.settings, "secrets": self.secrets}
        now |= {"gcloud": self.gcloud, "deploys_instead": self.deploys_instead, "people": self.people}
        self.world.write_bytes(marshal.dumps({**known, **now, **changes}))

    def __getitem__(self, name: str) -> Any:
        return marshal.loads(self.world.read_bytes())[name]

    def build(self, build_id: str = BUILD_ID) -> bool:
        """Runs the steps as Cloud Build does; whether the build succeeded."""
        self.save()
        values = substitutions(build_id, self.substitutions)
        environment = {
            **{
                name: value
                for entry in BUILD["options"]["env"]
                for name, value in [replaced(entry, values).split("=", 1)]
            },
            **self.environment,
            "PATH": f"{self.folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "WORLD": str(self.world),
            "STATE": str(self.folder / f"state-{len(self.done)}"),
            "TURN_PAUSE_S": "0",
            "TURN_TRIES": "3",
        }
        for step in STEPS:
            arguments = [replaced(a, values) for a in step["args"]]
            command = [step.get("entrypoint") or "docker", *arguments]
            result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
            self.done.append(step["id"])
            self.said += result.stdout + result.stderr
            if result.returncode != 0 and not step.get("allowFailure"):
                return False
        return True

    def pushed(self, image: str, build_id: str = BUILD_ID) -> str:
        """The digest that the registry gave the build's image."""
        digest: str = self["pushed"][f"{IMAGES}/{image}:build-{build_id}"]
        return digest

    @property
    def new(self) -> dict[str, str]:
        """What runs after a build that succeeded."""
        return dict.fromkeys(OLD, self.pushed("writer"))


def substitutions(build_id: str, of_trigger: dict[str, str] | None = None) -> dict[str, str]:
    given = {"BUILD_ID": build_id, "COMMIT_SHA": COMMIT, "PROJECT_ID": "flights-test"}
    own = {**BUILD["substitutions"], **(of_trigger or {})}
    first = {**given, "_NAME": own["_NAME"], "_REGION": own["_REGION"]}
    return {**first, "_IMAGES": replaced(own["_IMAGES"], first)}


def replaced(text: str, values: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return values[match[1] or match[2]]

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", value, text)
