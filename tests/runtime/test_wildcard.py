"""Patterns take a time that grows with their length alone, wherever they come from."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rotation.policy import matches
from shared.runtime.settings import is_allowed, read_settings
from shared.runtime.wildcard import matches_wildcard
from tests.conftest import ACCOUNT, House, result
from tests.support.commands import VALID_COMMANDS

_SOME = st.text(alphabet="ab*", max_size=12)


@pytest.mark.parametrize("pattern", ["*" * 40 + "z", "*a" * 40 + "z", "a*" * 40 + "z", "*" * 99 + "z"])
def test_no_pattern_takes_long(pattern: str) -> None:
    name = "a" * 100
    began = time.process_time()
    assert not matches_wildcard(pattern, name)
    assert not matches([pattern] * 50, name)
    allow = read_settings({"KEYTURN_ALLOW": ",".join([f"tencent/redis/*/{pattern}/{pattern}"] * 50)}).allow
    assert not is_allowed(allow, ("tencent", "redis", "ap-guangzhou", name, name))
    assert time.process_time() - began < 0.5


@given(_SOME, st.text(alphabet="ab", max_size=12))
def test_a_pattern_means_what_a_shells_star_means(pattern: str, text: str) -> None:
    assert matches_wildcard(pattern, text) == fnmatchcase(text, pattern)


@pytest.mark.parametrize("pattern", ["a?c", "a[bx]c", "a.c", "a\\*c", "A*"])
def test_no_other_character_is_special(pattern: str) -> None:
    assert not matches_wildcard(pattern, "abc")
    assert matches_wildcard(pattern.replace("*", ""), pattern.replace("*", ""))


def test_no_pattern_of_a_setting_delays_a_command(house: House) -> None:
    began = time.monotonic()
    assert not matches(["*" * 40 + "z", "*a" * 40 + "z"], "a" * 100)
    house.settings["KEYTURN_ALLOW"] = "tencent/redis/*/" + "*a" * 40 + "z/*"
    data = result(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT] | {"InstanceId": "crs-" + "a" * 60}))
    assert data["Error"]["Class"] == "forbidden"
    assert time.monotonic() - began < 2.0
