"""`make remove ALL=1` finds what bootstrap made under other names, by its mark, and leaves what others made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap import alibaba, tencent
from shared.workbench.bootstrap.cam import cam_calls
from shared.workbench.bootstrap.leftovers import of_alibaba, of_tencent
from shared.workbench.bootstrap.needs import Needs, is_unset, needs
from shared.workbench.bootstrap.ram import ram_calls
from shared.workbench.bootstrap.resources import title
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.loading import load
from tests.support.wrapped_lines import unwrapped
from tests.workbench.bootstrap.empty_account import Person


def renamed(needs: Needs) -> Needs:
    """The same service as it was before: other names of everything."""
    topics = tuple(replace(one, name=f"old-{one.name}") for one in needs.topics)
    return replace(
        needs,
        roles=tuple(replace(one, name=f"old-{one.name}", policy_name=f"old-{one.policy_name}") for one in needs.roles),
        queues=tuple(replace(one, name=f"old-{one.name}") for one in needs.queues),
        topics=topics,
        tasks=tuple(replace(one, name=f"old-{one.name}", topic=topics[0]) for one in needs.tasks),
        logs=replace(needs.logs, group=f"old-{needs.logs.group}"),
    )


def made(person: Person, needs: Needs) -> set[str]:
    """Make everything of these needs; the names of what carries the mark then."""
    api = person.api
    wanted = tencent.resources(api, needs) if isinstance(api, TencentApi) else alibaba.resources(api, needs)
    for one in wanted:
        one.make()
    return {title(one) for one in wanted if one.look().ours}


def marked(person: Person, needs: Needs) -> set[str]:
    """What the clouds' lists show of a service."""
    api = person.api
    found = of_tencent(api, needs, ()) if isinstance(api, TencentApi) else of_alibaba(api, needs, ())
    return {title(one) for one in found}


def test_what_has_other_names_now_is_taken_away_and_another_services_is_not(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = person.account().needs
    before = renamed(mine)
    theirs = replace(renamed(mine), service=f"{mine.service}-two")
    theirs = replace(
        theirs,
        roles=tuple(
            replace(one, name=f"their-{one.name}", policy_name=f"their-{one.policy_name}") for one in theirs.roles
        ),
        queues=tuple(replace(one, name=f"their-{one.name}") for one in theirs.queues),
        topics=tuple(replace(one, name=f"their-{one.name}") for one in theirs.topics),
        tasks=tuple(replace(one, name=f"their-{one.name}") for one in theirs.tasks),
        logs=replace(theirs.logs, group=f"their-{theirs.logs.group}"[:63]),
    )
    old, others = made(person, before), made(person, theirs)
    assert old and others
    assert marked(person, mine) == old
    assert marked(person, theirs) == others
    assert person.types("--remove") == 0, unwrapped(capsys.readouterr().err)
    assert marked(person, mine) == set()
    assert marked(person, theirs) == others


def test_a_policy_whose_role_is_gone_is_found(person: Person) -> None:
    mine = renamed(person.account().needs)
    first = mine.roles[0]
    api = person.api
    if isinstance(api, AlibabaApi):
        _, policy, _ = ram_calls(first, mine.mark)
        api.call(policy.service, policy.action, policy.parameters)
    else:
        _, policy, _ = cam_calls(first, mine.service, mine.mark)
        api.call(policy.service, policy.action, policy.parameters)
    assert marked(person, mine) == {f"role {first.name}"}
    assert person.types("--remove") == 0
    assert marked(person, mine) == set()


def test_the_examples_are_those_that_serverless_yml_itself_calls_so(tmp_path: Path) -> None:
    text = (ROOT / "serverless.yml").read_text().replace("ckafka-example", "ckafka-of-nobody")
    file = tmp_path / "serverless.yml"
    file.write_text(text)
    description = load(file, "tencent", {})
    assert "ckafka-of-nobody" in description.examples
    assert is_unset(description, "ckafka://ap-guangzhou/datahub-results")
    assert needs(description, "").unnamed and not needs(description, "").topics
