"""serverless.yml: what it says of each function is true of the checkout, and the framework itself can read it."""

import json
import os
import re
import subprocess
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from functions import load_operation
from shared.commands.parsing import parse_model
from shared.handlers.rotation import policy_for
from shared.rotation.policy import PlanRotation
from shared.workbench.bundle.loading import load
from shared.workbench.bundle.operations import FOLLOW, PLAN, functions, operations
from shared.workbench.bundle.yaml_with_lines import Variables, read
from tests.support.programs import SERVERLESS, require_program

ROOT = Path(__file__).parents[2]
CLOUDS = ("tencent", "alibaba")
SIGNED = {"tencent": "CAM", "alibaba": "function"}
QUEUES = {"tencent": "ckafka", "alibaba": "smq"}


@cache
def functions_of(cloud: str) -> dict[str, Any]:
    document = read((ROOT / "serverless.yml").read_text(), "serverless.yml")
    functions: dict[str, Any] = Variables(document, {"CLOUD": cloud}, "serverless.yml").resolve(document["functions"])
    return functions


def triggers_of(function: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [pair for event in function["events"] for pair in event.items()]


EACH = [(cloud, name) for cloud in CLOUDS for name in functions_of(cloud)]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_function_is_listed_on_its_own_cloud(cloud: str) -> None:
    """An operation may stand on the other cloud's platform too; the two that serve all stand on both."""
    for name in functions_of(cloud):
        assert name in functions(), f"serverless.yml: {name}: there is no functions/{name}.py"
    for name in (PLAN, FOLLOW):
        assert name in functions_of(cloud), f"serverless.yml: no function for functions/{name}.py on {cloud}"


@pytest.mark.parametrize("function", operations())
def test_every_operation_is_listed(function: str) -> None:
    own = operations()[function].cloud
    assert function in functions_of(own), f"serverless.yml: no function for functions/{function}.py on {own}"


@pytest.mark.parametrize(("cloud", "name"), EACH)
def test_a_handler_is_its_file_and_can_be_imported(cloud: str, name: str) -> None:
    function = functions_of(cloud)[name]
    module, _, entry = function["handler"].partition(".")
    assert (function["name"], module) == (name, name)
    assert callable(getattr(import_module(f"functions.{module}"), entry))
    # SCF's rule for both parts of a handler, and for a function's name: 2 to 60 characters.
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z]", part) for part in (module, entry))


@pytest.mark.parametrize(("cloud", "name"), EACH)
def test_a_function_has_an_example_of_each_of_its_triggers(cloud: str, name: str) -> None:
    platform = {"tencent": "scf", "alibaba": "fc"}[cloud]
    for kind, _ in triggers_of(functions_of(cloud)[name]):
        trigger = "queue" if kind == QUEUES[cloud] else kind
        file = f"events/{name}/{platform}-{trigger}.json"
        assert (ROOT / file).is_file(), f"functions/{name}.py: no event {file}"


@pytest.mark.parametrize(("cloud", "name"), EACH)
def test_a_function_has_a_role_of_its_own(cloud: str, name: str) -> None:
    role = functions_of(cloud)[name]["role"]
    assert re.fullmatch(r"(acs:ram::\d{16}:role/)?keyturn-[a-z0-9-]+", role)
    assert sum(function["role"] == role for function in functions_of(cloud).values()) == 1


@pytest.mark.parametrize(("cloud", "name"), EACH)
def test_no_trigger_is_open_to_anybody(cloud: str, name: str) -> None:
    for kind, trigger in triggers_of(functions_of(cloud)[name]):
        assert kind in ("http", "timer", QUEUES[cloud])
        if kind == "http":
            assert (trigger["authType"], trigger["method"]) == (SIGNED[cloud], "POST")
        if kind == "timer":  # an example: whoever enables it says what it changes
            assert not trigger["enabled"] and not trigger.get("message")
            assert ("policy" in trigger) == (name == PLAN)
            assert len(trigger["cron"].split()) == 7


@pytest.mark.parametrize(("cloud", "name"), EACH)
def test_repeats_are_few(cloud: str, name: str) -> None:
    function = functions_of(cloud)[name]
    assert function["asyncRetries"] == 2
    few = {"tencent": 3, "alibaba": 176}[cloud]  # of EventBridge's two: over a day, at growing distances
    assert [trigger["retries"] for kind, trigger in triggers_of(function) if kind == QUEUES[cloud]] == [few]


@pytest.mark.parametrize(("cloud", "name"), EACH)
def test_a_function_runs_on_python_3_10_with_little_memory(cloud: str, name: str) -> None:
    function = functions_of(cloud)[name]
    runtime = {"tencent": "Python3.10", "alibaba": "python3.10"}[cloud]
    assert (function["runtime"], function["memorySize"]) == (runtime, 128)
    assert 1 <= function["timeout"] <= 900


@pytest.mark.parametrize(("cloud", "name"), EACH)
def test_the_environment_is_settings_and_no_secret(cloud: str, name: str) -> None:
    environment = functions_of(cloud)[name]["environment"]
    assert {"KEYTURN_RESULTS", "KEYTURN_COMMANDS", "KEYTURN_REGION"} <= environment.keys()
    # Both platforms keep their own prefixes to themselves, and take 4 KB in all.
    assert all(name.startswith("KEYTURN_") and isinstance(value, str) for name, value in environment.items())
    assert not any(re.search("SECRET|TOKEN|ACCESS_KEY|PASSWORD", name) for name in environment)
    assert not any("@" in value for value in environment.values())
    assert len(json.dumps(environment)) < 4096


@pytest.mark.parametrize(("cloud", "name"), EACH)
def test_lines_go_nowhere_in_particular_until_somebody_says_where(cloud: str, name: str) -> None:
    parts = {"tencent": ("logset", "topic"), "alibaba": ("project", "logstore")}[cloud]
    assert functions_of(cloud)[name]["logs"] == dict.fromkeys(parts, "")


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_file_is_a_description_without_a_mistake(cloud: str) -> None:
    described = load(ROOT / "serverless.yml", cloud, {})
    assert [spec.module for spec in described.functions] == list(functions_of(cloud))
    assert {own for spec in described.functions for own in spec.clouds} == {cloud}
    assert all(
        timer.cron.count(" ") == {"scf": 6, "fc": 5}[described.platform]
        for spec in described.functions
        for timer in spec.timers
    )


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_policy_of_a_timer_is_a_command_of_plan_rotation(cloud: str) -> None:
    (spec,) = (one for one in load(ROOT / "serverless.yml", cloud, {}).functions if one.module == "plan_rotation")
    (timer,) = spec.timers
    plan = parse_model(PlanRotation, json.loads(timer.message), PlanRotation.names)
    _, policy = policy_for(plan, load_operation)
    assert plan.function in functions_of(cloud)
    assert (plan.policy, policy.spelling.cloud) == (f"quarterly-{policy.spelling.service}", cloud)


@pytest.mark.parametrize("name", functions_of("alibaba"))
def test_an_smq_trigger_reads_the_queue_that_commands_for_its_function_go_to(name: str) -> None:
    function = functions_of("alibaba")[name]
    commands = function["environment"]["KEYTURN_COMMANDS"].replace("{function}", name.replace("_", "-"))
    assert [t["queue"] for kind, t in triggers_of(function) if kind == "smq"] == [commands.rpartition("/")[2]]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_framework_reads_the_file_without_a_complaint(cloud: str, tmp_path: Path) -> None:
    serverless = require_program(SERVERLESS)
    ours = {"CLOUD": cloud, "HOME": str(tmp_path), "CI": "true", "SLS_TELEMETRY_DISABLED": "1"}
    printed = subprocess.run(
        [serverless, "print", "--format", "json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "SLS_NOTIFICATIONS_MODE": "off", **ours},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (printed.returncode, printed.stderr) == (0, "")
    assert json.loads(printed.stdout)["functions"] == functions_of(cloud)
