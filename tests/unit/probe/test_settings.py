"""Settings of the probe: what is wrong stops the start, and says what it takes."""

from __future__ import annotations

import pytest

from probe.errors import ConfigError
from probe.settings import Settings, did_you_mean, is_set_instead, load_settings

CLOUD = {"PROBE_URL": "http://127.0.0.1:1", "PUBSUB_TOPIC": "projects/p/topics/t"}


def test_what_is_not_given_has_its_default() -> None:
    settings = load_settings({**CLOUD, "PROBE_URL": "https://host/", "OTHER": "x"})
    assert settings == Settings("https://host", "projects/p/topics/t", None, None, None, 120.0)


def test_what_is_given_is_taken() -> None:
    given = {"PROBE_AUDIENCE": "https://api", "PROBE_TOKEN": "t", "PROBE_API_KEY": "k", "PROBE_WITHIN_S": "3600"}
    settings = load_settings({**CLOUD, **given})
    assert (settings.audience, settings.token, settings.api_key, settings.within_s) == ("https://api", "t", "k", 3600)


def test_key_is_taken_as_it_is_meant_when_its_secret_ends_with_a_newline() -> None:
    assert load_settings({**CLOUD, "PROBE_API_KEY": "flk_key\n"}).api_key == "flk_key"
    assert load_settings({**CLOUD, "PROBE_API_KEY": ""}).api_key is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"PROBE_URL": "ftp://x"}, "PROBE_URL is 'ftp://x'; it takes http(s)://HOST"),
        ({"PROBE_URL": "https://host/path"}, "PROBE_URL is"),
        ({"PUBSUB_TOPIC": "flights"}, "it takes projects/PROJECT/topics/NAME"),
        ({"PROBE_WITHIN_S": "soon"}, "PROBE_WITHIN_S is 'soon'; it takes 1 to 3600 seconds"),
        ({"PROBE_WITHIN_S": "nan"}, "it takes 1 to 3600 seconds"),
        ({"PROBE_URI": "x"}, "PROBE_URI: nothing reads this"),
    ],
)
def test_start_stops_when_a_setting_is_wrong(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_settings({**CLOUD, **wrong})
    assert said in str(error.value)


def test_a_slip_of_a_variable_that_is_not_set_is_named() -> None:
    assert is_set_instead("PROBE_URL", {"PROBE_ULR": "x"}) == "; PROBE_ULR is set: did you mean PROBE_URL?"
    assert is_set_instead("PROBE_URL", {"PATH": "/bin"}) == ""
    assert did_you_mean("canray", ["canary", "deploy"]) == "; did you mean canary?"
    assert did_you_mean("xyz", ["canary"]) == ""
