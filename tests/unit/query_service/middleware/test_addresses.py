"""Which address an entry of X-Forwarded-For has, and which addresses are one caller."""

from __future__ import annotations

import pytest

from query_service.middleware.addresses import address_in, network


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("9.9.9.9", "9.9.9.9"),
        (" 9.9.9.9 ", "9.9.9.9"),
        ("9.9.9.9:4711", "9.9.9.9"),
        ("[9.9.9.9]:1", "9.9.9.9"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:65535", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:80", "fe80::1"),
    ],
)
def test_an_address_may_have_a_port_brackets_or_a_zone(entry: str, address: str) -> None:
    assert address_in(entry) == address


@pytest.mark.parametrize(
    "entry",
    ["", "unknown", "_hidden", "_hidden:80", "9.9.9", "9.9.9.9.9", "9.9.9.9:", "9.9.9.9:123456", "[9.9.9.9", "[]:80",
     "9.9.9.9]", "a.example:80", "[2001:db8::1]x", "09.9.9.9", "9.9.9.9, 8.8.8.8"],
)  # fmt: skip
def test_what_is_no_address_is_none(entry: str) -> None:
    assert address_in(entry) is None


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("9.9.9.9", "9.9.9.9"),
        ("::ffff:9.9.9.9", "9.9.9.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_network_of_ipv6_is_one_caller(address: str, caller: str) -> None:
    assert network(address) == caller
