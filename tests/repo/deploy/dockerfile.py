"""A Dockerfile as a list of instructions; and its steps executed by hand, where there is no Docker.

`python -m tests.repo.deploy.dockerfile api|writer` installs from the image's lock into an empty folder, copies what the
Dockerfile copies, compiles, checks the import and starts the service as another user on a read-only tree.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_cloud.emulators.pubsub import PubsubServer
from local_cloud.emulators.up import ACK_DEADLINE_S, SUBSCRIPTION, TOPIC
from local_cloud.processes.supervise import Processes, free_port
from tests.repo.deploy.terraform_files import ROOT

FOLDERS = ("/venv", "/app", "/build")
UID = 10001


@dataclass(frozen=True)
class Instruction:
    """RUN, COPY, ... and what follows it, on one line."""

    name: str
    value: str


def instructions(image: str) -> list[Instruction]:
    """Of Dockerfile.IMAGE, without comments, with continued lines joined."""
    text = (ROOT / f"Dockerfile.{image}").read_text()
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.M))
    lines = [line.strip() for line in joined.splitlines() if line.strip()]
    return [Instruction(name, value) for name, value in (line.split(maxsplit=1) for line in lines)]


def execute(image: str, root: Path) -> None:
    """Every step of the image's Dockerfile that needs no Docker, in `root`; raises what fails."""
    final = False
    for step in instructions(image):
        if step.name == "FROM":
            final = " AS " not in step.value
        elif step.name == "COPY" and not final:
            source, target = step.value.split()
            _copy(ROOT / source, root / target.strip("/"))
        elif step.name == "RUN" and step.value.startswith("python -c"):
            _lock_up(root)
            _run(shlex.split(step.value), root, _environment(root))
        elif step.name == "RUN" and not final:
            _run(["sh", "-ec", _moved(step.value, root)], root, {**os.environ, "PIP_QUIET": "1"})


def start(image: str, root: Path, logs: Path) -> None:
    """Starts the image's own command on a read-only tree; it has to answer /health and to end on SIGTERM with 0."""
    [entry] = [step.value for step in instructions(image) if step.name == "ENTRYPOINT"]
    arguments = [step.value for step in instructions(image) if step.name == "CMD"]
    command = [word for text in (entry, *arguments) for word in re.findall(r'"(.*?)"', text)]
    port = str(free_port())
    with PubsubServer() as pubsub, Processes(logs) as watch:
        pubsub.broker.create_topic(TOPIC)
        pubsub.broker.create_subscription(SUBSCRIPTION, TOPIC, ACK_DEADLINE_S)
        settings = {
            "api": {"PORT": port, "LAKE_URL": logs.as_uri()},
            "writer": {
                "WRITER_PORT": port,
                "LAKE_URL": logs.as_uri(),
                "PUBSUB_SUBSCRIPTION": SUBSCRIPTION,
                "PUBSUB_EMULATOR_HOST": pubsub.address,
            },
        }[image]
        process = subprocess.Popen(command, cwd=root / "app", env=_environment(root) | settings, user=_user(root))
        try:
            watch.wait_until_answers(image, f"http://127.0.0.1:{port}/health", within_s=60.0)
            process.send_signal(signal.SIGTERM)
            code = process.wait(15.0)
        finally:
            process.kill()
    if code != 0:
        raise SystemExit(f"{image}: ended with {code} after SIGTERM, not 0")


def _moved(command: str, root: Path) -> str:
    """The same command with the image's folders under `root`, and this Python's pip."""
    for folder in FOLDERS:
        command = re.sub(rf"(?<![\w/]){folder}(?=/|\s|$)", f"{root}{folder}", command)
    return re.sub(
        r"(^|&& )(python|pip) ", lambda m: f"{m[1]}{sys.executable} {'-m pip ' if m[2] == 'pip' else ''}", command
    )


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _lock_up(root: Path) -> None:
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(
                path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) | stat.S_IRGRP | stat.S_IROTH
            )


def _environment(root: Path) -> dict[str, str]:
    return {"PATH": f"{root}/venv/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


def _user(root: Path) -> int | None:
    """Another user, where we may become one and it can reach this Python."""
    if os.getuid() != 0:
        return None
    try:
        reached = subprocess.run([root / "venv/bin/python", "-c", ""], user=UID, check=False, capture_output=True)
    except PermissionError:
        return None
    return UID if reached.returncode == 0 else None


def _run(command: Sequence[str], root: Path, environment: Mapping[str, str]) -> None:
    print(f"  {' '.join(command)[:160]}", flush=True)
    cwd = root / "app" if (root / "app").is_dir() else root
    subprocess.run(command, cwd=cwd, env=environment, check=True, user=_user(root) if command[0] == "python" else None)


def main(image: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix=f"image-{image}-"))
    logs = Path(tempfile.mkdtemp(prefix=f"image-{image}-logs-"))
    (logs / f"{image}.log").touch()
    folder.chmod(0o755)
    logs.chmod(0o777)
    try:
        execute(image, folder)
        start(image, folder, logs)
        whom = "as another user" if _user(folder) else "as this user: another one cannot reach this Python"
    finally:
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)
        shutil.rmtree(logs)
    print(f"Dockerfile.{image}: installed from its lock alone, imported and started on a read-only tree, {whom}")


if __name__ == "__main__":
    main(sys.argv[1])
