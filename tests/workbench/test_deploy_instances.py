"""How many instances a function may have at once: planned, deployed, shown, left alone, and taken away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import commands
from shared.workbench.deploy.plan import Bound, FunctionState, make_plan
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.support.wrapped_lines import unwrapped
from tests.workbench.deploy_site import Site


def held(site: Site, function: str) -> int | None:
    """The bound that the platform has, in instances."""
    if site.description.cloud == "tencent":
        reserved_mb = call_scf(site.cloud, "GetReservedConcurrencyConfig", FunctionName=function)["ReservedMem"]
        memory_mb = call_scf(site.cloud, "GetFunction", FunctionName=function)["MemorySize"]
        return None if reserved_mb is None else int(reserved_mb // memory_mb)
    try:
        return int(fc_client(site.cloud).get_concurrency_config(function).body.reserved_concurrency)
    except Exception as error:
        assert getattr(error, "code", "") == "OnDemandConfigNotFound"
        return None


def set_by_hand(site: Site, function: str, instances: int) -> None:
    if site.description.cloud == "tencent":
        given = {"FunctionName": function, "ReservedConcurrencyMem": instances * 128}
        call_scf(site.cloud, "PutReservedConcurrencyConfig", **given)
        return
    from alibabacloud_fc20230330 import models

    body = models.PutConcurrencyInput(reserved_concurrency=instances)
    fc_client(site.cloud).put_concurrency_config(function, models.PutConcurrencyConfigRequest(body=body))


def told(site: Site, instances: int, memory_mb: int = 128) -> str:
    """A bound as a plan tells it."""
    on_scf = site.description.platform == "scf"
    return f"{instances} ({instances * memory_mb} MB)" if on_scf else str(instances)


def actions(site: Site) -> list[str]:
    return [str(one["Action"]) for one in site.cloud.calls() if not one["Code"]]


def test_a_bound_is_planned_set_before_anything_starts_the_function_and_then_nothing_is_left(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.plan() == 0
    assert f"+ change instances hello\n    instances: {told(site, 2)}" not in capsys.readouterr().out
    before = len(actions(site))
    assert site.deploy() == 0
    made = actions(site)[before:]
    (put,) = [place for place, one in enumerate(made) if one.endswith("ConcurrencyConfig") and one.startswith("Put")]
    assert put < made.index("CreateTrigger")
    assert (held(site, "hello"), held(site, "goodbye")) == (2, None)
    assert site.steps() == []


def test_a_new_bound_is_shown_from_and_to(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.deploy()
    site.change("goodbye", instances=3)
    site.change("hello", instances=1)
    assert site.steps() == ["change instances hello", "change instances goodbye"]
    capsys.readouterr()
    assert site.deploy() == 0
    shown = capsys.readouterr().out
    assert f"hello: instances: {told(site, 2)} -> {told(site, 1)}" in shown
    assert f"goodbye: instances: (none) -> {told(site, 3)}" in shown
    assert (held(site, "hello"), held(site, "goodbye"), site.steps()) == (1, 3, [])


def test_what_was_set_by_hand_is_put_back_and_left_alone_where_nothing_is_said(site: Site) -> None:
    site.cloud.reset(active_s=0, planes_lag_s=0, rate=1000)
    site.deploy()
    set_by_hand(site, "hello", 5)
    set_by_hand(site, "goodbye", 7)
    assert site.steps() == ["change instances hello"]
    site.change("hello", instances=None)
    assert site.steps() == []
    site.change("hello", timeout_s=9)
    assert site.deploy() == 0
    assert (held(site, "hello"), held(site, "goodbye")) == (5, 7)


@pytest.mark.parametrize("memory_mb", [1024, 128])
def test_a_bound_of_memory_holds_an_instance_at_every_moment(site: Site, memory_mb: int) -> None:
    site.change("hello", memory_mb=1152 - memory_mb)
    site.deploy()
    site.change("hello", memory_mb=memory_mb)
    steps = ["change settings hello"]
    if site.description.platform == "scf":
        steps = (["change instances hello"] if memory_mb > 128 else []) + steps
        steps += [] if memory_mb > 128 else ["change instances hello"]
    assert site.steps() == steps
    assert site.deploy() == 0
    assert (held(site, "hello"), site.steps()) == (2, [])


@pytest.mark.parametrize("world", [{"scf_memory_mb": 12_800 + 255, "fc_instances": 2}], ids=["no room"])
def test_an_account_without_room_stops_deploy_which_says_so_and_what_runs(
    site: Site, world: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    site.cloud.reset(active_s=0.02, planes_lag_s=0, rate=1000, **world)
    assert site.deploy() == 1
    said = unwrapped(capsys.readouterr().err)
    assert "the account has no room for so many instances in this region: lower `instances`" in said
    assert "done: create function hello\n" in said and "not done: change instances hello\n" in said
    assert "not done: create trigger http (http) of hello\n" in said and "run it again" in said
    assert next(one["Triggers"] for one in site.cloud.functions() if one["Function"] == "hello") == {}
    site.change("hello", instances=1)
    assert site.deploy() == 0
    assert (held(site, "hello"), site.steps()) == (1, [])


def test_a_bound_goes_before_its_function_does(site: Site) -> None:
    site.deploy()
    before = len(actions(site))
    assert site.remove() == 0
    made = [one for one in actions(site)[before:] if one.startswith("Delete") and one != "DeleteTrigger"]
    taken = {"scf": "DeleteReservedConcurrencyConfig", "fc": "DeleteConcurrencyConfig"}[site.description.platform]
    assert sorted(made) == sorted(["DeleteFunction", taken, "DeleteFunction"])
    assert made[made.index(taken) + 1] == "DeleteFunction"
    site.change("hello", instances=None)
    site.deploy()
    assert held(site, "hello") is None


@pytest.mark.parametrize("not_so", [[], ["D19"]])
@pytest.mark.parametrize("site", ["tencent"], indirect=True)
def test_a_change_of_a_reservation_that_is_under_way_is_waited_for(site: Site, not_so: list[str]) -> None:
    site.cloud.reset(active_s=0.5, planes_lag_s=0, rate=1000, not_so=not_so)
    site.deploy()
    site.change("hello", instances=3)
    refused = len([one for one in site.cloud.calls() if one["Code"].endswith("ReservedInProgress")])
    set_by_hand(site, "hello", 4)
    assert commands.deploy(site.work()) == 0
    assert held(site, "hello") == 3
    assert commands.remove(site.work()) == 0
    later = len([one for one in site.cloud.calls() if one["Code"].endswith("ReservedInProgress")])
    assert (later > refused) is (not not_so)


@pytest.mark.parametrize("site", ["alibaba"], indirect=True)
@pytest.mark.parametrize("not_so", [[], ["E11"]])
def test_a_function_of_fc_without_a_bound_has_none_however_fc_says_so(site: Site, not_so: list[str]) -> None:
    site.cloud.reset(active_s=0.02, rate=1000, not_so=not_so)
    assert site.deploy() == 0
    bounds = {one.name: one.bound for one in site.plane.read({"hello", "goodbye"})}
    assert bounds == {"hello": Bound(2), "goodbye": None}


def test_a_bound_of_memory_is_told_in_instances() -> None:
    have = FunctionState("one", "c", {"memory MB": 256}, {"retries": 2}, (), bound=Bound(256, 256))
    (step,) = make_plan([replace(have, bound=Bound(512, 256))], [have]).steps
    assert step.lines() == ["~ change instances one", "    instances: 1 (256 MB) -> 2 (512 MB)"]
    assert Bound(256, 128) == Bound(256, 256)


def test_a_bound_that_stays_and_would_hold_no_instance_is_in_the_way() -> None:
    have = FunctionState("one", "c", {"memory MB": 128}, {"retries": 2}, (), bound=Bound(256, 128))
    larger = replace(have, settings={"memory MB": 512})
    for bound, told in ((None, True), (Bound(1024, 512), False)):
        assert bool(make_plan([replace(larger, bound=bound)], [have]).obstacles) is told
    fits = replace(larger, settings={"memory MB": 256}, bound=None)
    assert make_plan([fits], [have]).obstacles == ()
    for stays in (None, Bound(0, 128), Bound(2)):
        assert make_plan([replace(larger, bound=None)], [replace(have, bound=stays)]).obstacles == ()


@pytest.mark.parametrize("cloud", ["tencent", "alibaba"])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            "0",
            "must be 1 or more, because 0 would stop the function. Without the line, `deploy` sets no limit on new"
            " functions and leaves a limit that is already there: take that one away in the console",
        ),
        ("-1", "must be 1 or more"),
        ("two", "Input should be a valid integer"),
    ],
)
def test_a_bound_below_one_is_refused_where_it_stands(cloud: str, given: str, says: str, tmp_path: Path) -> None:
    path, text = tmp_path / "serverless.yml", (ROOT / "serverless.yml").read_text()
    path.write_text(text.replace("    instances: 2\n", f"    instances: {given}\n"))
    line = text[: text.index("    instances: 2\n")].count("\n") + 1
    with pytest.raises(DescriptionError) as caught:
        load(path, cloud, {})
    assert caught.value.lines[0].startswith(f"serverless.yml:{line}: ")
    assert says in caught.value.lines[0] and "instances" in caught.value.lines[0]


@pytest.mark.parametrize("cloud", ["tencent", "alibaba"])
def test_each_function_has_two_instances_at_most_unless_the_file_says_otherwise(cloud: str, tmp_path: Path) -> None:
    path, text = tmp_path / "serverless.yml", (ROOT / "serverless.yml").read_text()
    assert {spec.instances for spec in load(ROOT / "serverless.yml", cloud, {}).functions} == {2}
    named = "        name: plan_rotation\n"
    path.write_text(text.replace("    instances: 2\n", "").replace(named, f"{named}        instances: 1\n"))
    found = {spec.module: spec.instances for spec in load(path, cloud, {}).functions}
    assert found.pop("plan_rotation") == 1 and set(found.values()) == {None}
