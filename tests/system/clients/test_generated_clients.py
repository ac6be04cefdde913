"""Clients that others' tools make from the OpenAPI document have plain names, and get the answers of the API."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakehouse.store.local import LocalStore
from tests._support.api.process import process
from tests._support.lakes.real_day import real_day

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
PYTHON = "openapi-python-client==0.29.1"
TYPESCRIPT = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    lake = folder / "lake"
    lake.mkdir()
    real_day(LocalStore(lake))
    with process(folder / "log", LAKE_URL=lake.as_uri()) as served:
        yield served


def run(folder: Path, *command: str, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def right(url: str) -> dict[str, Any]:
    """What each client has to get."""

    def get(path: str) -> Any:
        return httpx.get(f"{url}{path}").json()

    flight = "/v1/flights/2013-01-01-UA-1545-EWR"
    day = "date_from=2013-01-01&date_to=2013-01-01"
    return {
        "stats": get(f"/v1/stats?carrier=UA,AA&{day}&group_by=carrier&on_time_minutes=30&names=true"),
        "page": get("/v1/flights?delay=departure&delay_min=60&order_by=-departure_delay_minutes&limit=5"),
        "flight": get(flight),
        "events": get(f"{flight}/events"),
        "lake": get("/v1/lake")["flights"],
        "airports": len(get("/v1/airports")["data"]),
        "carriers": get("/v1/carriers"),
        "wrong": "date_from",
    }


@pytest.mark.timeout(900)
def test_a_python_client_is_generated_and_answered(url: str, tmp_path: Path) -> None:
    run(tmp_path, sys.executable, "-m", "venv", "environment")
    scripts = tmp_path / "environment" / "bin"
    run(tmp_path, str(scripts / "pip"), "install", "--quiet", "--disable-pip-version-check", PYTHON)
    here = {"PATH": f"{scripts}:{os.environ['PATH']}"}  # it formats what it makes with a tool of the same folder
    generate = (str(scripts / "openapi-python-client"), "generate", "--url", f"{url}/openapi.json")
    run(tmp_path, *generate, "--meta", "none", "--output-path", "flights", "--fail-on-warning", **here)

    modules = sorted((tmp_path / "flights" / "models").glob("*.py"))
    trees = [ast.parse(module.read_text(encoding="utf-8")) for module in modules]
    names = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    assert names >= {"Stats", "Flight", "FlightEvent", "Lake", "Problem"}
    assert not [name for name in names if re.search("[0-9]", name)]
    assert not [module for module in modules if re.search(r"\bVALUE_[0-9]", module.read_text(encoding="utf-8"))]

    shutil.copy(HERE / "ask.py", tmp_path)
    told = run(tmp_path, str(scripts / "python"), "ask.py", url)
    assert json.loads(told.replace("+00:00", "Z")) == right(url)  # it has read the times, and written them its way


@pytest.mark.timeout(900)
def test_a_typescript_client_is_generated_and_answered(url: str, tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm IS NOT INSTALLED: no client in TypeScript was generated; install Node.js 20 or later")
    (tmp_path / "package.json").write_text('{"name": "ask", "private": true, "type": "module"}')
    run(tmp_path, "npm", "install", "--no-audit", "--no-fund", *TYPESCRIPT)
    run(tmp_path, "npx", "openapi-typescript", f"{url}/openapi.json", "--output", "schema.d.ts")

    types = (tmp_path / "schema.d.ts").read_text(encoding="utf-8")
    names = re.findall(r"^(?:export )?(?:interface|type) (\w+)|^        ([A-Z]\w+): \{$", types, re.MULTILINE)
    assert {two for _, two in names} >= {"Stats", "Flight", "FlightEvent", "Lake", "Problem"}
    assert not [name for pair in names for name in pair if re.search("[0-9]", name)]

    shutil.copy(HERE / "ask.ts", tmp_path)
    strict = ("--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext")
    run(tmp_path, "npx", "tsc", *strict, "--skipLibCheck", "ask.ts")
    assert json.loads(run(tmp_path, "node", "ask.js", url)) == right(url)
