"""A schema takes what the model takes, and nothing else."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from shared.commands.command import Command, admit_delivery
from shared.commands.parsing import parse_command, parse_model
from shared.runtime.errors import Refused
from shared.runtime.settings import Settings
from shared.workbench.bundle.operations import functions
from shared.workbench.schemas import commands
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR
from tests.workbench.schema_checks import FOLLOW, VALID, faults, files

RSA = {"kty": "RSA", "e": "AQAB", "n": "AQAB"}


X25519 = {"kty": "OKP", "crv": "X25519", "x": "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}


# What a field may be tried with: right, wrong, and on the border.
_LETTERS = st.text(st.sampled_from("aZ09-_./ !{é\n$*"), max_size=40)


_SECRETS = st.one_of(
    st.text(st.sampled_from("abYZ09!-_()+=/~ é\n'\"\\^]["), min_size=6, max_size=34),
    st.sampled_from(
        [
            "",
            "x" * 1024,
            "x" * 1025,
            {"SecretRef": "ssm://a#v1"},
            {"SecretRef": "kms://a/b"},
            {"SecretRef": "ssm://a/b"},
            {"SecretRef": "ssm://a#"},
            {"SecretRef": 1},
            {"SecretRef": "ssm://a", "x": 1},
            {},
            1,
            [],
        ]
    ),
    st.builds(lambda n: {"Generate": {"Length": n}}, st.integers(6, 40)),
    st.sampled_from(
        [{"Generate": {}}, {"Generate": {"Length": "9"}}, {"Generate": {"Length": 12, "x": 1}}, {"Generate": 9}]
    ),
)


_WORDS = st.sampled_from(
    ["app", "root", "tcr$robot", "intl", "domestic", "rotate", "report", "*", "a" * 101, "", "A\n"]
)


_ODD: st.SearchStrategy[Any] = st.sampled_from([None, None, True, False, 0, -1, 1.5, [], {}, "", "x", ["app"]])


_STORES = st.sampled_from(
    [
        "ssm://a",
        "kms://a/b",
        "ssm://a#v",
        "ssm://{resource}",
        "ssm://{resource}-{account}",
        "kms://k/{account}",
        "ssm://{x}",
        "ssm://",
        "ssm://a b",
    ]
)


_NAMES = st.lists(st.sampled_from(["app", "app2", "a*", "root", "-x"]), max_size=3)


_DELIVER = st.one_of(
    st.sampled_from([{"Store": "ssm://a"}, {"Reply": True}, {"Seal": X25519}, {"Store": "ssm://a", "Reply": True}]),
    st.fixed_dictionaries(
        {},
        optional={
            "Store": st.one_of(_STORES, _ODD),
            "Reply": st.sampled_from([True, False, None, 1]),
            "Seal": st.sampled_from(
                [X25519, {**X25519, "d": "x"}, {**X25519, "use": "sig"}, {"kty": "oct", "k": "x"}, None, "x"]
            ),
        },
    ),
)


_TRIED: dict[str, st.SearchStrategy[Any]] = {
    "Deliver": _DELIVER,
    "Alternate": st.one_of(st.sampled_from([["app", "app2"], ["app", "app"]]), _NAMES),
    "Accounts": _NAMES,
    "Store": _STORES,
    "Function": st.sampled_from([ACCOUNT, PASSWORD, REGISTRY, TAIR, FOLLOW]),
    "Resources": st.fixed_dictionaries(
        {},
        optional={
            "Tags": st.dictionaries(st.sampled_from(["", "env", "k" * 129]), st.sampled_from(["", "x", 1]), max_size=2),
            "Patterns": st.lists(st.sampled_from(["crs-1", "crs-*", "*", "-", ""]), max_size=2),
        },
    ),
    "Mode": st.sampled_from(["rotate", "report", "dry"]),
    "Length": st.integers(6, 34),
    "MaxAgeDays": st.sampled_from([0, 0.001, 36500, 36500.5, 90]),
    "JitterS": st.sampled_from([0, 600, 600.5, -1]),
    "Privilege": st.sampled_from(["r", "w", "rw", "wr"]),
    "ReadonlyPolicy": st.lists(st.sampled_from(["master", "replication", "x"]), max_size=3),
    "Cloud": st.sampled_from(["tencent", "alibaba", "aws"]),
    "Service": st.sampled_from(["redis", "tcr", "tair", "cvm"]),
    "Operation": st.sampled_from(
        ["ModifyInstanceAccount", "ModifyAccountPassword", "ModifyServiceAccountPassword", "X"]
    ),
    "Region": st.sampled_from(["ap-guangzhou", "cn", "cn-hangzhou-1", "AP-1", "a" * 60, "ap-guangzhou\n"]),
    "TaskId": st.sampled_from([0, -1, 7, 2**70]),
    "Evidence": st.lists(st.sampled_from(["", "x" * 200, "x" * 201]), max_size=3),
    "Random": st.booleans(),
}


_FLAGS = ("DryRun", "Login", "NoAuth", "EncryptPassword", "Proven", "Adopted")


@st.composite
def tries(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A function, and its valid command with a few fields changed, left out or put in."""
    function = draw(st.sampled_from(functions()))
    data = copy.deepcopy(VALID[function])
    schema = json.loads(files()[f"{function}.command.json"])
    for name in draw(st.lists(st.sampled_from(sorted(schema["properties"])), max_size=4, unique=True)):
        secret = "Password" in name and name != "EncryptPassword"
        fitting = (
            _SECRETS if secret else st.booleans() if name in _FLAGS else _TRIED.get(name, st.one_of(_WORDS, _LETTERS))
        )
        how = draw(st.integers(0, 9))
        if how == 0:
            data.pop(name, None)
        else:
            data[name] = draw(_ODD if how == 1 else fitting)
    if draw(st.integers(0, 19)) == 0:
        data["Unheard"] = 1
    new = next(
        (name for name in ("NewAccountPassword", "AccountPassword", "Password") if name in schema["properties"]), None
    )
    if new and draw(st.integers(0, 3)) == 0:  # what goes together is tried together
        data[new] = {"Generate": draw(st.sampled_from([{}, {"Length": 12}]))}
        data["Deliver"] = draw(st.one_of(_DELIVER, st.just(None)))
        if "Alternate" in schema["properties"] and draw(st.booleans()):
            data["Alternate"] = ["app", "app2"]
            data.pop("AccountName", None)
            data.pop("OldAccountPassword", None)
    return function, data


# What JSON Schema cannot say: relations of two texts, and of a key's numbers.
_UNSAID = ("must differ from", "must not hold a secret")


@settings(
    max_examples=int(os.environ.get("SCHEMA_EXAMPLES", "500")),
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(tries())
@example((PASSWORD, {**VALID[PASSWORD], "Password": {"Generate": {}}, "Deliver": {"Store": "ssm://a"}}))
@example((PASSWORD, {**VALID[PASSWORD], "Password": {"Generate": {}}, "Deliver": {"Reply": True}}))
@example(
    (REGISTRY, {**VALID[REGISTRY], "Random": False, "Password": {"Generate": {}}, "Deliver": {"Store": "ssm://a"}})
)
@example((PASSWORD, {**VALID[PASSWORD], "Password": {"Generate": {}}, "Deliver": None}))
@example((REGISTRY, {**VALID[REGISTRY], "Deliver": {"Seal": X25519}}))
@example((ACCOUNT, {"InstanceId": "crs-1", "AccountName": "root", "NoAuth": True}))
@example((ACCOUNT, {**VALID[ACCOUNT], "AccountPassword": "Passw0rd\n"}))
def test_the_schema_takes_what_the_model_takes_and_nothing_else(tried: tuple[str, dict[str, Any]]) -> None:
    """Both ways, but for the rules that no schema can say: there the schema takes more."""
    function, data = tried
    model = commands.model(function)
    refused = ""
    try:
        if issubclass(model, Command):
            admit_delivery(parse_command(model, data), Settings(), waited_for=True)
        else:
            names = frozenset(field.alias or name for name, field in model.model_fields.items())
            parse_model(model, data, names)
    except Refused as error:
        refused = error.message
    found = faults(f"{function}.command.json", data)
    if refused and all(any(rule in line for rule in _UNSAID) for line in refused.split("; ")):
        return
    assert bool(refused) == bool(found), f"{function} {data}: model says {refused!r}, schema says {found}"


def test_a_key_that_is_no_key_is_for_the_model_to_refuse() -> None:
    """The schema reads a JWK's form; that its numbers make a key, only arithmetic can tell."""
    command = {**VALID[REGISTRY], "Deliver": {"Seal": RSA}}
    assert faults(f"{REGISTRY}.command.json", command) == []
    with pytest.raises(Refused, match="RSA modulus"):
        parse_command(commands.model(REGISTRY), command)  # type: ignore[type-var]
