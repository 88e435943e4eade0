"""A refusal offers the name that was probably meant; it says nothing of what the sender wrote."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from functions import load_operation
from shared.commands.parsing import parse_command
from shared.runtime.errors import Refused
from shared.runtime.regions import region_rule
from shared.runtime.spelling import meant, nearest
from tests.cloud.state.checkout import ROOT
from tests.conftest import ACCOUNT

SECRET = "Secret-Passw0rd-77"
GOOD = {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": SECRET}


def refusal(command: dict[str, Any]) -> str:
    with pytest.raises(Refused) as refused:
        parse_command(load_operation(ACCOUNT).command, command)
    assert SECRET not in refused.value.message
    return str(refused.value.message)


@pytest.mark.parametrize(
    ("name", "offered"),
    [("Rgion", "Region"), ("region", "Region"), ("Instance_Id", "InstanceId"), ("accountpasword", "AccountPassword")],
)
def test_an_unknown_field_gets_the_name_that_is_near(name: str, offered: str) -> None:
    message = refusal({**GOOD, name: SECRET})
    assert f"is not a field of this command, did you mean `{offered}`? its fields are " in message


@pytest.mark.parametrize("name", ["Nonsense", SECRET, "x" * 10_000, "", "Deliverance to nobody"])
def test_a_name_that_is_near_to_none_gets_none(name: str) -> None:
    message = refusal({**GOOD, name: 1})
    assert "is not a field of this command; its fields are " in message
    assert "did you mean" not in message


def test_a_region_that_is_near_is_offered_in_its_own_cloud() -> None:
    message = refusal({**GOOD, "Region": "ap-guangzou"})
    assert message.startswith("Region: must be a region of tencent (did you mean `ap-guangzhou`?) ap-bangkok, ")
    assert "ap-guangzou" not in message
    assert "of alibaba (did you mean `cn-hangzhou`?) ap-" in region_rule(None, "cn-hangzou")
    assert "did you mean" not in region_rule(None, "mars-north-one")


@pytest.mark.parametrize(
    ("word", "found"), [("tsl", "tls"), ("TLS", "tls"), ("serv", "serve"), ("quarterly", ""), ("", ""), ("-", "")]
)
def test_the_nearest_word(word: str, found: str) -> None:
    assert nearest(word, ["tls", "serve", "since"]) == found
    assert meant(word, ["tls", "serve", "since"]) == (f", did you mean `{found}`?" if found else "")


def test_the_end_of_a_name_finds_it() -> None:
    assert nearest("redis", ["quarterly-redis", "quarterly-tair"]) == "quarterly-redis"


def test_nothing_is_imported_for_it_before_a_refusal() -> None:
    late = ("difflib", "shared.runtime.spelling")
    code = f"import functions.{ACCOUNT}, sys; print([name for name in {late} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
