"""Where functions write their lines: deployed, shown, changed, and left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.workbench.bundle.description import (
    Logs,
)
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.support.wrapped_lines import unwrapped
from tests.workbench.deploy_site import Site

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
    assert f"logs: {LOGS[name]} -> {OTHER[name]}" in " ".join(capsys.readouterr().out.split())
    assert (site.steps(), _held(site, "hello")) == ([], OTHER[name])


@pytest.mark.parametrize("not_so", [[], ["D9"]])
def test_where_logs_go_is_left_alone_if_nothing_is_said_of_it(
    site: Site, not_so: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = site.description.cloud
    site.cloud.reset(not_so=not_so, rate=1000)
    site.change("hello", logs=LOGS[name])
    site.deploy()
    site.change("hello", logs=None)
    assert site.steps() == []
    site.change("hello", timeout_s=9)
    capsys.readouterr()
    assert site.deploy() == 0
    assert "logs:" not in capsys.readouterr().out
    assert (site.steps(), _held(site, "hello")) == ([], LOGS[name])


def test_functions_without_a_place_for_logs_are_named_in_one_line(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # before it is deployed, and after
        assert site.plan() == 0
        said = [line for line in capsys.readouterr().out.splitlines() if "logging" in line]
        place = "`make bootstrap` makes a place; load settings.sh"
        assert said == [f"note: no logging is configured, so no alarm can see any function: {place}"]
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
    assert refusal in unwrapped(capsys.readouterr().err)
    assert _held(site, "hello") == Logs("", "")


@pytest.mark.parametrize("site", ["tencent"], indirect=True)
@pytest.mark.parametrize("not_so", [[], ["D17"]])
def test_scf_is_asked_to_keep_its_own_lines_out_of_the_log_once_a_function_is_there(
    site: Site, not_so: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.reset(not_so=not_so, rate=1000)
    assert site.deploy() == 0
    assert "change settings hello, goodbye\n    platform's log lines: off" in capsys.readouterr().out
    assert site.steps() == []
    held = {name: one["IgnoreSysLog"] for name, one in site.cloud.state()["scf"].items()}
    assert held == dict.fromkeys(("hello", "goodbye"), not not_so)
    given = {"FunctionName": "hello", "Description": f"keyturn:orders, code {site.packages['hello'].digest}"}
    call_scf(site.cloud, "UpdateFunctionConfiguration", **given, Role="keyturn-hello")
    assert site.steps() == ["change settings hello"]  # one that an earlier version deployed
    assert site.deploy() == 0
    assert "platform's log lines: on -> off" in capsys.readouterr().out
