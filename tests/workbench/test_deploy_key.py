"""The key by which a bundle knows its own messages: made once, kept, spread, changed as given, and never shown."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.runtime.settings import handoff_keys
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.description import Description
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import commands, handoff_key
from shared.workbench.deploy.handoff_key import KeyProblem
from shared.workbench.deploy.plan import FunctionState
from shared.workbench.deploy.shown import KEY_MADE_LATER
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.support.forked import run_until_killed
from tests.support.hello_function import write_zip
from tests.support.wrapped_lines import unwrapped
from tests.workbench.deploy_site import OWN, PLATFORMS, Site, spec_of

NAME = "KEYTURN_HANDOFF_KEY"
A, B, C = ("a" * 42 + "Q", "b" * 42 + "Q", "c" * 42 + "Q")
QUEUE = {
    "tencent": "ckafka://ap-guangzhou/datahub-demo02",
    "alibaba": "smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/keyturn-{function}",
}


@pytest.fixture(params=PLATFORMS)
def site(request: pytest.FixtureRequest, cloud: Standin, tmp_path: Path) -> Site:
    """Two functions that share a commands queue, and one without."""
    cloud.reset(active_s=0.02, rate=1000)
    made = Site(cloud, request.param, tmp_path)
    alone = spec_of(request.param, "alone", triggers=False)
    write_zip(made.folder / "alone.zip")
    made.description = replace(made.description, functions=(*made.description.functions, alone))
    for name in ("hello", "goodbye"):
        queued(made, name)
    return made


def queued(site: Site, name: str, **more: str) -> None:
    (spec,) = (one for one in site.description.functions if one.name == name)
    site.change(name, environment={**spec.environment, "KEYTURN_COMMANDS": QUEUE[site.description.cloud], **more})


def held(site: Site, name: str) -> str | None:
    """The value that a function has on the platform, asked for as anybody would."""
    if site.description.cloud == "tencent":
        pairs = call_scf(site.cloud, "GetFunction", FunctionName=name)["Environment"]["Variables"]
        return {pair["Key"]: pair["Value"] for pair in pairs}.get(NAME)
    from alibabacloud_fc20230330 import models

    shown = fc_client(site.cloud).get_function(name, models.GetFunctionRequest()).body.to_map()
    value = shown["environmentVariables"].get(NAME)
    return None if value is None else str(value)


def of_all(site: Site) -> list[str | None]:
    return [held(site, name) for name in ("hello", "goodbye", "alone")]


def test_one_key_is_made_for_all_that_share_the_queue_and_then_kept(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.deploy() == 0
    key, same, none = of_all(site)
    assert key == same and none is None
    assert len(handoff_keys(key)) == 1
    told = capsys.readouterr()
    assert f"env {NAME}: {KEY_MADE_LATER}" in told.out
    assert site.steps() == []
    assert site.deploy() == 0
    again = capsys.readouterr()
    assert "nothing to change" in again.out
    assert of_all(site) == [key, key, None]
    site.change("hello", timeout_s=9)
    assert site.plan() == 0
    kept = (site.folder / "plan.json").read_text()
    assert site.deploy() == 0
    assert of_all(site) == [key, key, None]
    rest = capsys.readouterr()
    said = told.out + told.err + again.out + again.err + rest.out + rest.err + kept
    assert str(key) not in said and KEY_MADE_LATER not in str(of_all(site))


def test_two_bundles_get_two_keys(site: Site) -> None:
    site.deploy()
    first = held(site, "hello")
    site.remove()
    site.deploy()
    assert held(site, "hello") not in (first, None)


def test_a_plan_with_a_key_to_be_made_is_carried_out_as_it_was_shown(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.plan() == 0
    assert KEY_MADE_LATER in capsys.readouterr().out
    assert site.deploy() == 0
    key = held(site, "hello")
    assert len(handoff_keys(key)) == 1 and str(key) not in capsys.readouterr().out


def test_a_function_that_is_new_gets_the_key_of_the_bundle(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    goodbye = next(one for one in site.description.functions if one.name == "goodbye")
    without = tuple(one for one in site.description.functions if one.name != "goodbye")
    site.description = replace(site.description, functions=without)
    site.deploy()
    key = held(site, "hello")
    site.description = replace(site.description, functions=(goodbye, *without))
    capsys.readouterr()
    assert site.deploy() == 0
    told = capsys.readouterr().out
    assert f"env {NAME}: (hidden)" in told and str(key) not in told
    assert of_all(site) == [key, key, None]


def test_a_key_that_one_function_has_lost_is_put_back(site: Site) -> None:
    site.deploy()
    key = held(site, "hello")
    (spec,) = (one for one in site.description.functions if one.name == "hello")
    site.plane.change_settings(spec, site.packages["hello"])  # as from a file that knows nothing of it
    assert held(site, "hello") is None
    assert site.steps() == ["change settings hello"]
    assert site.deploy() == 0
    assert held(site, "hello") == key


def test_a_deploy_killed_at_any_call_leaves_one_key_to_the_next(site: Site) -> None:
    target = {"scf": "shared.workbench.deploy.scf:ScfPlane._once", "fc": "shared.workbench.deploy.fc:_once"}
    number, killed = 1, True
    while killed:
        site.cloud.reset(active_s=0.02, rate=1000)
        killed = run_until_killed(site.deploy, f"{target[site.description.platform]}:return#{number}")
        found = held(site, "hello") if "hello" in site.names() else None
        assert site.deploy() == 0
        key, same, none = of_all(site)
        assert key == same and none is None and found in (key, None), f"killed at call {number}"
        assert site.steps() == []
        number += 3  # each third is enough for the key: what the others do is test_deploy's
    assert number > 9


def test_keys_are_changed_as_given_and_the_two_are_kept(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    without = site.description

    def deploy_with(value: str) -> str:
        site.description = handoff_key.with_given_key(without, {NAME: value})
        assert site.deploy() == 0
        assert site.steps() == []
        return capsys.readouterr().out

    assert A not in deploy_with(A)
    assert of_all(site) == [A, A, None]
    told = deploy_with(f"{A},{B}")
    assert f"env {NAME}: (hidden) (changed)" in told and "will not be believed" not in told
    deploy_with(f"{B},{A}")
    assert of_all(site) == [f"{B},{A}", f"{B},{A}", None]
    deploy_with("")  # nothing is said, so both stay
    assert of_all(site) == [f"{B},{A}", f"{B},{A}", None]
    assert "will not be believed" not in deploy_with(B)
    told = deploy_with(C)  # a jump: what waits on the queue is lost
    assert "note: messages that goodbye, hello sent before will not be believed" in told
    assert not any(key in told for key in (A, B, C))
    assert of_all(site) == [C, C, None]


def test_a_change_of_keys_that_was_interrupted_loses_neither(site: Site) -> None:
    for name, value in (("hello", f"{A},{B}"), ("goodbye", A)):
        queued(site, name, **{NAME: value})
    site.deploy()
    for name in ("hello", "goodbye"):
        queued(site, name, **{NAME: ""})
    assert site.steps() == ["change settings goodbye"]
    assert site.deploy() == 0
    assert of_all(site) == [f"{A},{B}", f"{A},{B}", None]


def test_the_key_of_the_environment_is_refused_by_name_and_rule_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = (ROOT / "serverless.yml").read_text().replace("KEYTURN_HANDOFF_KEY: ${env:KEYTURN_HANDOFF_KEY, ''}", "A: b")
    (tmp_path / "serverless.yml").write_text(text)
    monkeypatch.setenv(NAME, "canary")
    for name, value in OWN["tencent"].items():
        monkeypatch.setenv(name, value)
    for file in (ROOT / "serverless.yml", tmp_path / "serverless.yml"):
        assert commands.main("plan", ["tencent", "--file", str(file)]) == 2
        told = unwrapped(capsys.readouterr().err)
        assert f"{NAME}: must be one key or two" in " ".join(told.split()) and "canary" not in told


def test_a_file_that_names_no_key_gets_the_environments(tmp_path: Path) -> None:
    (tmp_path / "serverless.yml").write_text(
        re.sub("\n.*KEYTURN_HANDOFF_KEY: .*", "", (ROOT / "serverless.yml").read_text())
    )
    for file in (ROOT / "serverless.yml", tmp_path / "serverless.yml"):
        for cloud in PLATFORMS:
            described = handoff_key.with_given_key(load(file, cloud, {NAME: A}), {NAME: A})
            assert {spec.environment[NAME] for spec in described.functions} == {A}


def test_functions_that_share_a_queue_cannot_be_given_different_keys(tmp_path: Path) -> None:
    text = (ROOT / "serverless.yml").read_text()
    before = "        role: ${self:custom.roles.tencent}-follow-change\n"
    own = "        environment: { KEYTURN_COMMANDS: '%s', KEYTURN_HANDOFF_KEY: " + B + " }\n"
    (tmp_path / "serverless.yml").write_text(
        text.replace(before, before + own % "ckafka://ap-guangzhou/datahub-commands")
    )
    with pytest.raises(DescriptionError) as caught:
        load(tmp_path / "serverless.yml", "tencent", {NAME: A})
    assert "follow_change.environment.KEYTURN_HANDOFF_KEY: functions that share a commands queue" in str(caught.value)
    assert A not in str(caught.value) and B not in str(caught.value)
    (tmp_path / "serverless.yml").write_text(
        text.replace(before, before + own % "ckafka://ap-guangzhou/datahub-others")
    )
    described = load(tmp_path / "serverless.yml", "tencent", {NAME: A})
    assert {spec.environment[NAME] for spec in described.functions} == {A, B}


def bundle(*keys: str, queue: str = "memory://") -> Description:
    """Functions on one queue, each with a key of its own in the file."""
    spec = spec_of("tencent", "f", triggers=False)
    specs = [
        replace(spec, name=f"f{n}", environment={"KEYTURN_COMMANDS": queue, NAME: key}) for n, key in enumerate(keys)
    ]
    return Description("tencent", "scf", "orders", "ap-guangzhou", tuple(specs))


def standing(*keys: Any, ours: bool = True) -> list[FunctionState]:
    return [
        FunctionState(f"f{n}", "1", {f"env {NAME}": key} if key else {}, {}, (), ours) for n, key in enumerate(keys)
    ]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (standing(), KEY_MADE_LATER),
        (standing(None, A), A),
        (standing(A, A), A),
        (standing(A, f"{A}="), A),
        (standing("canary", B), B),  # with such a value a function answers nothing: it has signed nothing either
        (standing("canary"), KEY_MADE_LATER),
        (standing(A, B), f"{A},{B}"),
        (standing(B, f"{A},{B}"), f"{A},{B}"),
        (standing(f"{B},{A}", A), f"{B},{A}"),
        (standing(A, ours=False), KEY_MADE_LATER),
    ],
)
def test_which_key_is_kept(found: list[FunctionState], expected: str) -> None:
    described = handoff_key.with_kept_key(bundle("", ""), found)
    assert [spec.environment[NAME] for spec in described.functions] == [expected, expected]


def test_more_keys_than_a_value_holds_are_left_to_a_person() -> None:
    with pytest.raises(KeyProblem, match=f"set {NAME} to the one or two to keep") as caught:
        handoff_key.with_kept_key(bundle("", ""), standing(A, B, C))
    assert not any(key in str(caught.value) for key in (A, B, C))
    assert handoff_key.with_kept_key(bundle(A, A), standing(A, B, C)) == bundle(A, A)


def test_a_key_of_the_file_goes_to_the_others_of_its_queue() -> None:
    described = handoff_key.with_kept_key(bundle("", B, ""), standing(A))
    assert [spec.environment[NAME] for spec in described.functions] == [B, B, B]
    assert handoff_key.functions_not_believed(described, standing(A, B, f"{B},{A}", f"{A},{B}", None)) == ["f0", "f3"]
