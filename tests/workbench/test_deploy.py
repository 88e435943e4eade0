"""plan, deploy and remove, against the stand-in's control planes through the vendors' own SDKs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.workbench.bundle.description import (
    TimerTrigger,
)
from shared.workbench.deploy import commands
from shared.workbench.deploy.plan import FunctionState, TriggerState, make_plan, shown_value
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.support.hello_function import write_zip
from tests.workbench.deploy_site import PASSWORD, Site, deploy_until_killed, spec_of


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
        site.cloud.reset(active_s=0.02, planes_lag_s=0, rate=1000)
        killed = deploy_until_killed(site, f"{target[site.description.platform]}:return#{number}")
        # How often a function is asked for until it is active differs by a few calls from run to run.
        assert killed or number > calls - 4, f"not killed at call {number}"
        assert site.deploy() == 0
        assert site.steps() == [], f"killed at call {number}"


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
    site.cloud.faults([{"Action": "CreateTrigger", "Fault": "code", "Code": "LimitExceeded.Trigger"}])
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
    stranger = replace(site.description, service="another", functions=(spec_of(site.description.cloud, "theirs"),))
    write_zip(site.folder / "theirs.zip")
    theirs = commands.control_plane(stranger, site.environ)
    packages = commands.find_packages(stranger, site.folder.parent, build=False)
    assert commands.deploy(theirs, stranger, packages, site.folder) == 0
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
        given = {"FunctionName": "goodbye", "TriggerName": "by-hand", "Type": "timer", "TriggerDesc": "0 0 2 * * * *"}
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
    with pytest.raises(commands.Refused, match=first):
        commands.control_plane(site.description, {})
    elsewhere = dict.fromkeys(("KEYTURN_TENCENT_ENDPOINT", "KEYTURN_ALIBABA_ENDPOINT"), "http://203.0.113.9:80")
    with pytest.raises(commands.Refused, match="this machine"):
        commands.control_plane(site.description, site.environ | elsewhere)


def test_a_missing_package_is_said_before_anything_is_called(site: Site) -> None:
    (site.folder / "hello.zip").unlink()
    with pytest.raises(commands.Refused, match="make package"):
        _ = site.packages
    assert site.calls() == 0


def test_a_package_too_large_for_a_request_is_said_before_anything_is_called(site: Site) -> None:
    (site.folder / "hello.zip").write_bytes(bytes(8_000_000))
    if site.description.platform == "scf":
        with pytest.raises(commands.Refused, match="is over 7"):
            _ = site.packages
    else:
        assert site.packages
    assert site.calls() == 0


def test_functions_on_the_stand_in_call_the_stand_in_and_others_do_not(site: Site) -> None:
    local = commands.stand_in_settings(site.description, site.environ)
    assert local.functions[0].environment["KEYTURN_ALIBABA_ENDPOINT"] == site.cloud.endpoint
    assert commands.stand_in_settings(site.description, {}) == site.description


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
    assert shown_value(name, value) == expected


def test_what_could_not_be_made_is_deleted_first() -> None:
    settings = {"role": "r"}
    new = FunctionState("a", "1", settings, {}, (TriggerState("t", "timer", {"cron": "x"}),))
    old = replace(new, triggers=(), creation_failed=True)
    titles = [step.action for step in make_plan((new,), (old,)).steps]
    assert titles == ["delete function", "create function", "create trigger"]


def test_a_trigger_that_lets_anybody_call_is_pointed_out() -> None:
    open_door = TriggerState("open", "http", {"auth": "NONE"}, made_by_deploy=False)
    function = FunctionState("a", "1", {}, {}, (open_door,))
    assert any("ANYBODY" in note for note in make_plan((replace(function, triggers=()),), (function,)).notes)
