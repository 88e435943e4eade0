"""plan, deploy and remove, against the stand-in's control planes through the vendors' own SDKs."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.description import (
    TimerTrigger,
)
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import access, commands, steps
from shared.workbench.deploy.call import address_of, function_called
from shared.workbench.deploy.plan import FunctionState, TriggerState, make_plan
from shared.workbench.deploy.shown import shown_value
from shared.workbench.environment.terminal import WIDEST, NobodyToAsk, Terminal
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.support.hello_function import write_zip
from tests.support.wrapped_lines import unwrapped
from tests.workbench.deploy_site import OWN, PASSWORD, Site, spec_of


def test_what_is_deployed_needs_nothing_more(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.deploy() == 0
    told = capsys.readouterr().out
    assert ("[1/" in told and ".tencentscf.com" in told) or ".fcapp.run" in told
    assert site.steps() == []
    assert site.deploy() == 0
    assert "nothing to change" in capsys.readouterr().out
    assert site.names() == {"hello", "goodbye"}


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
    assert "serverless.yml" in unwrapped(capsys.readouterr().err)
    assert site.names() == set()
    assert site.plan() == 0
    assert site.deploy() == 0
    assert not plan.exists()
    assert site.plan() == 0
    site.plane.delete_trigger("hello", "nightly", "timer")
    assert site.deploy() == 3
    assert "on the platform" in unwrapped(capsys.readouterr().err)


def test_a_failed_step_says_what_was_done_what_was_not_and_how_to_go_on(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.faults([{"Action": "CreateTrigger", "Fault": "code", "Code": "LimitExceeded.Trigger"}])
    assert site.deploy() == 1
    told = unwrapped(capsys.readouterr().err)
    assert "done: create function hello" in told and "not done: create trigger http (http) of hello" in told
    assert "run it again" in told
    assert site.deploy() == 0
    assert site.steps() == []


def test_where_an_answer_is_lost_deploy_looks_what_happened_and_goes_on(site: Site) -> None:
    faults = ("CreateFunction", "drop_after"), ("CreateTrigger", "drop_after"), ("CreateTrigger", "drop_before")
    site.cloud.faults([{"Action": action, "Fault": fault} for action, fault in faults])
    assert site.deploy() == 0
    assert sum(one["Action"] == "CreateFunction" for one in site.cloud.calls()) == 2
    assert site.steps() == []


def test_nothing_is_changed_until_somebody_agrees(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (commands.deploy, commands.remove):
        with pytest.raises(NobodyToAsk, match="YES=1"):
            command(site.work(YES=""))
        site.deploy()
    assert site.names() == {"hello", "goodbye"}
    monkeypatch.setattr("sys.stdin", _Typed("n"))
    work = site.work()
    work.terminal = Terminal(_Screen(), environ={})
    assert commands.remove(work) == 1
    assert site.names() == {"hello", "goodbye"}
    monkeypatch.setattr("sys.stdin", _Typed("y"))
    assert commands.remove(work) == 0
    assert site.names() == set()


class _Slow(Terminal):
    """A terminal at which somebody says yes after `meanwhile`."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def agrees(self, question: str) -> bool:
        self._meanwhile()
        return True


def test_an_answer_that_took_long_is_worth_what_the_platform_still_is(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.deploy()
    site.change("hello", timeout_s=9)
    commands_by_verb = (commands.deploy, commands.remove)
    monkeypatch.setattr(commands, "_QUESTION_S", -1.0)
    for command, (trigger, kind) in zip(commands_by_verb, (("nightly", "timer"), ("http", "http")), strict=True):
        work = site.work()
        work.terminal = _Slow(partial(site.plane.delete_trigger, "hello", trigger, kind))
        assert command(work) == commands.OUT_OF_DATE
        assert "has changed while the question was open" in unwrapped(capsys.readouterr().err)
        assert site.names() == {"hello", "goodbye"}
    assert "change settings hello" in site.steps()
    for command in commands_by_verb:
        work = site.work()
        work.terminal = _Slow(lambda: None)
        assert command(work) == 0
    assert site.names() == set()


class _Screen(io.StringIO):
    """A terminal's screen."""

    def isatty(self) -> bool:
        return True


class _Typed(_Screen):
    """A terminal at which somebody types one line."""

    def __init__(self, line: str) -> None:
        super().__init__(f"{line}\n")


def test_the_last_line_says_what_runs_where_and_what_to_type_next(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    platform, region = site.description.platform.upper(), site.description.region
    site.deploy()
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.search(rf"2 functions run on {platform} in {region}, after \d+ s\. Next: `make call CLOUD=", last)
    site.deploy()
    last = capsys.readouterr().out.splitlines()[-1]
    assert f"2 functions run on {platform} in {region}. Next: `make call CLOUD=" in last
    site.remove()
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.search(rf"removed 2 functions from {platform} in {region}, in \d+ s\. Next: `make deploy", last)


def test_a_step_that_is_taken_and_has_no_effect_is_told_and_nothing_is_done_after_it(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "SHOWN_WITHIN_S", 0.3)
    site.deploy()
    plane: Any = type(site.plane)
    monkeypatch.setattr(plane, "change_settings", lambda *_: None)
    site.change("hello", timeout_s=9, timers=())
    assert site.deploy() == 1
    told = unwrapped(capsys.readouterr().err)
    assert "change settings: the platform took it, and does not show it" in told
    assert "not done: delete trigger nightly" in told


def test_what_is_missing_is_told_first_with_its_remedy_and_stops_deploy(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    work = site.work()
    work.missing = lambda: (access.Missing("the role keyturn-hello", "`make bootstrap` makes it"),)
    (site.folder / "hello.zip").rename(site.folder / "away.zip")
    assert commands.deploy(work) == 1
    assert "missing: the role keyturn-hello: `make bootstrap` makes it" in capsys.readouterr().out
    (site.folder / "away.zip").rename(site.folder / "hello.zip")
    assert commands.plan(work) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[1:3]] == ["missing", "+ 2 functions, ~ 0, - 0; 3 triggers"]
    assert not (site.folder / "plan.json").exists()


def test_nothing_that_deploy_did_not_create_is_changed_or_removed(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = replace(site.description, service="another", functions=(spec_of(site.description.cloud, "theirs"),))
    write_zip(site.folder / "theirs.zip")
    ours, site.description = site.description, stranger
    assert site.deploy() == 0
    site.description = ours
    with pytest.raises(access.Refused, match="theirs belongs to the service another"):
        address_of(site.description, "theirs", site.environ)
    site.deploy()
    assert site.remove() == 0
    assert site.names() == {"theirs"}
    assert site.remove() == 0
    site.change("hello", name="theirs")
    (site.folder / "hello.zip").unlink()  # it is said before anything is built
    capsys.readouterr()
    assert (site.plan(), site.deploy()) == (1, 1)
    assert unwrapped(capsys.readouterr().err).count("theirs belongs to the service `another`") == 2


@pytest.mark.parametrize(("times", "says"), [(2, ""), (20, "the cloud has no time now; run it again in a minute")])
def test_whose_account_it_is_is_asked_until_it_is_known(
    site: Site, times: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.workbench.apis.calls._APART_S", 0.1)
    code, status = ("RequestLimitExceeded", 200) if site.description.cloud == "tencent" else ("Throttling.User", 429)
    fault = {"Action": "GetCallerIdentity", "Fault": "code", "Code": code, "Status": status, "Times": times}
    site.cloud.faults([fault])
    caller = access.api(site.description, site.environ)
    if not says:
        assert access.account_of_caller(site.description, caller)
        return
    with pytest.raises(access.Refused, match=says):
        access.account_of_caller(site.description, caller)


def test_a_token_beside_keys_that_need_none_is_named(site: Site) -> None:
    token = access.KEYS[site.description.cloud]["token"]
    caller = access.api(site.description, site.environ | {token: "an-older-token"})
    with pytest.raises(access.Refused, match=f"{token} is wrong or too old; keys that last have no token"):
        access.account_of_caller(site.description, caller)


def test_a_function_is_called_by_the_name_it_is_deployed_under(site: Site) -> None:
    site.change("hello", name="our_hello")
    assert site.deploy() == 0
    for known in ("hello", "our_hello"):
        spec = function_called(site.description, known)
        assert address_of(site.description, spec.name, site.environ)
    with pytest.raises(
        access.Refused,
        match=r"no function helo on this platform, did you mean `our_hello`\? known are: our_hello, goodbye",
    ):
        function_called(site.description, "helo")


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
    with pytest.raises(access.Refused, match=first):
        access.control_plane(site.description, {})
    elsewhere = dict.fromkeys(("KEYTURN_TENCENT_ENDPOINT", "KEYTURN_ALIBABA_ENDPOINT"), "http://203.0.113.9:80")
    with pytest.raises(access.Refused, match="this machine"):
        access.control_plane(site.description, site.environ | elsewhere)


def test_a_missing_package_is_said_before_anything_is_called(site: Site) -> None:
    (site.folder / "hello.zip").unlink()
    with pytest.raises(access.Refused, match="make package"):
        _ = site.packages
    assert site.calls() == 0


def test_a_package_too_large_for_a_request_is_said_before_anything_is_called(site: Site) -> None:
    (site.folder / "hello.zip").write_bytes(bytes(8_000_000))
    if site.description.platform == "scf":
        with pytest.raises(access.Refused, match="is over 7"):
            _ = site.packages
    else:
        assert site.packages
    assert site.calls() == 0


def test_functions_on_the_stand_in_call_the_stand_in_and_others_do_not(site: Site) -> None:
    local = access.stand_in_settings(site.description, site.environ)
    assert local.functions[0].environment["KEYTURN_ALIBABA_ENDPOINT"] == site.cloud.endpoint
    assert access.stand_in_settings(site.description, {}) == site.description


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("env KEYTURN_TENCENT_SECRET_KEY", "abc", "(hidden)"),
        ("env DB_PASSWORD", "abc", "(hidden)"),
        ("env SMTP_PASS", "abc", "(hidden)"),
        ("env DSN", "postgres://h/db?sslmode=off", "(hidden)"),
        ("env KEYTURN_WEBHOOK", "https://example.com/x?access=abc", "(hidden)"),
        ("env KEYTURN_LOG", "INFO", "INFO"),
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


def test_the_plan_of_the_whole_file_is_short_and_says_each_thing_once(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.description = load(ROOT / "serverless.yml", site.description.cloud, OWN[site.description.cloud], to="deploy")
    for spec in site.description.functions:
        write_zip(site.folder / f"{spec.module}.zip")
    assert site.plan() == 0
    told = capsys.readouterr().out
    assert len(told.splitlines()) < 44  # 60 with what is missing, and the lines of the build
    assert max(map(len, told.splitlines())) <= WIDEST
    assert told.count("memory MB: 128") == 1
    count = len(site.description.functions)
    assert f"+ {count} functions, ~ 0, - 0; {3 * count - 2} triggers" in told  # follow_change has one
    assert site.deploy() == 0
    capsys.readouterr()
    assert site.plan() == 0  # an account on which all of it runs
    assert "nothing to change" in (told := capsys.readouterr().out) and len(told.splitlines()) < 8
    for spec in site.description.functions:
        changed = [replace(timer, cron=timer.cron.replace(" 2 ", " 3 ")) for timer in spec.timers]
        environ = {**spec.environment, "KEYTURN_LOG": "DEBUG", "ORDERS": "1"}
        site.change(spec.name, memory_mb=256, timeout_s=9, async_retries=1, environment=environ, timers=tuple(changed))
    assert site.plan() == 0  # and all of it changes
    told = capsys.readouterr().out
    assert f"+ 0 functions, ~ {count}, - 0; {count - 1} triggers" in told
    assert len(told.splitlines()) < 80 and max(map(len, told.splitlines())) <= WIDEST
