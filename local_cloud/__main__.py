"""Command line: the first argument names the command, the rest is the command's own."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lakehouse.command_line import VERSION
from lakehouse.command_line.arguments import did_you_mean
from lakehouse.command_line.outside import leave

_COMMANDS = ("up", "replay", "demo", "on-time-file", "rehearse-restore", "names")
_USAGE = """usage: python -m local_cloud COMMAND [OPTION...]

  up                Pub/Sub and GCS on this machine, until Ctrl-C
  replay            publishes the real flights of 2013 to the topic
  demo              everything: the local cloud, writer, compactor, API, and sample answers
  on-time-file      writes them as the US DOT publishes a month of flights
  rehearse-restore  loses the objects of a lake, restores them and compares the answers
  names             prints the names of carriers and airports and their places as JSON, for the dashboard

example:
  python -m local_cloud up

`python -m local_cloud COMMAND --help` lists a command's options and settings; --version is that of all."""


def main(argv: Sequence[str]) -> int:
    try:
        return _run(argv)
    except ModuleNotFoundError as error:
        leave(error)
    except KeyboardInterrupt:
        return 130


def _run(argv: Sequence[str]) -> int:
    # Imported only when asked for: the commands need different libraries.
    match argv[:1]:
        case ["up"]:
            from local_cloud.emulators import up

            return up.main(argv[1:])
        case ["replay"]:
            from local_cloud.flights import replay

            return replay.main(argv[1:])
        case ["demo"]:
            from local_cloud.demo import demo

            return demo.main(argv[1:])
        case ["on-time-file"]:
            from local_cloud.flights import on_time_file

            return on_time_file.main(argv[1:])
        case ["rehearse-restore"]:
            from local_cloud import rehearse_restore

            return rehearse_restore.main(argv[1:])
        case ["names"]:
            return _names(argv[1:])
        case ["-h" | "--help"]:
            print(_USAGE)
            return 0
        case ["--version"]:
            print(f"flights-lakehouse {VERSION}")
            return 0
        case _:
            print(_USAGE, file=sys.stderr)
            if argv:
                print(f"\nthere is no command {argv[0]}{did_you_mean(argv[0], _COMMANDS)}", file=sys.stderr)
            return 2


def _names(options: Sequence[str]) -> int:
    if set(options) & {"-h", "--help"}:
        print("usage: python -m local_cloud names")
        print("\nIt reads no setting. Example:\n  python -m local_cloud names > names.json")
        return 0
    from local_cloud.flights import display_names

    print(display_names.names_json(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
