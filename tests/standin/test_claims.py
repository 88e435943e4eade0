"""claims.toml and the stand-in's code name each other: no claim that nothing plays, and no rule that none covers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cloud.state.claims import read_played_claims
from tests.cloud.state.world import World
from tests.standin.named_claims import asked_claims, named_claims, read_switches, rules, rules_of

TABLE = "tests/cloud/claims.toml"
CLAIMS = {claim.id: claim for claim in read_played_claims()}
ROW = """
[R1]
claim = "A claim."
source = "a page"
status = "documented"
risk = "truth"
used = "serverless.yml"
if_wrong = "nothing"
otherwise = [{ old_equals_new = "refuse" }]
"""
SOURCE = '''
"""A module.

Claims: W1.
"""

class Service:
    def __init__(self):
        self.actions = {"Do": Action(table, self._do)}

    def _do(self):
        return {}

    def _check(self):
        # claims: R1, R2
        raise ApiError("Code", "text")

    def _quiet(self):
        return self._world.holds("R3")


def refuse(world):
    """Say no.

    Claims: T1.
    """
    if world.holds("A1"):
        return ApiError("Code", "text")
'''


def test_every_row_that_names_itself_is_asked_for_and_nothing_else_is() -> None:
    twisted = {id_ for claim in CLAIMS.values() for world in claim.otherwise for id_ in world.get("not_so", ())}
    silent, stray = twisted - asked_claims(), asked_claims() - twisted
    assert not silent, f'{sorted(silent)}: not_so names it, nothing plays it: ask holds("...") in tests/cloud/<cloud>/'
    assert not stray, f"{sorted(stray)}: holds() asks for it: write `otherwise = [{{ not_so = [...] }}]` into {TABLE}"


def test_every_row_is_named_by_some_code_unless_it_says_why_nothing_plays_it() -> None:
    silent = {claim.id for claim in CLAIMS.values() if not claim.unplayed}
    unnamed, unknown = silent - named_claims(), named_claims() - CLAIMS.keys()
    assert not unnamed, (
        f"{sorted(unnamed)}: no code names it: write `# claims: ID` into the function in tests/cloud/ that keeps it, "
        f"or `unplayed` into its row in {TABLE}"
    )
    assert not unknown, f"{sorted(unknown)}: code in tests/cloud/ names it, {TABLE} has no such row"


def test_every_switch_that_a_row_names_is_read() -> None:
    named = {name for claim in CLAIMS.values() for world in claim.otherwise for name in world}
    unknown, unread = named - World.model_fields.keys(), named - read_switches() - {"not_so"}
    assert not unknown, f"{sorted(unknown)}: `otherwise` names it: add the switch to tests/cloud/state/world.py"
    assert not unread, f"{sorted(unread)}: a switch that no code in tests/cloud/ reads: play it there"


def test_every_function_that_answers_or_refuses_names_claims_that_exist() -> None:
    found = list(rules())
    assert len(found) > 90
    nameless = [rule.place for rule in found if not rule.claims]
    unknown = [rule.place for rule in found if rule.claims - CLAIMS.keys()]
    assert not nameless, f"{nameless}: write `# claims: ID` there, with the row of {TABLE} that it plays"
    assert not unknown, f"{unknown}: its `# claims:` names no row of {TABLE}"


def test_a_rule_is_a_handler_or_a_refusal_and_is_named_where_it_stands_or_around() -> None:
    found = {rule.place: rule.claims for rule in rules_of(SOURCE, "a.py")}
    assert found == {
        "a.py:11 _do": {"W1"},
        "a.py:14 _check": {"W1", "R1", "R2"},
        "a.py:22 refuse": {"W1", "T1", "A1"},
    }


def test_a_row_is_read_with_the_worlds_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "claims.toml"
    file.write_text(ROW, encoding="utf-8")
    assert [claim.otherwise for claim in read_played_claims(file)] == [[{"old_equals_new": "refuse"}]]


@pytest.mark.parametrize(
    ("world", "says"),
    [
        ('{ old_equals_new = "perhaps" }', "R1: otherwise is no valid world"),
        ("{ no_switch = true }", "R1: otherwise is no valid world"),
        ('{ old_equals_new = "accept" }', "R1: otherwise is the default world"),
        ('{ not_so = ["R9"] }', "R1: not_so names no row: ['R9']"),
    ],
)
def test_an_otherwise_that_is_no_other_world_is_refused(tmp_path: Path, world: str, says: str) -> None:
    file = tmp_path / "claims.toml"
    file.write_text(ROW.replace('{ old_equals_new = "refuse" }', world), encoding="utf-8")
    with pytest.raises(ValueError, match=says.replace("[", r"\[").replace("]", r"\]")):
        read_played_claims(file)
