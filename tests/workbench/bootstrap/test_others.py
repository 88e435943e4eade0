"""What carries another's mark, or none where one is due: named, used by nobody else, and left as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shared.workbench.apis import sls
from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.bootstrap import alibaba, tencent
from shared.workbench.bootstrap.missing import missing_things
from shared.workbench.bootstrap.needs import LogPlace
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.loading import load
from tests.support.wrapped_lines import unwrapped
from tests.workbench.bootstrap.empty_account import SERVICES, Person
from tests.workbench.bootstrap.test_bootstrap import changes

SERVICE = "service: keyturn\n"


@pytest.fixture(autouse=True)
def _topics_go_at_once(person: Person) -> None:
    """A topic's first minute, in which it cannot be deleted, is waited out in another test."""
    person.cloud.reset(activated=dict.fromkeys(SERVICES, True), not_so=["Q9"])


@pytest.fixture
def second_team(person: Person, tmp_path: Path) -> Callable[..., int]:
    """Types bootstrap for a service of another name, and of other names of all that the edits name."""

    def types(edits: dict[str, str], *more: str) -> int:
        text = (ROOT / "serverless.yml").read_text()
        for old, new in {SERVICE: "service: team-b\n", **edits}.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "serverless.yml").write_text(text)
        return person.types("--file", str(tmp_path / "serverless.yml"), *more)

    return types


def test_a_second_service_of_the_same_names_makes_nothing_and_is_told_whose_they_are(
    person: Person, second_team: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert person.types() == 0
    before = len(changes(person.cloud))
    capsys.readouterr()
    assert second_team({}) == 1
    said = unwrapped(capsys.readouterr().err)
    theirs = ["role keyturn-plan-rotation", {"tencent": "topic", "alibaba": "queue"}[person.name] + " keyturn-"]
    for title in theirs:
        line = next(line for line in said.splitlines() if line.startswith(f"in the way: {title}"))
        assert "belongs to the service keyturn" in line
    assert len(changes(person.cloud)) == before
    named = load(tmp_path / "serverless.yml", person.name, person.environ | person.settings())
    lacking = {one.what: one.remedy for one in missing_things(named, person.api)}
    assert "belongs to the service keyturn" in lacking["role keyturn-plan-rotation"]
    assert second_team({}, "--remove") == 0
    assert set(person.standing().values()) <= {("there", True), ("there", False)}


def test_with_the_names_of_the_manual_changed_two_teams_share_an_account(
    person: Person, second_team: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert person.types() == 0
    ours = person.standing()
    names = {
        "tencent": {"tencent: keyturn\n": "tencent: team-b\n", "topic: keyturn-": "topic: team-b-"},
        "alibaba": {":role/keyturn\n": ":role/team-b\n", "aliyuncs.com/keyturn-": "aliyuncs.com/team-b-"}
        | {"queue: keyturn-": "queue: team-b-"},
    }[person.name]
    assert second_team(names) == 0, unwrapped(capsys.readouterr().err)
    assert second_team(names, "--remove") == 0
    assert person.standing() == ours


def test_a_place_for_lines_of_that_name_is_in_the_way_and_nothing_is_made_in_it(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    place = person.account().needs.logs
    make_place_by_hand(person, place)
    assert person.types() == 1
    said = unwrapped(capsys.readouterr().err)
    assert f"{place.group} stands that is not bootstrap's" in said
    made = [action for action in changes(person.cloud) if action in ("CreateIndex", "CreateLogStore")]
    assert made == []
    assert person.types("--remove") == 0


@pytest.mark.parametrize("person", ["tencent"], indirect=True)
def test_a_topic_that_somebody_made_in_our_log_set_is_left_alone(person: Person) -> None:
    needs = replace(person.account().needs)
    new_set, *_ = tencent.log_calls(needs.logs, needs.service, needs.mark, "", "")
    group = person.api.call(new_set.service, new_set.action, dict(new_set.parameters))["LogsetId"]
    person.api.call("cls", "CreateTopic", {"LogsetId": group, "TopicName": needs.logs.topic})
    assert person.types() == 1
    assert "CreateIndex" not in changes(person.cloud)


def make_place_by_hand(person: Person, place: LogPlace) -> None:
    """Another's log set with a topic, or another's project, of the names that bootstrap would give."""
    api = person.api
    if isinstance(api, AlibabaApi):
        body = alibaba.project_body(place, "finance")
        sls.ask(api, "CreateProject", "POST", "/", body=body)
        return
    group = api.call("cls", "CreateLogset", {"LogsetName": place.group})["LogsetId"]
    api.call("cls", "CreateTopic", {"LogsetId": group, "TopicName": place.topic})
