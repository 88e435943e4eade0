"""plan, deploy and remove on control planes that lag, fail, or are otherwise than claims.toml says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.workbench.bundle.description import CkafkaTrigger, DeadLetter, Destinations, Network, SmqTrigger
from shared.workbench.deploy import commands, control_plane, fc, steps
from shared.workbench.deploy.plan import Marks
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.support.forked import run_until_killed
from tests.support.wrapped_lines import unwrapped
from tests.workbench.deploy_site import PLATFORMS, Site

WORLDS: list[tuple[str, dict[str, Any]]] = [
    *(("tencent", {"not_so": [claim]}) for claim in ("D3", "D5", "D6", "D7", "D8", "D9", "D19")),
    *(("alibaba", {"not_so": [claim]}) for claim in ("D7", "D9", "E4", "E5", "E11", "E12")),
    *(("alibaba", {"fc_state": state}) for state in ("Pending", "")),
    *((name, {"planes_lag_s": 1.0}) for name in PLATFORMS),
    *((name, {"active_s": 0.6, "planes_lag_s": 0.3}) for name in PLATFORMS),
]
STOPS = {
    "tencent": {"D1": "create trigger nightly", "P10": "Runtime", "P11": "Environment"},
    "alibaba": {"E2": "create trigger orders"},
}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never shows, or never ends, is waited for, but not for long."""
    monkeypatch.setattr(fc, "_UPDATE_S", 0.5)
    monkeypatch.setattr(control_plane, "_STALE_S", 1.0)
    monkeypatch.setattr(control_plane, "_READY_WITHIN_S", 2.0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (steps, commands):
        monkeypatch.setattr(module, "SHOWN_WITHIN_S", 0.5)


@pytest.mark.parametrize(("site", "world"), WORLDS, ids=str, indirect=["site"])
def test_what_is_deployed_needs_nothing_more_in_every_world_and_is_removed(
    site: Site, world: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.reset(**world)
    site.change("hello", environment={"KEYTURN_LOG": "INFO"})
    assert site.deploy() == 0
    assert "hello: https://" in capsys.readouterr().out
    assert site.steps() == []
    site.change("hello", timeout_s=9, environment={}, timers=())
    assert site.deploy() == 0
    assert site.steps() == []
    assert site.remove() == 0
    assert site.names() == set()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("site", "claim"), [(name, claim) for name, claims in STOPS.items() for claim in claims], indirect=["site"]
)
def test_where_a_platform_is_otherwise_deploy_stops_says_so_and_touches_nothing_else(
    site: Site, claim: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.reset(not_so=[claim])
    assert site.deploy() == 1
    assert STOPS[site.description.cloud][claim] in unwrapped(capsys.readouterr().err)
    assert "goodbye" not in site.names()
    site.cloud.reset()
    assert site.deploy() == 0


def test_a_function_is_known_by_its_description_where_no_tag_shows_and_by_its_tag_where_somebody_wrote_over_that(
    site: Site,
) -> None:
    site.cloud.reset(not_so=["D7"])
    assert site.deploy() == 0
    assert site.remove() == 0
    assert site.names() == set()
    site.cloud.reset()
    site.deploy()
    if site.description.platform == "scf":
        call_scf(site.cloud, "UpdateFunctionConfiguration", FunctionName="hello", Description="mine")
    else:
        from alibabacloud_fc20230330 import models

        body = models.UpdateFunctionInput(description="mine")
        fc_client(site.cloud).update_function("hello", models.UpdateFunctionRequest(body=body))
    assert site.remove() == 0
    assert site.names() == set()


@pytest.mark.parametrize(
    ("tag", "description", "expected"),
    [
        ("orders", None, ("orders", "")),
        (None, f"keyturn:orders, code {'a' * 64}", ("orders", "a" * 64)),
        ("orders", f"keyturn, code {'b' * 32}", ("orders", "b" * 32)),
        (None, f"keyturn, code {'b' * 32}", ("", "b" * 32)),
        ("orders", f"keyturn:another, code {'a' * 64}", ("another", "a" * 64)),
        ("another", f"keyturn:orders, code {'a' * 64}", ("another", "a" * 64)),
        (None, "keyturn:orders is fine", ("", "")),
        ("orders", "keyturn:another, hands off", ("another", "")),
        (None, "keyturn:another", ("another", "")),
    ],
)
def test_whose_a_function_is_by_its_two_marks(
    tag: str | None, description: str | None, expected: tuple[str, str]
) -> None:
    tags = [{"Key": "team", "Value": "a"}, *([{"Key": "keyturn", "Value": tag}] if tag else [])]
    marks = Marks.read("orders", tags, description)
    assert (marks.service, marks.code) == expected


@pytest.mark.usefixtures("impatient")
def test_an_address_that_never_shows_is_said_and_stops_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.cloud.reset(not_so=["D2"])
    for _ in range(2):
        assert site.deploy() == 0
        assert "hello: its address does not show yet" in capsys.readouterr().out
    assert site.steps() == []


def test_a_deploy_that_was_killed_waits_for_the_tag_of_what_it_made(site: Site) -> None:
    site.cloud.reset(planes_lag_s=1.0)
    target = {"scf": "shared.workbench.deploy.scf:ScfPlane.create", "fc": "shared.workbench.deploy.fc:FcPlane.create"}
    assert run_until_killed(site.deploy, f"{target[site.description.platform]}:return#1")
    assert site.deploy() == 0
    assert site.names() == {"hello", "goodbye"}


def test_a_deletion_that_is_over_before_its_name_is_free_stops_deploy_and_the_next_goes_on(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.reset(not_so=["D5"], active_s=2.0 if site.description.platform == "scf" else 0.2)
    site.cloud.faults([{"Action": "CreateFunction", "Fault": "fail_task"}])
    assert site.deploy() == 1
    told = unwrapped(capsys.readouterr().err)
    assert "Failed (Internal" in told and "free text" in told
    if site.description.platform == "scf":
        assert site.deploy() == 1
        assert "ResourceInUse" in unwrapped(capsys.readouterr().err)
        site.cloud.advance(3)
    assert site.deploy() == 0
    assert site.steps() == []


@pytest.mark.parametrize(
    ("site", "action"),
    [("tencent", "UpdateFunctionConfiguration"), ("tencent", "UpdateFunctionCode"), ("alibaba", "UpdateFunction")],
    indirect=["site"],
)
def test_an_update_that_fails_is_named_by_its_code_and_made_again(
    site: Site, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.deploy()
    (site.folder / "hello.zip").write_bytes((site.folder / "hello.zip").read_bytes() + b"\0")
    capsys.readouterr()
    site.cloud.faults([{"Action": action, "Fault": "fail_task"}])
    if site.deploy() != 0:
        assert "InternalError" in unwrapped(capsys.readouterr().err)
    assert site.deploy() == 0  # where the failure showed too late, the platform's own digest tells of it
    assert site.steps() == []


@pytest.mark.parametrize("site", ["tencent"], indirect=True)
def test_a_deletion_that_fails_is_said_and_made_again(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.deploy()
    site.cloud.faults([{"Action": "DeleteFunction", "Fault": "fail_task"}])
    assert site.remove() == 1
    assert "DeleteFailed (InternalError.System: A free text" in unwrapped(capsys.readouterr().err)
    assert site.remove() == 0
    assert site.names() == set()


@pytest.mark.parametrize("not_so", [[], ["D3", "E5"]])
def test_a_trigger_whose_source_changes_is_made_anew_and_the_plan_says_so(
    site: Site, not_so: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.reset(not_so=not_so)
    site.deploy()
    (old,) = site.description.functions[0].queues
    new: CkafkaTrigger | SmqTrigger
    if isinstance(old, CkafkaTrigger):
        new, said = replace(old, offset="earliest"), "offset: latest -> earliest"
    else:
        new, said = replace(old, queue="returns"), "queue: orders -> returns"
    site.change("hello", queues=(new,))
    capsys.readouterr()
    assert site.plan() == 0
    told = capsys.readouterr().out
    assert f"- delete trigger {old.name} (queue) of hello\n    {said}" in told
    assert f"note: hello: trigger {old.name} is made anew, since its {said.partition(':')[0]} cannot be changed" in told
    assert site.deploy() == 0
    assert site.steps() == []
    site.change("hello", queues=(replace(new, batch=2),))
    assert site.steps() == [f"change trigger {old.name} (queue) of hello"]
    assert site.deploy() == 0
    assert site.steps() == []


@pytest.mark.parametrize("site", ["alibaba"], indirect=True)
@pytest.mark.parametrize("not_so", [[], ["E4"]])
def test_a_destination_is_taken_off_whether_a_put_replaces_or_keeps(site: Site, not_so: list[str]) -> None:
    site.cloud.reset(not_so=not_so)
    arn = "acs:mns:cn-hangzhou:1000000000000001:/queues/ends/messages"
    for ends in (Destinations(arn, arn), Destinations(None, arn), Destinations(arn, None), None):
        site.change("hello", destinations=ends)
        assert site.deploy() == 0
        assert site.steps() == []
    from alibabacloud_fc20230330 import models

    got = fc_client(site.cloud).get_async_invoke_config("hello", models.GetAsyncInvokeConfigRequest()).body.to_map()
    assert (got["maxAsyncRetryAttempts"], got.get("destinationConfig", {})) == (2, {})


@pytest.mark.parametrize("site", ["tencent"], indirect=True)
@pytest.mark.parametrize("not_so", [[], ["D8"]])
def test_a_dead_letter_that_no_call_takes_off_is_taken_off_by_a_new_function_and_the_plan_says_so(
    site: Site, not_so: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.reset(not_so=not_so, rate=1000)
    site.change("hello", dead_letter=DeadLetter("cmq-queue", "lost"))
    site.deploy()
    site.change("hello", dead_letter=None)
    capsys.readouterr()
    assert site.plan() == 0
    told = capsys.readouterr().out
    assert "hello: is made anew, with its triggers: no call takes off its dead letter CMQ-QUEUE lost" in told
    assert "+ 0 functions, ~ 1, - 0; 3 triggers" in told
    assert site.deploy() == 0
    assert site.steps() == []
    shown = call_scf(site.cloud, "GetFunction", FunctionName="hello")
    assert not (shown.get("DeadLetterConfig") or {}).get("Name")


@pytest.mark.parametrize("site", ["alibaba"], indirect=True)
def test_calls_that_fc_throttles_are_made_again_by_code_or_by_status(site: Site) -> None:
    site.cloud.faults(
        [
            {"Action": "CreateTrigger", "Fault": "throttle"},
            {"Action": "CreateFunction", "Fault": "code", "Code": "ResourceThrottled", "Status": 429},
            {"Action": "ListFunctions", "Fault": "code", "Code": "InternalServerError", "Status": 503},
        ]
    )
    assert site.deploy() == 0
    site.cloud.faults(
        [{"Action": "PutAsyncInvokeConfig", "Fault": "code", "Code": "InternalServerError", "Status": 500}]
    )
    site.change("hello", async_retries=1)
    assert site.deploy() == 0


@pytest.mark.parametrize("site", ["tencent"], indirect=True)
def test_calls_that_scf_throttles_and_reads_that_get_no_answer_are_made_again(site: Site) -> None:
    site.cloud.faults(
        [
            {"Action": "CreateTrigger", "Fault": "throttle"},
            {"Action": "CreateFunction", "Fault": "code", "Code": "RequestLimitExceeded.GlobalRegionUinLimitExceeded"},
            {"Action": "GetFunction", "Fault": "code", "Code": "InternalError"},
            {"Action": "ListFunctions", "Fault": "drop_before"},
            {"Action": "ListTriggers", "Fault": "drop_after"},
        ]
    )
    assert site.deploy() == 0
    assert site.steps() == []


@pytest.mark.parametrize(("not_so", "ends"), [([], 0), (["D13"], 1)])
@pytest.mark.parametrize("site", ["tencent"], indirect=True)
def test_the_last_variable_is_taken_off_by_an_empty_pair(site: Site, not_so: list[str], ends: int) -> None:
    site.cloud.reset(not_so=not_so)
    site.deploy()
    site.change("hello", environment={})
    assert site.deploy() == ends
    assert bool(site.steps()) is bool(ends)


def test_a_change_that_the_state_refuses_for_a_moment_is_made_again_and_one_that_it_refuses_for_good_is_said(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.faults([{"Action": "CreateTrigger", "Fault": "lock", "Times": 2}])
    assert site.deploy() == 0
    site.cloud.faults([{"Action": "DeleteTrigger", "Fault": "lock", "Times": 100}])
    site.change("hello", timers=())
    capsys.readouterr()
    assert site.deploy() == 1
    assert {"scf": "FunctionStatusError", "fc": "FunctionNotReady"}[site.description.platform] in unwrapped(
        capsys.readouterr().err
    )


NETWORKS = {
    "tencent": (Network("vpc-1234abcd", ("subnet-1234abcd",)), Network("vpc-1234abcd", ("subnet-5678abcd",))),
    "alibaba": (Network("vpc-1a", ("vsw-1a", "vsw-2a"), "sg-1a"), Network("vpc-1a", ("vsw-2a",), "sg-1a")),
}


def test_a_private_network_is_given_changed_and_taken_away(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = NETWORKS[site.description.cloud]
    for network in (first, second, None):
        site.change("hello", network=network)
        assert site.deploy() == 0
        assert site.steps() == []
    assert f"private network: {first} -> {second}" in capsys.readouterr().out


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("site", ["tencent"], indirect=True)
def test_a_network_that_an_empty_one_does_not_take_away_is_told(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.cloud.reset(not_so=["D15"])
    site.change("hello", network=NETWORKS["tencent"][0])
    assert site.deploy() == 0
    site.change("hello", network=None)
    assert site.deploy() == 1
    assert "does not show it" in unwrapped(capsys.readouterr().err)


@pytest.mark.parametrize(("site", "not_so", "ends"), [("alibaba", [], 1), ("alibaba", ["E10"], 0)], indirect=["site"])
def test_a_role_without_the_rights_for_a_network_is_told(
    site: Site, not_so: list[str], ends: int, capsys: pytest.CaptureFixture[str]
) -> None:
    roles = {
        "keyturn-hello": {
            "policies": [{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["kms:*"], "Resource": ["*"]}]}]
        }
    }
    site.cloud.reset(not_so=not_so, ram={"roles": roles})
    site.change("hello", network=NETWORKS["alibaba"][0])
    assert site.deploy() == ends
    assert ("CreateFunction: AccessDenied" in unwrapped(capsys.readouterr().err)) is bool(ends)


@pytest.mark.parametrize("site", ["alibaba"], indirect=True)
@pytest.mark.parametrize("code", ["", "ServiceLinkedRoleNotExist", "NotOpen"])
def test_a_trigger_that_eventbridge_refuses_is_said_with_what_to_do(
    site: Site, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.reset(activated={"eventbridge": bool(code)})
    if code:  # which FC gives is not published
        site.change("hello", http=None, timers=())
        site.cloud.faults([{"Action": "CreateTrigger", "Fault": "code", "Code": code, "Status": 403}])
    assert site.deploy() == 1
    told = unwrapped(capsys.readouterr().err)
    assert "a trigger on an SMQ queue needs EventBridge: `make bootstrap CLOUD=alibaba`" in told
    assert "not done: create trigger orders (queue) of hello" in told
    site.cloud.reset()
    assert site.deploy() == 0
