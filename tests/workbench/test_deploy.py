"""plan, deploy and remove, against the stand-in's control planes through the vendors' own SDKs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from shared.workbench.bundle.description import (
    CkafkaTrigger,
    Description,
    FunctionSpec,
    HttpTrigger,
    Logs,
    SmqTrigger,
    TimerTrigger,
)
from shared.workbench.deploy import deploy
from shared.workbench.deploy.control_plane import ControlPlane, Package
from shared.workbench.deploy.plan import Function, Trigger, draw, shown
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.cloud.invocation.bootstrap import kill_at
from tests.support.hello_function import write_zip

PLATFORMS: tuple[Literal["tencent", "alibaba"], ...] = ("tencent", "alibaba")
PASSWORD = "Hunter-2-Password"


class Site:
    """One description, its packages, and the person who deploys them."""

    def __init__(self, cloud: Standin, name: Literal["tencent", "alibaba"], folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder / name
        keys = cloud.credentials[name]
        names = deploy._KEYS[name]
        self.environ = {names[part]: keys[part] for part in ("id", "key", "token")}
        self.environ |= {"KEYTURN_TENCENT_ENDPOINT": cloud.endpoint, "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint}
        region = "ap-guangzhou" if name == "tencent" else "cn-hangzhou"
        specs = (_spec(name, "hello"), _spec(name, "goodbye", triggers=False))
        self.description = Description(name, "scf" if name == "tencent" else "fc", "orders", region, specs)
        for spec in specs:
            write_zip(self.folder / f"{spec.module}.zip")

    @property
    def plane(self) -> ControlPlane:
        return deploy.control_plane(self.description, self.environ)

    @property
    def packages(self) -> dict[str, Package]:
        return deploy.find_packages(self.description, self.folder.parent, build=False)

    def deploy(self) -> int:
        return deploy.deploy(self.plane, self.description, self.packages, self.folder)

    def plan(self) -> int:
        return deploy.plan(self.plane, self.description, self.packages, self.folder)

    def remove(self) -> int:
        return deploy.remove(self.plane, self.folder)

    def steps(self) -> list[str]:
        """The titles of what would be done now."""
        drawn, _, _ = deploy._draw(self.plane, self.description, self.packages)
        return [step.title() for step in drawn.steps]

    def change(self, which: str, **values: Any) -> None:
        """Say something else of one function."""
        specs = tuple(replace(one, **values) if one.name == which else one for one in self.description.functions)
        self.description = replace(self.description, functions=specs)

    def calls(self) -> int:
        return len(self.cloud.calls())

    def names(self) -> set[str]:
        return {one["Function"] for one in self.cloud.functions()}


def _spec(cloud: Literal["tencent", "alibaba"], name: str, *, triggers: bool = True) -> FunctionSpec:
    on_scf = cloud == "tencent"
    queue: CkafkaTrigger | SmqTrigger = SmqTrigger("orders", "orders", 3, 1, True)
    if on_scf:
        queue = CkafkaTrigger("ckafka-1-orders", "ckafka-1", "orders", 10, 1, 3, "latest", True)
    return FunctionSpec(
        name=name,
        module=name,
        handler="hello.main_handler",
        clouds=(cloud,),
        runtime="Python3.10" if on_scf else "python3.10",
        memory_mb=128,
        timeout_s=5,
        role="keyturn-hello" if on_scf else "acs:ram::1000000000000001:role/keyturn-hello",
        environment={"KEYTURN_LOG": "INFO", "KEYTURN_ALLOW": "", "ORDERS_PASSWORD": PASSWORD},
        concurrency=1,
        async_retries=2,
        dead_letter=None,
        destinations=None,
        http=HttpTrigger("http", "CAM" if on_scf else "function") if triggers else None,
        timers=(TimerTrigger("nightly", "0 0 2 * * * *" if on_scf else "0 0 2 * * *", False, ""),) if triggers else (),
        queues=(queue,) if triggers else (),
        budget_mb=1.0,
        line=1,
    )


@pytest.fixture(params=PLATFORMS)
def site(request: pytest.FixtureRequest, cloud: Standin, tmp_path: Path) -> Iterator[Site]:
    cloud.reset(active_s=0.02, rate=1000)
    yield Site(cloud, request.param, tmp_path)
    cloud.reset()


def test_what_is_deployed_needs_nothing_more(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.deploy() == 0
    told = capsys.readouterr().out
    assert ("[1/" in told and ".tencentscf.com" in told) or ".fcapp.run" in told
    assert site.steps() == []
    assert site.deploy() == 0
    assert "nothing to change" in capsys.readouterr().out
    assert site.names() == {"hello", "goodbye"}


def test_a_deploy_killed_at_any_call_is_finished_by_the_next(site: Site) -> None:
    before = site.calls()
    assert site.deploy() == 0
    calls = site.calls() - before
    target = {"scf": "shared.workbench.deploy.scf:ScfPlane._once", "fc": "shared.workbench.deploy.fc:_once"}
    for number in range(1, calls + 1):
        site.cloud.reset(active_s=0.02, rate=1000)
        killed = _killed(site, f"{target[site.description.platform]}:return#{number}")
        # How often a function is asked for until it is active differs by a few calls from run to run.
        assert killed or number > calls - 4, f"not killed at call {number}"
        assert site.deploy() == 0
        assert site.steps() == [], f"killed at call {number}"


def _killed(site: Site, point: str) -> bool:
    """Deploy in a child process that ends by SIGKILL at a point; whether it did."""
    child = os.fork()
    if child == 0:
        try:
            kill_at(point)
            site.deploy()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_changes_are_shown_from_and_to_and_then_made(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.deploy()
    site.change("hello", timeout_s=9, environment={"KEYTURN_LOG": "DEBUG", "ORDERS_PASSWORD": "Another-1"}, timers=())
    write_zip(site.folder / "goodbye.zip", {"hello.py": "def main_handler(event, context): return 2\n"})
    capsys.readouterr()
    assert site.deploy() == 0
    told = capsys.readouterr().out
    assert "timeout s: 5 -> 9" in told and "env KEYTURN_LOG: INFO -> DEBUG" in told
    assert "change code goodbye" in told and "delete trigger nightly" in told
    assert "create function" not in told
    assert "Another" not in told and PASSWORD not in told
    assert site.steps() == []


LOGS = {
    "tencent": Logs("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"),
    "alibaba": Logs("orders", "keyturn-lines"),
}
OTHER = {
    "tencent": Logs("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000c"),
    "alibaba": Logs("orders", "other-lines"),
}


def _held(site: Site, function: str) -> Logs:
    """Where the platform puts a function's lines."""
    if site.description.cloud == "tencent":
        shown = call_scf(site.cloud, "GetFunction", FunctionName=function)
        return Logs(shown["ClsLogsetId"], shown["ClsTopicId"])
    from alibabacloud_fc20230330 import models

    shown = fc_client(site.cloud).get_function(function, models.GetFunctionRequest()).body.to_map().get("logConfig", {})
    assert shown.get("logBeginRule", "None") == "None"
    return Logs(shown.get("project", ""), shown.get("logstore", ""))


def test_logs_go_to_one_place_and_then_nothing_is_left_to_change(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    name = site.description.cloud
    site.change("hello", logs=LOGS[name])
    assert site.deploy() == 0  # with its creation
    assert f"logs: {LOGS[name]}" in capsys.readouterr().out
    assert (_held(site, "hello"), _held(site, "goodbye")) == (LOGS[name], Logs("", ""))
    site.change("goodbye", logs=LOGS[name])
    assert site.steps() == ["change settings goodbye"]
    assert site.deploy() == 0  # afterwards
    assert (site.steps(), _held(site, "goodbye")) == ([], LOGS[name])
    capsys.readouterr()
    assert site.plan() == 0
    told = capsys.readouterr().out
    assert "nothing to change" in told and "logging" not in told


def test_another_place_for_logs_is_shown_from_and_to(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    name = site.description.cloud
    site.change("hello", logs=LOGS[name])
    site.deploy()
    site.change("hello", logs=OTHER[name])
    capsys.readouterr()
    assert site.deploy() == 0
    assert f"logs: {LOGS[name]} -> {OTHER[name]}" in capsys.readouterr().out
    assert (site.steps(), _held(site, "hello")) == ([], OTHER[name])


def test_where_logs_go_is_left_alone_if_nothing_is_said_of_it(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    name = site.description.cloud
    site.change("hello", logs=LOGS[name])
    site.deploy()
    site.change("hello", logs=None)
    assert site.steps() == []
    site.change("hello", timeout_s=9)
    capsys.readouterr()
    assert site.deploy() == 0
    assert "logs:" not in capsys.readouterr().out
    assert (site.steps(), _held(site, "hello")) == ([], LOGS[name])


def test_functions_of_fc_without_a_place_for_logs_are_named_in_one_line(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # before it is deployed, and after
        assert site.plan() == 0
        said = [line for line in capsys.readouterr().out.splitlines() if "logging" in line]
        on_fc = ["note: no logging is configured (`logs`), so no alarm can see hello, goodbye"]
        assert said == (on_fc if site.description.platform == "fc" else [])
        site.deploy()
        capsys.readouterr()


@pytest.mark.parametrize("site", ["alibaba"], indirect=True)
def test_lines_that_fc_would_join_are_taken_apart_again(site: Site) -> None:
    from alibabacloud_fc20230330 import models

    site.change("hello", logs=LOGS["alibaba"])
    site.deploy()
    joined = models.LogConfig(project="orders", logstore="keyturn-lines", log_begin_rule="DefaultRegex")
    body = models.UpdateFunctionInput(log_config=joined)
    fc_client(site.cloud).update_function("hello", models.UpdateFunctionRequest(body=body))
    assert site.steps() == ["change settings hello"]
    assert site.deploy() == 0
    assert _held(site, "hello") == LOGS["alibaba"]


@pytest.mark.parametrize("half", ["group", "topic", "form"])
def test_the_platform_refuses_half_a_place_for_logs(site: Site, half: str, capsys: pytest.CaptureFixture[str]) -> None:
    site.deploy()
    site.change(
        "hello", logs=replace(LOGS[site.description.cloud], **{"form": {"topic": "No such"}}.get(half, {half: ""}))
    )
    capsys.readouterr()
    assert site.deploy() == 1
    refusal = {"scf": "InvalidParameterValue.Cls", "fc": "InvalidArgument"}[site.description.platform]
    assert refusal in capsys.readouterr().err
    assert _held(site, "hello") == Logs("", "")


def test_what_was_changed_by_hand_is_put_back(site: Site) -> None:
    site.deploy()
    if site.description.cloud == "tencent":
        desc = '{"AuthType":"NONE","NetConfig":{"EnableIntranet":false,"EnableExtranet":true}}'
        given = {"FunctionName": "hello", "TriggerName": "http", "Type": "http", "TriggerDesc": desc}
        call_scf(site.cloud, "UpdateTrigger", **given, Enable="OPEN")
    else:
        fc_client(site.cloud).delete_trigger("hello", "http")
    assert [title.partition(" ")[2] for title in site.steps()] == ["trigger http (http) of hello"]
    assert site.deploy() == 0
    assert site.steps() == []


def test_a_plan_is_done_as_it_was_shown_and_not_when_either_side_has_changed(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.plan() == 0
    plan = site.folder / "plan.json"
    assert plan.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in plan.read_text() + capsys.readouterr().out
    site.change("hello", timeout_s=7)
    assert site.deploy() == 3
    assert "serverless.yml" in capsys.readouterr().err
    assert site.names() == set()
    assert site.plan() == 0
    assert site.deploy() == 0
    assert not plan.exists()
    assert site.plan() == 0
    site.plane.delete_trigger("hello", "nightly", "timer")
    assert site.deploy() == 3
    assert "on the platform" in capsys.readouterr().err


def test_a_failed_step_says_what_was_done_what_was_not_and_how_to_go_on(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.faults([{"Action": "CreateTrigger", "Fault": "lock"}])
    assert site.deploy() == 1
    told = capsys.readouterr().err
    assert "done: create function hello" in told and "not done: create trigger http (http) of hello" in told
    assert "run it again" in told
    assert site.deploy() == 0
    assert site.steps() == []


def test_an_answer_that_is_lost_is_called_so_and_the_next_run_sees_what_happened(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.faults([{"Action": "CreateFunction", "Fault": "drop_after"}])
    assert site.deploy() == 1
    assert "may have had its effect" in capsys.readouterr().err
    assert site.deploy() == 0
    assert sum(one["Action"] == "CreateFunction" for one in site.cloud.calls()) == 2


def test_nothing_that_deploy_did_not_create_is_changed_or_removed(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = replace(site.description, service="another", functions=(_spec(site.description.cloud, "theirs"),))
    write_zip(site.folder / "theirs.zip")
    theirs = deploy.control_plane(stranger, site.environ)
    assert (
        deploy.deploy(theirs, stranger, deploy.find_packages(stranger, site.folder.parent, build=False), site.folder)
        == 0
    )
    site.deploy()
    assert site.remove() == 0
    assert site.names() == {"theirs"}
    assert site.remove() == 0
    site.change("hello", name="theirs")
    assert site.deploy() == 1
    assert "did not create it" in capsys.readouterr().err


def test_what_the_description_no_longer_names_is_removed(site: Site) -> None:
    site.deploy()
    site.description = replace(site.description, functions=site.description.functions[1:])
    assert site.deploy() == 0
    assert site.names() == {"goodbye"}


def test_a_trigger_made_by_hand_is_left_and_named_and_keeps_its_function(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.deploy()
    plane: Any = site.plane
    spec = replace(
        site.description.functions[1], timers=(TimerTrigger("by-hand", _CRON[site.description.platform], True, "m"),)
    )
    plane.create_trigger(spec, "by-hand")
    mine = {"scf": {"Description": ""}, "fc": {}}[site.description.platform]
    if mine:
        desc = '{"cron":"0 0 2 * * * *"}'
        given = {"FunctionName": "goodbye", "TriggerName": "by-hand", "Type": "timer", "TriggerDesc": desc}
        call_scf(site.cloud, "UpdateTrigger", **given, **mine)
    else:
        from alibabacloud_fc20230330 import models

        body = models.UpdateTriggerInput(description="mine")
        fc_client(site.cloud).update_trigger("goodbye", "by-hand", models.UpdateTriggerRequest(body=body))
    assert site.steps() == []
    capsys.readouterr()
    assert site.remove() == 1
    assert "by-hand" in capsys.readouterr().out
    assert site.names() == {"goodbye"}


_CRON = {"scf": "0 0 2 * * * *", "fc": "0 0 2 * * *"}


def test_who_deploys_must_be_said_and_plain_http_is_for_this_machine(site: Site) -> None:
    first = next(iter(site.environ))
    with pytest.raises(deploy.Refused, match=first):
        deploy.control_plane(site.description, {})
    elsewhere = dict.fromkeys(("KEYTURN_TENCENT_ENDPOINT", "KEYTURN_ALIBABA_ENDPOINT"), "http://203.0.113.9:80")
    with pytest.raises(deploy.Refused, match="this machine"):
        deploy.control_plane(site.description, site.environ | elsewhere)


def test_a_missing_package_is_said_before_anything_is_called(site: Site) -> None:
    (site.folder / "hello.zip").unlink()
    with pytest.raises(deploy.Refused, match="make package"):
        _ = site.packages
    assert site.calls() == 0


def test_a_package_too_large_for_a_request_is_said_before_anything_is_called(site: Site) -> None:
    (site.folder / "hello.zip").write_bytes(bytes(8_000_000))
    if site.description.platform == "scf":
        with pytest.raises(deploy.Refused, match="is over 7"):
            _ = site.packages
    else:
        assert site.packages
    assert site.calls() == 0


def test_functions_on_the_stand_in_call_the_stand_in_and_others_do_not(site: Site) -> None:
    local = deploy.stand_in_settings(site.description, site.environ)
    assert local.functions[0].environment["KEYTURN_ALIBABA_ENDPOINT"] == site.cloud.endpoint
    assert deploy.stand_in_settings(site.description, {}) == site.description


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("env KEYTURN_TENCENT_SECRET_KEY", "abc", "(hidden)"),
        ("env DB_PASSWORD", "abc", "(hidden)"),
        ("env KEYTURN_RESULTS", "amqps://me:word@mq.example.com:5671/v?queue=q", "amqps://(hidden)@mq.example.com:5671/v?queue=q"),
        ("env KEYTURN_RESULTS", "ckafka://ap-guangzhou/datahub-x", "ckafka://ap-guangzhou/datahub-x"),
        ("message", "{}", "(hidden)"),
        ("timeout s", 5, "5"),
        ("enabled", False, "false"),
    ],
)  # fmt: skip
def test_a_setting_that_may_be_secret_is_hidden(name: str, value: Any, expected: str) -> None:
    assert shown(name, value) == expected


def test_what_could_not_be_made_is_deleted_first() -> None:
    settings = {"role": "r"}
    new = Function("a", "1", settings, {}, (Trigger("t", "timer", {"cron": "x"}),))
    old = replace(new, triggers=(), unmade=True)
    titles = [step.action for step in draw((new,), (old,)).steps]
    assert titles == ["delete function", "create function", "create trigger"]


def test_a_trigger_that_lets_anybody_call_is_pointed_out() -> None:
    open_door = Trigger("open", "http", {"auth": "NONE"}, ours=False)
    function = Function("a", "1", {}, {}, (open_door,))
    assert any("ANYBODY" in note for note in draw((replace(function, triggers=()),), (function,)).notes)
