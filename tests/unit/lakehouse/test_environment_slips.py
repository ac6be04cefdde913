"""Variables that were probably meant to be others are named."""

from __future__ import annotations

import pytest

from lakehouse.environment import not_set_error, unread_variables, unread_variables_error


@pytest.mark.parametrize("slip", ["LAKE_ULR", "LAKE_UR", "LAKE_URLS", "LAKE_URI", "LAEK_URL", "lake_url", "LAKEURL"])
def test_a_slip_of_a_variable_that_is_not_set_is_named(slip: str) -> None:
    error = not_set_error("LAKE_URL", "a URL", {slip: "file:///lake", "PATH": "/bin", "LAKE_PRIVATE": "x"})
    assert str(error) == f"LAKE_URL is not set; it takes a URL; {slip} is set: did you mean LAKE_URL?"


@pytest.mark.parametrize("other", ["LAKE", "LAKE_HOUSE", "DATA_URL", "LAKE_ULRS", "LAKE_URL"])
def test_other_variables_are_not_taken_for_slips(other: str) -> None:
    assert str(not_set_error("LAKE_URL", "a URL", {other: ""})) == "LAKE_URL is not set; it takes a URL"


def test_a_slip_in_the_prefix_is_not_passed_over_in_silence() -> None:
    known = ["API_KEYS", "API_HEAD_KB"]
    set_ones = dict.fromkeys(["AIP_KEYS", "API_KEYS", "API_KEYZ", "PAI_HEAD_KB", "KEYS", "HEAD_KB"], "x")
    assert unread_variables(set_ones, ("API_",), known) == ["AIP_KEYS", "API_KEYZ", "PAI_HEAD_KB"]


def test_the_name_that_was_probably_meant_is_said_last() -> None:
    error = unread_variables_error(["API_KYES"], ["API_HEAD_KB", "API_KEYS"], {})
    assert str(error).endswith("known are API_HEAD_KB, API_KEYS; did you mean API_KEYS?")
