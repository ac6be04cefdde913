"""Every gcloud command that documents and scripts name: whole, of known flags, and taken by the real parser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests._support.not_run import NO_GCLOUD, warnings
from tests.repo.deploy.gcloud_commands import BEGIN, Command, commands, files, in_shell, pieces
from tests.repo.deploy.terraform_files import ROOT

COMMANDS = commands()
OF_ALL = {"--format", "--quiet", "--project"}

# What gcloud 528 takes of each (worker pools: in its beta track), as far as it is used here: how many names or files it
# works on, and its flags. For where there is no gcloud; a command or flag that is new here is looked up first.
KNOWN: dict[str, tuple[int, set[str]]] = {
    "artifacts docker images describe": (1, {"--show-provenance"}),
    "artifacts docker images list": (1, {"--show-occurrences"}),
    "artifacts repositories update": (1, {"--location", "--no-immutable-tags"}),
    "auth application-default login": (0, set()),
    "auth configure-docker": (1, set()),
    "auth login": (0, set()),
    "auth print-access-token": (0, set()),
    "auth print-identity-token": (0, set()),
    "beta monitoring channels list": (0, set()),
    "beta builds submit": (
        1,
        {"--region", "--config", "--service-account", "--gcs-source-staging-dir", "--substitutions"},
    ),
    "builds describe": (1, {"--region"}),
    "builds list": (0, {"--region", "--ongoing", "--filter"}),
    "builds repositories list": (0, {"--region", "--connection"}),
    "components update": (0, set()),
    "config set": (2, set()),
    "logging read": (1, {"--limit", "--freshness"}),
    "pubsub subscriptions seek": (1, {"--time"}),
    "beta services identity create": (0, {"--service"}),
    "run deploy": (1, {"--region", "--image", "--no-traffic"}),
    "run jobs describe": (1, {"--region"}),
    "run jobs execute": (1, {"--region"}),
    "run jobs executions cancel": (1, {"--region"}),
    "run jobs executions list": (0, {"--region", "--job"}),
    "run jobs update": (1, {"--region", "--image"}),
    "run revisions describe": (1, {"--region"}),
    "run revisions list": (0, {"--region", "--service"}),
    "run services describe": (1, {"--region"}),
    "run services list": (0, {"--region", "--filter"}),
    "run services update": (1, {"--region", "--update-labels"}),
    "run services proxy": (1, {"--region", "--port"}),
    "run services update-traffic": (
        1,
        {"--region", "--to-latest", "--to-revisions", "--update-tags", "--remove-tags"},
    ),
    "run worker-pools describe": (1, {"--region"}),
    "run worker-pools revisions list": (0, {"--region", "--worker-pool"}),
    "run worker-pools update": (1, {"--region", "--image"}),
    "scheduler jobs pause": (1, {"--location"}),
    "scheduler jobs resume": (1, {"--location"}),
    "scheduler jobs describe": (1, {"--location"}),
    "secrets versions access": (1, {"--secret"}),
    "secrets versions add": (1, {"--data-file"}),
    "services enable": (-1, set()),  # any number
    "storage cat": (1, set()),
    "storage cp": (2, {"-r"}),
    "storage ls": (1, {"-l", "--soft-deleted", "--buckets", "--full"}),
    "storage objects describe": (1, set()),
    "storage operations describe": (1, set()),
    "storage restore": (1, {"--async", "--deleted-after-time", "--deleted-before-time"}),
    "storage rsync": (2, {"--recursive"}),
    "storage rm": (1, {"-r"}),
    "version": (0, set()),
}
REGIONAL = {"run": "--region", "builds": "--region", "scheduler": "--location", "artifacts": "--location"}
FULL_NAMES = {"artifacts docker images describe", "artifacts docker images list"}  # which say where they are


def path_of(command: Command) -> str:
    """Groups and command, without what it works on: the longest that is known."""
    words = command.others[1:]
    paths = (" ".join(words[:length]) for length in range(len(words), 0, -1))
    return next((path for path in paths if path in KNOWN), " ".join(words))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: f"{c.place}: {c}"[:90])
def test_command_is_known_with_all_its_flags(command: Command) -> None:
    path = path_of(command)
    assert path in KNOWN, f"{command.place}: gcloud has no `{path}` that we know"
    works_on, flags = KNOWN[path]
    assert set(command.flags) <= flags | OF_ALL, command
    given = len(command.others) - 1 - len(path.split())
    assert given == works_on or (works_on < 0 < given), f"{command}: {given} names, not {works_on}; write --flag=VALUE"


def test_commands_are_whole() -> None:
    """Pasted at night: nothing is left to fill in but names in capitals, and nothing asks for a region."""
    for command in COMMANDS:
        assert "..." not in str(command), f"{command.place}: {command}"
        assert "…" not in str(command), f"{command.place}: {command}"
        path = path_of(command)
        group = path.removeprefix("beta ").partition(" ")[0]
        if group in REGIONAL and path not in FULL_NAMES:
            assert REGIONAL[group] in command.flags, f"{command.place}: {command}"


def test_no_known_command_is_left_that_nobody_uses() -> None:
    assert set(KNOWN) == {path_of(command) for command in COMMANDS}
    used = {path: {flag for c in COMMANDS if path_of(c) == path for flag in c.flags} for path in KNOWN}
    assert not {(path, flag) for path, (_, flags) in KNOWN.items() for flag in flags - used[path]}


def gcloud() -> Path | None:
    """The folder of the SDK whose gcloud is on the path, where it is one with its sources."""
    found = shutil.which("gcloud")
    folder = Path(found).resolve().parents[1] if found else None
    return folder if folder and (folder / "lib" / "googlecloudsdk").is_dir() else None


def parsed(words: list[list[str]]) -> list[str]:
    """What the real parser has against each: "" nothing, "beta" that it is in the beta track only."""
    folder = gcloud()
    if folder is None:
        pytest.skip(NO_GCLOUD)
    bundled = folder / "platform" / "bundledpythonunix" / "bin" / "python3"
    python = str(bundled) if bundled.exists() else sys.executable
    script = Path(__file__).with_name("gcloud_parser.py")
    done = subprocess.run(
        [python, script, folder], input=json.dumps(words), capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    assert len(found) == len(words)
    return found


WRONG = (
    "gcloud storage objects restore gs://bucket/name",
    "gcloud scheduler jobs describe flights-compactor --region=europe-west1",
    "gcloud logging read severity=ERROR --region=europe-west1",
)
RIGHT = "gcloud run services describe flights-api --region=europe-west1"


@pytest.fixture(scope="module")
def refused() -> list[str]:
    """What the real parser has against COMMANDS, WRONG and RIGHT. It is started once: that takes seconds."""
    return parsed([*(list(command.words) for command in COMMANDS), *(text.split() for text in (*WRONG, RIGHT))])


def test_commands_are_taken_by_the_real_parser(refused: list[str]) -> None:
    found = dict(zip(COMMANDS, refused[: len(COMMANDS)], strict=True))
    wrong = {str(c): why for c, why in found.items() if why and not (why == "beta" and "run worker-pools" in str(c))}
    assert wrong == {}


def test_a_missing_gcloud_is_said_below_all_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception) as skipped:
        parsed([["gcloud", "version"]])
    said = warnings([str(skipped.value), "another reason"])
    assert said == [f"WARNING: 1 tests of gcloud's commands did NOT run: {NO_GCLOUD}"]


def test_real_parser_says_no_to_what_gcloud_does_not_have(refused: list[str]) -> None:
    found = refused[len(COMMANDS) :]
    assert len(found) == len(WRONG) + 1
    assert all("Invalid choice" in why or "unrecognized" in why for why in found[:-1]), found
    assert found[-1] == ""


def test_commands_are_found_as_a_shell_reads_them() -> None:
    text = """
created=$(gcloud builds describe "$ID" --region="$REGION" --format='value(createTime)')
if timeout 3 gcloud run services update-traffic a --to-revisions="$r=100" \\
  --quiet 2>/dev/null; then :; fi   # gcloud is not called here
say "BY HAND: gcloud run $kind update $name --image=${image%%/*}"
printf %s "$KEY" | gcloud secrets versions add key --data-file=- # the key
"""
    assert [" ".join(words) for words in in_shell(text)] == [
        "gcloud builds describe x --region=x --format=value(createTime)",
        "gcloud run services update-traffic a --to-revisions=x=100 --quiet",
        "gcloud is not called here",
        "gcloud run worker-pools update x --image=x",
        "gcloud run jobs update x --image=x",
        "gcloud secrets versions add key --data-file=-",
    ]


def test_no_command_hides_where_nobody_looks() -> None:
    """In a block of another language, in a comment, in what the code says: wherever a group of gcloud's is named."""
    groups = "|".join(sorted({path.split()[0] for path in KNOWN} | {"alpha", "compute", "iam", "projects"}))
    named = re.compile(rf"\bgcloud[\s`*]+({groups})\b")
    for path in files():
        mentions = named.findall(path.read_text(encoding="utf-8"))
        assert len(mentions) == sum(len(named.findall(piece)) for piece in pieces(path)), path
        assert not mentions or any(BEGIN.search(piece) for piece in pieces(path)), path


def test_every_place_has_its_commands() -> None:
    """A search that finds nothing would find nothing wrong."""
    found = {command.place for command in COMMANDS}
    assert {
        "deploy/steps.sh",
        "deploy/submit.sh",
        "deploy/check_gcloud.sh",
        "docs/deploy.md",
        "docs/runbook.md",
        "docs/flights.ipynb",
        "lakehouse/environment.py",
        "probe/publisher.py",
        "terraform/main/people.tf",
        "terraform/main/variables.tf",
    } <= found
    mentions = re.findall(r"\bgcloud [a-z]", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"))
    assert len(mentions) == sum(command.place == "docs/runbook.md" for command in COMMANDS)
