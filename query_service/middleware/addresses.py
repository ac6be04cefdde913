"""Addresses of callers, and which of them are one caller."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_WITH_PORT: Final = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?|([^:\[\]]*):[0-9]{1,5}")


def address_in(entry: str) -> str | None:
    """The address in an entry of X-Forwarded-For, without brackets, port and zone; None when there is none."""
    entry = entry.strip()
    if (found := _WITH_PORT.fullmatch(entry)) is not None:
        entry = found[1] if found[1] is not None else found[2]
    try:
        return str(ipaddress.ip_address(entry.partition("%")[0]))
    except ValueError:
        return None


def network(address: str) -> str:
    """Of an IPv6 address the /64 network: a single host has all of its addresses."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address  # a server without sockets, in tests
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed.packed, 64), strict=False))
