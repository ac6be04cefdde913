"""Stand-ins for gcloud, docker, curl, terraform and make: they record what is asked, and keep what runs.

`WORLD` names the file. `main` is called with gcloud, docker, curl, terraform or make, and its arguments. A build starts
dozens of them: nothing is imported that a call does not need, and the file is of the format that needs no import.
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

URL = "https://flights-api-mock.a.run.app"


def main(tool: str, arguments: list[str]) -> int:
    with open(os.environ["WORLD"], "rb") as file:
        world = marshal.load(file)
    command = " ".join([tool, *arguments])
    world["log"].append(command)
    if any(stuck in command for stuck in world["hanging"]):
        _hang()
    if any(wrong in command for wrong in world["failing"]):
        print(f"{command}: made to fail", file=sys.stderr)
        code = 1
    else:
        tools = {"gcloud": _gcloud, "docker": _docker, "curl": _curl, "terraform": _terraform}
        code = tools[tool](world, arguments) if tool in tools else 0
    with open(os.environ["WORLD"], "wb") as file:
        marshal.dump(world, file)
    return code


def _hang() -> None:
    """Its parent has to end it: `timeout CALL_S`, whose clock this signal is, and which is not waited for."""
    import signal

    with open(f"/proc/{os.getppid()}/cmdline") as file:
        if file.read().split("\0")[:2] == ["timeout", os.environ["CALL_S"]]:
            os.kill(os.getppid(), signal.SIGALRM)
    signal.pause()


def _gcloud(world: dict[str, Any], arguments: list[str]) -> int:
    options = dict(a[2:].partition("=")[::2] for a in arguments if a.startswith("--"))
    words = [a for a in arguments if not a.startswith("--")]
    name = words[-1]
    match words:
        case ["version"]:
            print(world["gcloud"], end="")
        case ["config", "set", "project", _] | ["services", "enable", *_] | ["run", "services", "proxy", _]:
            pass
        case ["beta", "builds", "submit", "."] | ["beta", "services", "identity", "create"] | ["auth", _, *_]:
            print("an-access-token" if name == "print-access-token" else "")
        case ["storage" | "scheduler" | "logging", *_] | ["run", "jobs", "executions", *_]:
            pass
        case ["builds", "describe", _]:
            print("2026-11-24T12:00:00.000Z")
        case ["builds", "list"]:
            _gcloud_builds(world, options["filter"])
        case ["run", "deploy", _] | ["run", "revisions" | "services", *_]:
            _gcloud_service(world, words, options)
        case ["run", "worker-pools" | "jobs", "describe", _]:
            print(f"{world['images'][name]}\t")
        case ["run", "worker-pools" | "jobs", "update", _]:
            world["images"][name] = options["image"]
        case ["secrets", "versions", "add" | "access", _]:
            return _gcloud_secret(world, words, options)
        case _:
            print(f"gcloud does not know: {arguments}", file=sys.stderr)
            return 2
    return 0


def _gcloud_builds(world: dict[str, Any], wanted: str) -> None:
    """Builds under way: those of this system (one is gone at each look), and of others, which a name leaves out."""
    found = [world["older_builds"].pop(0)] if world["older_builds"] else []
    print("\n".join(found if "substitutions._NAME=" in wanted else [*found, *world["other_builds"]]), end="")


def _gcloud_secret(world: dict[str, Any], words: list[str], options: dict[str, str]) -> int:
    """Versions of a secret: the newest alone."""
    if words[2] == "add":
        world["secrets"][words[3]] = sys.stdin.read()
    elif options["secret"] not in world["secrets"]:
        print("NOT_FOUND: no version", file=sys.stderr)
        return 1
    else:
        print(world["secrets"][options["secret"]], end="")
    return 0


def _gcloud_service(world: dict[str, Any], words: list[str], options: dict[str, str]) -> None:
    """The service of the API: its revisions, tags and traffic."""
    if words[-1] in ("list", *world["people"]):
        _gcloud_people(world, words, options)
        return
    match words[1:]:
        case ["deploy", service]:
            assert "no-traffic" in options
            world["revisions"] += 1
            revision = f"{service}-{world['revisions']}"
            world["revision_images"][revision] = world["deploys_instead"] or options["image"]
            # As gcloud: with a tag or a suffix, the service's template names the revision.
            names = "tag" in options or "revision-suffix" in options
            world["template_name"] = revision if names else None
            if "tag" in options:
                world["tags"][options["tag"]] = revision
            print(revision)
        case ["services", "update", _]:
            pass
        case ["revisions", "describe", _]:
            print(world["revision_images"][words[-1]])
        case ["services", "describe", _]:
            import json

            spec = {"containers": [{"env": [{"name": n} for n in world["settings"]]}]}
            template = {"metadata": {"name": world["template_name"]}, "spec": spec}
            print(json.dumps({"spec": {"template": template}, "status": {"url": URL, "traffic": _traffic(world)}}))
        case ["services", "update-traffic", _]:
            if "to-revisions" in options:
                world["serving"] = options["to-revisions"].removesuffix("=100")
            if "update-tags" in options:
                tag, _, revision = options["update-tags"].partition("=")
                world["tags"][tag] = revision
            world["tags"].pop(options.get("remove-tags"), None)


def _gcloud_people(world: dict[str, Any], words: list[str], options: dict[str, str]) -> None:
    """The services of the dashboard for people: the image that each serves."""
    service = words[-1]
    match words[1:]:
        case ["services", "list"]:
            print("\n".join(world["people"]))
        case ["deploy", _]:
            world["latest"][service] = options["image"]
            if service not in world["pinned"]:  # else, as Cloud Run: traffic stays where it was sent
                world["images"][service] = options["image"]
        case ["services", "update-traffic", _] if "to-latest" in options:
            world["pinned"] = [name for name in world["pinned"] if name != service]
            world["images"][service] = world["latest"][service]


def _traffic(world: dict[str, Any]) -> list[dict[str, Any]]:
    """The one that serves, and the tagged ones. The address of a tag is the local API's, where there is one."""
    tagged = [
        {"revisionName": revision, "tag": tag, "url": world["api"] or URL.replace("//", f"//{tag}---")}
        for tag, revision in world["tags"].items()
    ]
    return [{"revisionName": world["serving"], "percent": 100}, *tagged]


def _terraform(world: dict[str, Any], arguments: list[str]) -> int:
    """Two roots, each of which has to be initialized, and then applied, before it has outputs."""
    root, command = arguments[0].removeprefix("-chdir=terraform/"), arguments[1]
    done = world["terraform"].setdefault(root, [])
    before = {"init": None, "workspace": "init", "apply": "init", "output": "apply"}[command]
    if before is not None and before not in done:
        print(f"terraform {command} in {root} before its {before}", file=sys.stderr)
        return 1
    values = [a.removeprefix("-var-file=") for a in arguments if a.startswith("-var-file=")]
    if not all(os.path.exists(f"terraform/{root}/{file}") for file in values):
        print(f"terraform {command} in {root}: no {values}", file=sys.stderr)
        return 1
    if (root, command) == ("main", "apply") and not values:
        print("terraform apply in main: no value for project_id, and no file of values", file=sys.stderr)
        return 1
    done.append(command)
    if command == "output" and "-json" in arguments:
        import json

        names = ("name", "region", "build_sources")
        jfk = {name: f"the-{name}-of-jfk" for name in names}
        print(json.dumps({"jfk": {**jfk, "build_account": "projects/flights-jfk/serviceAccounts/jfk-build@mock"}}))
    elif command == "output":
        print(f"the-{arguments[-1]}-of-{root}", end="")
    return 0


def _curl(world: dict[str, Any], arguments: list[str]) -> int:
    """Google's interface for identity tokens: it wants an access token, here as a header on standard input."""
    import json

    assert arguments[arguments.index("--header") + 1] == "@-"
    if sys.stdin.read() != "Authorization: Bearer an-access-token\n":
        print("401", file=sys.stderr)
        return 22
    world["asked_for_identity"] = [arguments[-1], json.loads(arguments[arguments.index("--data") + 1])]
    print(json.dumps({"token": "a-token"}))
    return 0


def _docker(world: dict[str, Any], arguments: list[str]) -> int:
    """A push gives a digest; `run ... probe deploy` runs the real probe, where there is an API."""
    match arguments:
        case ["push", name]:
            import zlib

            world["pushed"][name] = f"{name.rpartition(':')[0]}@sha256:{zlib.crc32(name.encode()):064x}"
        case ["image", "inspect", _, name]:
            print(world["pushed"][name])
    if arguments[0] != "run":
        return 0
    given = [a.removeprefix("--env=").partition("=") for a in arguments if a.startswith("--env=")]
    environment = {name: value if equals else os.environ[name] for name, equals, value in given}
    world["probed_with"] = environment
    if not world["api"]:
        return 0
    import subprocess

    command = arguments[arguments.index("probe") :]
    environment["PUBSUB_TOPIC"] = os.environ["PUBSUB_TOPIC"]  # of the local cloud, not of the project
    done = subprocess.run([sys.executable, "-m", *command], env={**os.environ, **environment}, check=False)
    return done.returncode
