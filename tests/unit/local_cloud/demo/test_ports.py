"""Ports that are taken are said, and others used."""

from __future__ import annotations

import argparse
import socket

from local_cloud.demo.ports import add_port_options, chosen


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_port_options(parser)
    return parser.parse_args(["--api-port=0", "--writer-port=0", "--pubsub-port=0", "--gcs-port=0", *words])


def test_a_free_port_is_used_in_silence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as freed:
        port = freed.getsockname()[1]
    said: list[str] = []
    assert chosen(options(f"--api-port={port}"), said.append).api == port
    assert said == []


def test_a_port_that_is_taken_is_said_and_another_one_used() -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = chosen(options(f"--gcs-port={port}"), said.append)
    assert ports.gcs != port
    assert said == [f"Port {port} is taken: Cloud Storage at port {ports.gcs} instead (--gcs-port chooses one)."]


def test_one_port_is_not_used_twice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as freed:
        port = freed.getsockname()[1]
    said: list[str] = []
    ports = chosen(options(f"--api-port={port}", f"--writer-port={port}"), said.append)
    assert len({ports.api, ports.writer, ports.pubsub, ports.gcs}) == 4
    assert len(said) == 1
