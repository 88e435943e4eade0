"""The schemas say what the code does: the same commands are taken, and all that leaves fits."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker, ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.commands.command import Command, admit_delivery, parse_command, parse_model
from shared.rotation.policy import PlanRotation
from shared.runtime.errors import Refused
from shared.runtime.settings import Settings
from shared.triggers import read
from shared.workbench.bundle.description import ROOT
from shared.workbench.bundle.operations import PLATFORMS, example_command, functions, operations
from shared.workbench.package.imports import _named
from shared.workbench.schemas import __main__ as program
from shared.workbench.schemas import commands, openapi, texts, written
from shared.workbench.schemas.compare import breaking
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, result
from tests.support.programs import ASYNCAPI, NODE_PACKAGES, need

PLAN, FOLLOW = "plan_rotation", "follow_change"
EVENTS = ROOT / "events"
RSA = {"kty": "RSA", "e": "AQAB", "n": "AQAB"}
X25519 = {"kty": "OKP", "crv": "X25519", "x": "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[Any]:
    """ECMA 262, where `$` is the end of the text; in Python it also matches before a last line break."""
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"does not match {pattern}")


Validator = extend(Draft202012Validator, {"pattern": _pattern})
_FORMATS = FormatChecker(["date-time"])


@_FORMATS.checks("date-time")  # type: ignore[untyped-decorator]
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value) is not None


@cache
def files() -> dict[str, str]:
    return written.files()


@cache
def validator(name: str) -> Any:
    return Validator(json.loads(files()[name]), format_checker=_FORMATS)


def faults(name: str, value: Any) -> list[str]:
    return [
        f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in validator(name).iter_errors(value)
    ]


@cache
def of_response(function: str, status: int) -> Any:
    """What openapi.json says of a reply."""
    document = json.loads(files()["openapi.json"])
    response = document["paths"][f"/{function}"]["post"]["responses"][str(status)]
    schema = response["content"]["application/json"]["schema"]
    return Validator({**schema, "components": document["components"]}, format_checker=_FORMATS), response


def test_the_committed_files_are_those_that_the_code_makes() -> None:
    assert written.stale(program.FOLDER, files()) == [], "run: make schemas"


def test_what_is_stale_missing_or_left_over_is_named(tmp_path: Path) -> None:
    written.write(tmp_path, files())
    assert written.stale(tmp_path, files()) == []
    (tmp_path / "result.json").write_text("{}")
    (tmp_path / "openapi.json").unlink()
    (tmp_path / "gone.json").write_text("{}")
    assert written.stale(tmp_path, files()) == ["gone.json", "openapi.json", "result.json"]
    written.write(tmp_path, files())
    assert written.stale(tmp_path, files()) == []


@pytest.mark.parametrize("name", sorted(name for name in files() if "api" not in name))
def test_each_schema_is_valid_json_schema_with_a_name_of_its_own(name: str) -> None:
    schema = json.loads(files()[name])
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:keyturn:schema:{name.removesuffix('.json')}"


def test_openapi_is_valid_and_its_schemas_too() -> None:
    document = json.loads(files()["openapi.json"])
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert set(document["paths"]) == {f"/{name}" for name in (*operations(), PLAN)}


def test_asyncapi_is_valid_by_its_own_parser() -> None:
    need(ASYNCAPI)
    script = """
const { Parser } = require("@asyncapi/parser");
const text = require("node:fs").readFileSync(0, "utf8");
new Parser().parse(text).then(({ document, diagnostics }) => {
  const grave = diagnostics.filter((one) => one.severity < 2).map((one) => `${one.path.join("/")}: ${one.message}`);
  console.log(JSON.stringify({ read: Boolean(document), grave }));
});
"""
    done = subprocess.run(
        ["node", "-e", script],
        input=files()["asyncapi.json"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=NODE_PACKAGES,
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(NODE_PACKAGES / "node_modules")},
    )
    assert json.loads(done.stdout) == {"read": True, "grave": []}, done.stderr[-2000:]


def test_asyncapi_says_which_function_receives_what() -> None:
    document = json.loads(files()["asyncapi.json"])
    for function in functions():
        received = document["operations"][f"receive_{function}"]
        assert received["action"] == "receive"
        assert {one["$ref"].rpartition("/")[2] for one in received["messages"]} == {
            f"command.{function}",
            f"bare.{function}",
        }


def test_every_field_of_every_model_is_described_and_nothing_else_is() -> None:
    described: set[tuple[str, str]] = set()
    for text in files().values():
        found = json.loads(text)
        for schema in [found, *found.get("$defs", {}).values()]:
            described |= {(schema.get("title", ""), name) for name in schema.get("properties", {})}
    own = {one.command.__name__ for one in operations().values()}
    named = {(model, name) for model in {*texts.FIELDS, *own} for name in texts.fields(model)}
    # What all commands share is said once, though not every operation has all of it.
    shared = {(commands.model(one).__name__, name) for one in operations() for name in texts._COMMAND}
    assert named - described - shared == set()
    assert not [one for one in described - named if one[0] in {*texts.FIELDS, *own}]


def committed() -> list[tuple[str, Path]]:
    found = [(file.parent.name, file) for file in sorted(EVENTS.glob("*/*-*.json")) if file.parent.name != "schemas"]
    missing = set(functions()) - {function for function, _ in found}
    assert not missing, f"no event events/{min(missing)}/scf-queue.json"
    return found


@pytest.mark.parametrize(("function", "file"), committed(), ids=lambda one: getattr(one, "stem", one))
def test_the_command_in_each_committed_event_is_valid(function: str, file: Path) -> None:
    raw = file.read_bytes()
    model = commands.model(function)
    fields = {field.alias or name for name, field in model.model_fields.items()}
    event = json.loads(raw) if file.name.startswith("scf-") else raw
    messages = read(event, fields=fields, request_id="r-1").messages
    assert messages
    for message in messages:
        assert faults(f"{function}.command.json", message.data) == []
        assert isinstance(message.data, dict)
        assert faults(f"{function}.command.json", {**message.data, "Unheard": 1})
        assert faults(f"{function}.command.json", {**message.data, "CommandId": "no spaces"})
    for text in re.findall(r'"(?:msgBody|messageBody|Message)": ("(?:[^"\\]|\\.)*")', raw.decode()):
        inner = json.loads(json.loads(text))
        if "specversion" in inner:
            assert faults(f"{function}.event.json", inner) == []


def test_every_example_in_openapi_fits_its_own_schema() -> None:
    document = json.loads(files()["openapi.json"])
    seen = 0
    for path in document["paths"].values():
        operation = path["post"]
        for part in (operation["requestBody"], *operation["responses"].values()):
            for content in part["content"].values():
                check = Validator({**content["schema"], "components": document["components"]})
                for shown in content.get("examples", {}).values():
                    assert [one.message for one in check.iter_errors(shown["value"])] == []
                    seen += 1
    assert seen > 60


VALID: dict[str, dict[str, Any]] = {
    **{function: example_command(function) for function in operations()},
    # These by value: tests look into them.
    ACCOUNT: {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": "New-Passw0rd1"},
    PASSWORD: {"InstanceId": "crs-demo0001", "OldPassword": "Old-Passw0rd", "Password": "New-Passw0rd1"},
    REGISTRY: {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True},
    TAIR: {
        "InstanceId": "r-demo0001",
        "AccountName": "app",
        "OldAccountPassword": "Tair-Passw0rd",
        "NewAccountPassword": "New-Passw0rd1",
    },
    PLAN: {
        "Policy": "nightly",
        "Function": ACCOUNT,
        "Resources": {"Patterns": ["crs-*"]},
        "Accounts": ["app"],
        "MaxAgeDays": 0.5,
        "Store": "ssm://redis-{resource}",
    },
    FOLLOW: {
        "Cloud": "tencent",
        "Service": "redis",
        "Region": "ap-guangzhou",
        "Resource": "crs-demo0001",
        "Account": "app",
        "Operation": "ModifyInstanceAccount",
        "CommandId": "c-1",
        "TaskId": 7,
        "StartedAt": "2026-05-08T01:00:00.205Z",
    },
}
REGION = {**{function: example_command(function)["Region"] for function in operations()}, PLAN: "ap-guangzhou"}


def check_reply(function: str, returned: Any) -> int:
    """A reply fits the schema of replies, and what OpenAPI says of its status; the status is given back."""
    status: int = returned.value["statusCode"]
    assert faults("reply.json", returned.body) == []
    check, response = of_response(function, status)
    assert [one.message[:300] for one in check.iter_errors(returned.body)] == []
    document = json.loads(files()["openapi.json"])
    headers = returned.value["headers"]
    for name, shown in response["headers"].items():
        schema = document["components"]["headers"][shown["$ref"].rpartition("/")[2]]["schema"]
        assert name not in headers or Validator(schema).is_valid(headers[name])
    assert headers.keys() - {"Content-Type"} <= response["headers"].keys()
    return status


@pytest.mark.parametrize(
    ("function", "platform"),
    [(name, "fc" if name == PASSWORD else PLATFORMS[one.cloud]) for name, one in operations().items()],
)
def test_what_an_operation_answers_and_publishes_fits(house: House, function: str, platform: str) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    good = {**VALID[function], "Region": REGION[function], "Actor": "desk", "Reason": "quarterly"}
    statuses = [check_reply(function, house.send(function, {**good, "DryRun": True}, platform))]
    statuses += [check_reply(function, house.send(function, good, platform))]
    statuses += [check_reply(function, house.send(function, {**good, "Site": "mars"}, platform))]
    statuses += [check_reply(function, house.send(function, [{**good, "DryRun": True}, {}], platform))]
    statuses += [check_reply(function, house.send(function, [{**good, "DryRun": True}], platform))]
    statuses += [
        check_reply(function, house.send(function, text, platform)) for text in ("", "[]", "3", "{", "[{},{}]")
    ]
    wrong = {"content-type": "text/plain"}
    statuses += [check_reply(function, house.send(function, good, platform, headers=wrong))]
    house.cloud.faults([{"Action": "*", "Fault": "throttle", "Times": 50}])
    statuses += [check_reply(function, house.send(function, good, platform, timeout_s=4.0))]
    house.cloud.clear()
    house.settings["KEYTURN_ALLOW"] = "tencent/ssm/*/*/*"
    statuses += [check_reply(function, house.send(function, good, platform))]
    house.settings["KEYTURN_RATE"] = "many"
    statuses += [check_reply(function, house.send(function, good, platform))]
    assert {200, 207, 400, 403, 415, 500} <= set(statuses)
    assert {429, 503} & set(statuses)
    published = house.results()
    assert len(published) > 5
    for event in published:
        assert faults("result.json", event) == []
    for event in house.commands():
        assert faults(f"{event['type'].rpartition('.')[2]}.event.json", event) == []


def test_another_method_is_answered_as_openapi_says(house: House) -> None:
    event = json.loads((EVENTS / ACCOUNT / "scf-http.json").read_text())
    assert check_reply(ACCOUNT, house.deliver(ACCOUNT, {**event, "httpMethod": "PUT"})) == 405


def test_a_stored_secret_and_a_pending_task_fit(house: House) -> None:
    """The store, follow_change's message and what it publishes."""
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "hang_task", "Times": 1}])
    command = {**VALID[ACCOUNT], "Region": "ap-guangzhou"}
    returned = house.send(ACCOUNT, command, timeout_s=5.0)
    assert check_reply(ACCOUNT, returned) == 202
    (handed,) = house.commands()
    assert handed["type"] == "keyturn.command.follow_change"
    assert faults("follow_change.event.json", handed) == []
    assert faults("follow_change.command.json", handed["data"]) == []
    house.cloud.advance(31 * 60.0)
    assert house.send(FOLLOW, handed["data"], trigger="queue").value["Results"] == []  # not keyturn's own
    ended = house.send(FOLLOW, handed, trigger="queue")
    assert result(ended)["Outcome"] == "unknown"
    for event in house.results():
        assert faults("result.json", event) == []


def test_a_rotation_and_what_it_tells_fit(house: House) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    policy = {
        **VALID[PLAN],
        "Region": "ap-guangzhou",
        "MaxAgeDays": 0.00001,
        "Resources": {"Patterns": ["crs-demo0001"]},
    }
    for sent in (policy, {**policy, "Mode": "report"}):
        assert check_reply(PLAN, house.send(PLAN, sent)) == 202
    assert check_reply(PLAN, house.send(PLAN, [policy])) == 207
    assert check_reply(PLAN, house.send(PLAN, {**policy, "Store": None})) == 400
    reports = [event for event in house.results() if event["type"] == "keyturn.rotation.report"]
    assert len(reports) == 3
    for event in reports:
        assert faults("rotation-report.json", event) == []
        assert faults("result.json", event)
    for event in house.commands():
        assert faults(f"{event['type'].rpartition('.')[2]}.event.json", event) == []


def test_a_result_that_is_none_is_refused() -> None:
    document = json.loads(files()["openapi.json"])
    shown = document["paths"][f"/{ACCOUNT}"]["post"]["responses"]["200"]["content"]["application/json"]["examples"]
    event = shown["changed"]["value"]["Result"]
    assert faults("result.json", event) == []
    broken: list[Callable[[Any], Any]] = [
        lambda one: one.update(type="keyturn.credential.pending"),
        lambda one: one.update(id="A" * 32),
        lambda one: one.update(subject="redis/crs-demo0001"),
        lambda one: one.update(source="keyturn/aws/eu-1"),
        lambda one: one.update(time="yesterday"),
        lambda one: one.update(specversion="0.3"),
        lambda one: one.pop("subject"),
        lambda one: one["data"].pop("Evidence"),
        lambda one: one["data"].update(Evidence=["x"] * 41),
        lambda one: one["data"].update(Evidence=["x" * 201]),
        lambda one: one["data"].update(Outcome="maybe"),
        lambda one: one["data"].update(Attempts=0),
        lambda one: one["data"].update(TaskId="7"),
        lambda one: one["data"].update(Error={"Class": "bad", "Code": None, "Message": "", "Retryable": False}),
        lambda one: one["data"].update(Stored={"Name": "ssm://x", "Version": "v", "Stage": "resolved?"}),
    ]
    for breaks in broken:
        made = copy.deepcopy(event)
        breaks(made)
        assert faults("result.json", made), made


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
            "Reply": st.sampled_from([True, False, None]),  # 1 is true to the model, and not to a schema
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
    "Function": st.sampled_from([*operations(), FOLLOW]),
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
def tries(draw: st.DrawFn, of: str = "") -> tuple[str, dict[str, Any]]:
    """A function, and its valid command with a few fields changed, left out or put in."""
    function = of or draw(st.sampled_from(functions()))
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
    declared = operations().get(function)
    new = declared.command.model_fields[declared.command.new_field].alias if declared else None
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
    check_try(*tried)


@pytest.mark.parametrize("function", operations())
@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_schema_of_each_operation_takes_what_its_model_takes(function: str, data: st.DataObject) -> None:
    check_try(*data.draw(tries(of=function)))


def check_try(function: str, data: dict[str, Any]) -> None:
    """The model and the schema say the same of a command."""
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


def test_a_released_promise_is_kept_or_the_version_says_so() -> None:
    released = sorted(program.RELEASED.glob("*.json"), key=lambda file: _numbers(file.stem))
    assert released, "python -m shared.workbench.schemas --release"
    last = released[-1]
    broken: list[str] = []
    for name, old in json.loads(last.read_text()).items():
        if name not in files():
            broken.append(f"{name}: is there no more")
            continue
        taken = name.endswith((".command.json", ".event.json"))
        found = breaking(old, json.loads(files()[name]), "taken" if taken else "sent")
        broken += [f"{name} {one}" for one in found]
    if not _moved(_numbers(last.stem), _numbers(openapi.version())):
        assert broken == [], f"breaks what {last.stem} promised: raise the version in pyproject.toml"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _moved(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether a version says that it breaks: by its major number, before 1.0 by its minor."""
    return new[:1] > old[:1] if old[0] else new[:2] > old[:2]


def test_a_release_is_kept_once(tmp_path: Path) -> None:
    place = written.release(tmp_path, files())
    assert place is not None
    kept = json.loads(place.read_text())
    assert kept.keys() == {name for name in files() if name not in ("openapi.json", "asyncapi.json")}
    assert written.release(tmp_path, files()) is None


RULES = [{"description": "Id needs Kind", "if": {"required": ["Id"]}, "then": {"required": ["Kind"]}}]
COMMAND = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "Id": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 9},
        "Kind": {"enum": ["a", "b"], "type": "string"},
        "Note": {"type": ["string", "null"]},
        "Inner": {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]},
        "List": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
    },
    "required": ["Id"],
    "allOf": RULES,
    "$defs": {"Inner": {"type": "object", "properties": {"Deep": {"type": "integer", "minimum": 1}}}},
}


def changed(*steps: str, to: Any) -> dict[str, Any]:
    """COMMAND with one thing put, or taken away where `to` is `...`."""
    made = copy.deepcopy(COMMAND)
    place: Any = made
    for step in steps[:-1]:
        place = place[step]
    if to is ...:
        del place[steps[-1]]
    else:
        place[steps[-1]] = to
    return made


@pytest.mark.parametrize(
    ("made", "as_command", "as_result"),
    [
        (changed("properties", "Note", to=...), ["/Note: is taken no longer"], ["/Note: is sent no longer"]),
        (changed("properties", "More", to={}), [], ["/More: is new where nothing may be"]),
        (changed("required", to=["Id", "Kind"]), ["/Kind: is required now"], []),
        (changed("required", to=[]), [], ["/Id: may be absent now"]),
        (changed("properties", "Note", to={"type": "string"}), ["/Note: null is taken no longer"], []),
        (changed("properties", "Id", "type", to=["string", "null"]), [], ["/Id: null may come now"]),
        (changed("properties", "Id", "minLength", to=3), ["/Id: minLength is narrower"], []),
        (changed("properties", "Id", "maxLength", to=10), [], ["/Id: maxLength is wider"]),
        (changed("properties", "Id", "maxLength", to=...), [], ["/Id: maxLength is wider"]),
        (changed("properties", "Id", "pattern", to="^.$"), ["/Id: pattern differs"], ["/Id: pattern differs"]),
        (changed("properties", "Id", "pattern", to=...), [], ["/Id: pattern differs"]),
        (changed("properties", "Note", "pattern", to="^.$"), ["/Note: pattern differs"], []),
        (changed("properties", "Kind", "enum", to=["a"]), ['/Kind: value "b" is taken no longer'], []),
        (changed("properties", "Kind", "enum", to=["a", "b", "c"]), [], ['/Kind: value "c" may come now']),
        (changed("properties", "Kind", "enum", to=...), [], ["/Kind: values are no longer enumerated"]),
        (changed("properties", "List", "maxItems", to=4), ["/List: maxItems is narrower"], []),
        (
            changed("properties", "List", "items", to={"type": "integer"}),
            ["/List/*: string is taken no longer"],
            ["/List/*: integer may come now"],
        ),
        (
            changed("$defs", "Inner", "properties", "Deep", "minimum", to=2),
            ["/Inner/Deep: minimum is narrower"],
            [],
        ),
        (
            changed("$defs", "Inner", "properties", to={}),
            ["/Inner/Deep: is read no longer"],
            ["/Inner/Deep: is sent no longer"],
        ),
        (changed("allOf", to=[]), [], ["/: a rule is gone: Id needs Kind"]),
        (
            changed("allOf", to=[*RULES, {"description": "new", "not": {"required": ["Note"]}}]),
            ["/: a rule is new: new"],
            [],
        ),
        (changed("additionalProperties", to=True), [], ["/: unknown members may come now"]),
        (changed("properties", "Id", "description", to="another text"), [], []),
        (changed("type", to="array"), None, None),
    ],
)
def test_a_breaking_change_is_named_by_its_place(
    made: dict[str, Any], as_command: list[str] | None, as_result: list[str] | None
) -> None:
    for direction, expected in (("taken", as_command), ("sent", as_result)):
        found = breaking(COMMAND, made, direction)  # type: ignore[arg-type]
        assert found == expected if expected is not None else found


def test_no_schema_breaks_itself() -> None:
    for name, text in files().items():
        if name not in ("openapi.json", "asyncapi.json"):
            schema = json.loads(text)
            assert breaking(schema, schema, "taken") == []
            assert breaking(schema, schema, "sent") == []


def test_nothing_that_ships_imports_the_types_of_the_schemas() -> None:
    for file in sorted((ROOT / "shared").rglob("*.py")):
        if "workbench" not in file.parts and file.name != "event_types.py":
            named = list(_named(file, ".".join(file.relative_to(ROOT).parent.parts)))
            assert not [name for name in named if name.endswith(".event_types")], file


def test_a_policys_schema_names_no_operation_so_that_another_one_breaks_nothing() -> None:
    schema = json.loads(files()[f"{PLAN}.command.json"])
    assert "enum" not in schema["properties"]["Function"]
    for function, operation in operations().items():
        assert f"- {function} takes a Length of" in schema["description"]
        assert function not in json.dumps(schema.get("allOf"))
        assert operation.rotation is not None
    assert PlanRotation.names == set(schema["properties"])
