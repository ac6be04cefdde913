"""The Dockerfiles: linted, and what they copy and install is enough. `make check-deploy` executes their steps."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests._support.lock_files import locked
from tests.repo.deploy.dockerfile import instructions
from tests.repo.deploy.terraform_files import ROOT

IMAGES = {"api": ["lakehouse", "query_service"], "writer": ["lakehouse", "ingest_writer", "probe"]}


def test_hadolint_has_nothing_to_say() -> None:
    tool = Path(sys.executable).parent / "hadolint"
    files = [str(ROOT / f"Dockerfile.{image}") for image in IMAGES]
    done = subprocess.run([tool, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("image", IMAGES)
def test_image_installs_what_the_tests_ran_with(image: str) -> None:
    everything = locked("requirements.lock")
    for name, pinned in locked(f"requirements.{image}.lock").items():
        assert everything[name] == pinned, f"{name}: make lock-images"


def needed(extra: str) -> set[str]:
    """Packages of the extra and all that they need, on Linux. NumPy is for analysts: services do without."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    todo = [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"][extra]]]
    found: set[str] = set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        found.add(name)
        for text in requires(name) or []:
            other = Requirement(text)
            extras = requirement.extras or {""}
            wanted = other.marker is None or any(other.marker.evaluate({"extra": e}) for e in extras)
            if wanted and canonicalize_name(other.name) not in found:
                todo.append(other)
    return found - {"numpy"}


@pytest.mark.parametrize("image", IMAGES)
def test_image_installs_its_extra_and_nothing_else(image: str) -> None:
    conditional = {"colorama", "tzdata", "importlib-metadata", "zipp", "exceptiongroup"}  # other systems and versions
    assert set(locked(f"requirements.{image}.lock")) - conditional == needed(image) - conditional, "make lock-images"


@pytest.mark.parametrize("image", IMAGES)
def test_image_starts_from_what_is_copied_into_it(image: str, tmp_path: Path) -> None:
    copied = [
        i.value.split()[0].rstrip("/") for i in instructions(image) if i.name == "COPY" and "--from" not in i.value
    ]
    assert sorted(copied) == sorted([f"requirements.{image}.lock", f"sbom/{image}.cdx.json", *IMAGES[image]])
    for package in IMAGES[image]:
        shutil.copytree(ROOT / package, tmp_path / package)
    [check] = [i.value for i in instructions(image) if i.name == "RUN" and i.value.startswith("python -c")]
    code = check.removeprefix("python -c ").strip('"')
    absent = {"lakehouse", "ingest_writer", "query_service", "local_cloud", "probe", "bench", "tests", "tools"}
    absent -= set(IMAGES[image])
    hide = f"import sys; sys.modules.update(dict.fromkeys({sorted(absent)!r})); "
    where = (
        "; own = [m for n, m in sys.modules.items() if m and n.partition('.')[0] in sys.argv[2:]]"
        "; assert own and all(m.__file__.startswith(sys.argv[1]) for m in own), own"
    )
    done = subprocess.run(
        [sys.executable, "-c", hide + code + where, str(tmp_path), *IMAGES[image]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("image", IMAGES)
def test_image_is_pinned_multi_stage_and_not_root(image: str) -> None:
    steps = instructions(image)
    bases = [step.value.split()[0] for step in steps if step.name == "FROM"]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", bases[0])
    final = steps[[n for n, step in enumerate(steps) if step.name == "FROM"][-1] :]
    assert [step.value for step in final if step.name == "USER"] == ["10001:10001"]
    assert not any(
        "install" in step.value and "pip uninstall" not in step.value for step in final if step.name == "RUN"
    )
    after_user = final[[step.name for step in final].index("USER") :]
    assert not any(step.name == "COPY" for step in after_user)
    assert all("--require-hashes" in s.value for s in steps if s.name == "RUN" and "pip --python" in s.value)


def test_dependencies_are_in_a_layer_before_the_code() -> None:
    for image in IMAGES:
        steps = [step.name + " " + step.value for step in instructions(image)]
        installs = next(n for n, step in enumerate(steps) if "--require-hashes" in step)
        code = next(n for n, step in enumerate(steps) if step.startswith("COPY lakehouse"))
        assert installs < code


def test_builder_is_sent_only_what_is_copied() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    sent = {line[1:].rstrip("/") for line in lines if line.startswith("!")}
    copied = {f"requirements.{image}.lock" for image in IMAGES} | {p for packages in IMAGES.values() for p in packages}
    copied |= {"sbom"}
    assert sent == copied


@pytest.mark.parametrize("image", IMAGES)
def test_image_says_what_it_is(image: str) -> None:
    """Commit and build are given by cloudbuild.yaml."""
    steps = instructions(image)
    final = steps[[n for n, step in enumerate(steps) if step.name == "FROM"][-1] :]
    [labels] = [
        dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]+)"', s.value)) for s in final if s.name == "LABEL"
    ]
    assert labels["title"] == f"flights-{image}"
    assert set(labels) == {"title", "description", "licenses"}
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert labels["licenses"] == "Apache-2.0"


def test_build_and_images_use_the_same_python() -> None:
    [version] = set(re.findall(r"python:(3\.11\.\d+)", "".join((ROOT / f"Dockerfile.{i}").read_text() for i in IMAGES)))
    assert f"name: python:{version}-bookworm" in (ROOT / "cloudbuild.yaml").read_text()


def imported(package: str) -> set[str]:
    """The modules of others that a package imports when it is imported: not in functions, not for types alone."""
    found: set[str] = set()
    for path in (ROOT / package).rglob("*.py"):
        todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
        while todo:
            for node in ast.iter_child_nodes(todo.pop()):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module)
                elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _for_types(node):
                    todo.append(node)
    return found


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


@pytest.mark.parametrize("image", IMAGES)
def test_image_installs_all_that_its_code_imports(image: str) -> None:
    """Tests run with every package there is: what an image lacks would be missed by its first start alone."""
    distributions = packages_distributions()
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    tops = {name.partition(".")[0] for package in IMAGES[image] for name in imported(package)}
    others = tops - ours - sys.stdlib_module_names
    assert {"duckdb", "pyarrow", "google"} <= others
    installed = set(locked(f"requirements.{image}.lock"))
    lacking = {n for n in others if not installed & {canonicalize_name(d) for d in distributions.get(n, [])}}
    assert lacking == set()
