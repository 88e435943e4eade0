"""The campaign's judges notice a broken promise: in records that are false on purpose, and in a broken keyturn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import shared.changes.change
import shared.handlers.followed_change
import shared.stores.write_ahead
from shared.changes.endings import ending
from shared.changes.transitions import Step
from tests.campaign.case import Case, play_case, step
from tests.campaign.case_command import CaseCommand
from tests.campaign.cases_faults import story
from tests.campaign.fault_kinds import refusal
from tests.campaign.judge import BLIND, LOST, NO_QUEUE, OTHERWISE, OVERTAKEN, Verdict, judge
from tests.campaign.judge_stores import judge_stores
from tests.campaign.random_walk import shrunk
from tests.campaign.record import Applied, Credential, Delivery, Record, parse_time
from tests.cloud.client.standin import Standin

_APP = Credential("redis", "crs-1", ("app",))
_KEPT = Credential("redis", "crs-1", ("app",), "ssm://app")
_ROBOT = Credential("tcr", "tcr-1", ("robot",))
_START = parse_time("2026-03-01T10:00:00.000Z")
_OWN = "kt-0-0-0-1"


def at(seconds: float) -> float:
    return _START + seconds


def _text(seconds: float) -> str:
    return f"2026-03-01T10:{int(seconds) // 60:02}:{seconds % 60:06.3f}Z"


def told(outcome: str, seconds: float, *, stored: str = "", code: str = "", evidence: str = "") -> dict[str, Any]:
    data: dict[str, Any] = {"Outcome": outcome, "Operation": "o", "CommandId": "c", "Evidence": [evidence]}
    data |= {"StartedAt": _text(0.0), "Error": {"Class": "x", "Code": code} if code else None}
    data["Stored"] = {"Name": "ssm://app", "Version": stored, "Stage": "current"} if stored else None
    return {"id": "i", "source": "s", "subject": "s", "time": _text(seconds), "data": data}


def delivery(
    number: int, began: float, *results: dict[str, Any], credential: Credential = _APP, **more: Any
) -> Delivery:
    one = Delivery(number, more.pop("order", "a"), credential, at(began), **more)
    one.ended, one.results, one.last_call = at(began + 1), list(results), at(began + 1)
    one.calls = one.calls or [""]
    return one


def password(seconds: float, digest: str, *, by: str = "call", of: Credential = _APP) -> Applied:
    return Applied(at(seconds), of.service, of.resource, of.accounts[0], digest, by)


def version(seconds: float, name: str, digest: str, *, by: str = "call", current: str = "v1") -> Applied:
    return Applied(at(seconds), "ssm", "app", name, digest, by, current)


def letters(applied: list[Applied], *deliveries: Delivery) -> set[str]:
    """The letters of the violations in a record. Ids are not judged: these results have no valid ones."""
    record, verdict = Record("salt", applied, list(deliveries)), Verdict()
    judge(record, verdict)
    judge_stores(record, verdict)
    return {one[1] for one in verdict.violations} - {"g"}


FIRST = password(-9, "old", by="world")
STORE = version(-9, "v1", "old", by="world")


@pytest.mark.parametrize("outcome", ["changed", "already_changed"])
def test_in_force_is_true_only_while_the_secret_is(outcome: str) -> None:
    said = delivery(1, 0, told(outcome, 1.5), digest="new")
    assert letters([FIRST, password(1, "new")], said) == set()
    assert letters([FIRST], said) == {"c"}
    assert letters([FIRST, password(3, "new")], said) == {"c"}
    assert letters([FIRST, password(1, "new"), password(1.2, "hand", by="outside")], said) == {"c"}


def test_not_changed_is_broken_by_what_was_sent_and_took_effect_then_or_later() -> None:
    said = delivery(1, 0, told("not_changed", 1.5, code="x"), digest="new")
    assert letters([FIRST], said) == set()
    assert letters([FIRST, password(1, "new")], said) == {"c"}
    assert letters([FIRST, password(600, "new")], said) == {"c"}
    earlier = delivery(1, 0, told("unknown", 1.5, code="x"), digest="new", met={"blind"})
    repeat = delivery(2, 3, told("not_changed", 4, code="x"), digest="new", calls=["RequestLimitExceeded"])
    assert letters([FIRST, password(600, "new")], earlier, repeat) == set()


def test_not_changed_is_broken_by_an_earlier_delivery_whose_version_it_can_see() -> None:
    earlier = delivery(1, 0, told("unknown", 1.5, code="x"), credential=_KEPT, met={"blind"}, versions={_OWN})
    repeat = delivery(
        2, 3, told("not_changed", 4, code="x"), credential=_KEPT, calls=["RequestLimitExceeded"], versions={_OWN}
    )
    applied = [FIRST, STORE, version(1, _OWN, "new"), password(600, "new")]
    assert "c" in letters(applied, earlier, repeat)


def test_what_was_changed_by_others_after_the_last_look_is_only_counted() -> None:
    mine = delivery(1, 0, told("changed", 2), digest="new", apart=True)
    mine.last_call = at(1.5)
    record = Record("salt", [FIRST, password(1, "new"), password(1.8, "theirs")], [mine])
    verdict = Verdict()
    judge(record, verdict)
    assert [one for one in verdict.violations if "(g)" not in one] == []
    assert sum(verdict.notes.values()) == 1
    mine.last_call = at(1.9)
    theirs = delivery(2, 0, told("changed", 1.8), digest="theirs", credential=_KEPT, order="b", versions={"kt-1"})
    mine.credential = _KEPT
    mine.results = [told("changed", 2, stored=_OWN)]
    applied = [FIRST, STORE, version(0.5, _OWN, "new"), version(0.6, "kt-1", "theirs"), *record.applied[1:]]
    assert "c" in letters(applied, mine, theirs)


@pytest.mark.parametrize("results", [0, 2])
def test_a_delivery_ends_once(results: int) -> None:
    said = [told("not_changed", 1.5, code="x")] * results
    assert letters([FIRST], delivery(1, 0, *said, digest="new")) == {"a"}
    assert letters([FIRST], delivery(1, 0, told("pending", 1), digest="new")) == {"a"}
    assert letters([FIRST], delivery(1, 0, digest="new", killed=True)) == set()


def test_a_result_of_nobodys_and_an_id_that_is_not_its_facts_are_seen() -> None:
    record, verdict = Record("salt", [FIRST], [delivery(1, 0, told("unknown", 1), carries=False)]), Verdict()
    record.strays = [told("changed", 1)]
    judge(record, verdict)
    assert {one[1] for one in verdict.violations} == {"a", "g"}


def test_unknown_needs_a_reason() -> None:
    said = told("unknown", 1.5, code="x")
    assert letters([FIRST], delivery(1, 0, said, digest="new")) == {"u"}
    # A lost answer is one for a registry alone: of Redis the reads can tell.
    assert letters([FIRST], delivery(1, 0, said, digest="new", met={"lost"})) == {"u"}
    found: dict[str, Delivery] = {
        NO_QUEUE: delivery(1, 0, said, carries=False),
        LOST: delivery(1, 0, said, credential=_ROBOT, met={"lost"}),
        BLIND: delivery(1, 0, said, met={"blind"}),
        OTHERWISE: delivery(1, 0, said, met={refusal("x")}),
    }
    assert letters([FIRST], delivery(1, 0, said, digest="new", met={refusal("y")})) == {"u"}
    for reason, one in found.items():
        verdict = Verdict()
        judge(Record("salt", [FIRST], [one]), verdict)
        assert list(verdict.reasons) == [reason]
    verdict = Verdict()
    judge(Record("salt", [FIRST, password(1, "hand", by="outside")], [delivery(1, 0, said, digest="new")]), verdict)
    assert list(verdict.reasons) == [OVERTAKEN]


def test_a_moment_without_a_version_that_opens_is_seen() -> None:
    said = delivery(1, 0, told("changed", 5, stored=_OWN), credential=_KEPT, versions={_OWN})
    ahead, change = version(1, _OWN, "new"), password(2, "new")
    kept, promoted = version(3, "kt-before-1", "old"), version(3, "v1", "new")
    assert letters([FIRST, STORE, ahead, change, kept, promoted], said) == set()
    # The change first, and the version behind it: at the end all is well, and in between nothing opened.
    assert letters([FIRST, STORE, change, ahead, kept, promoted], said) == {"h"}
    gone = version(1.5, _OWN, "")
    assert {"h", "l"} <= letters([FIRST, STORE, ahead, gone, change, kept, promoted], said)


def test_a_current_version_that_opens_nothing_in_the_end_is_seen_unless_a_result_says_unknown() -> None:
    applied = [FIRST, STORE, version(1, _OWN, "new"), password(2, "new")]
    good = delivery(1, 0, told("changed", 5, stored=_OWN), credential=_KEPT, versions={_OWN})
    assert letters(applied, good) == {"i"}
    doubt = delivery(1, 0, told("unknown", 5, stored=_OWN, code="x"), credential=_KEPT, versions={_OWN}, carries=False)
    assert letters(applied, doubt) == set()


def test_what_is_the_users_and_what_was_kept_is_guarded() -> None:
    said = delivery(1, 0, told("changed", 5, stored=_OWN), credential=_KEPT, versions={_OWN})
    applied = [FIRST, STORE, version(-8, "v2", "theirs", by="world"), version(1, _OWN, "new"), password(2, "new")]
    applied += [version(3, "kt-before-1", "old"), version(3, "v1", "new")]
    assert letters(applied, said) == set()
    assert letters([*applied, version(4, "v2", "")], said) == {"k"}
    assert letters([*applied, version(4, "v2", "new")], said) == {"k"}
    assert "k" in letters([*applied, version(900, "kt-before-1", "")], said)
    assert letters([*applied, version(40, _OWN, "")], said) == {"l"}


# --- a keyturn that is broken


def _violations(case: Case, standin: Standin, folder: Path) -> set[str]:
    return {one[1] for one in play_case(case, standin, folder, 1).violations}


def test_a_keyturn_that_believes_a_lost_answer_did_nothing_is_seen(
    standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = {"Action": "ModifyServiceAccountPassword", "Fault": "drop_after"}
    case = story("B", "broken", "registry", "http", put, "always")

    def lie(step: Step, *more: Any) -> Any:
        return ending(Step.AS_REFUSED if step is Step.UNKNOWN else step, *more)

    folders = iter(tmp_path / name for name in ("true", "false"))
    (honest := next(folders)).mkdir()
    assert "c" not in _violations(case, standin, honest)
    monkeypatch.setattr(shared.changes.change, "ending", lie)
    (lying := next(folders)).mkdir()
    assert "c" in _violations(case, standin, lying)


def test_a_keyturn_that_discards_what_it_wrote_ahead_is_seen(
    standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = shared.stores.write_ahead.WriteAhead.conclude

    def discard(self: Any, ending: Any, *more: Any) -> Any:
        if ending.error is not None:
            for one in self.store.versions():
                if one.id.startswith("kt-"):
                    self.store._delete(one.id)
        return settle(self, ending, *more)

    monkeypatch.setattr(shared.stores.write_ahead.WriteAhead, "conclude", discard)
    late = {"Action": "ModifyServiceAccountPassword", "Fault": "late", "Seconds": 30.0, "Times": 500}
    steps = (step("fault", late), step("send", "a", "queue"), step("clear"))
    case = Case("B", "broken", "discards", {"a": CaseCommand("kept registry")}, steps)
    assert {"h", "l"} <= _violations(case, standin, tmp_path)


def test_a_keyturn_that_promotes_without_a_look_is_seen(
    standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blindly(store: Any, version: str, *_: Any) -> list[str]:
        return [f"store: version {version} is current"]

    monkeypatch.setattr(shared.stores.write_ahead, "promote", blindly)
    monkeypatch.setattr(shared.handlers.followed_change, "promote", blindly)
    case = Case("C", "broken", "does not promote", {"a": CaseCommand("kept account")}, (step("send", "a", "queue"),))
    assert "i" in _violations(case, standin, tmp_path)


def test_a_follower_that_believes_anybody_is_seen_and_shown_with_few_steps(
    standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.triggers.commands.verify", lambda *_, **__: True)
    steps = (
        step("advance", 1.0),
        step("send", "a", "queue"),
        step("advance", 5.0),
        step("forge", "command"),
        step("work_off"),
        step("advance", 5.0),
    )
    case = Case("D", "broken", "believes", {"a": CaseCommand("account")}, steps, {"task_s": 12.0})
    played = play_case(case, standin, tmp_path, 1)
    assert {one[1] for one in played.violations} & {"a", "c"}
    least = shrunk(played, standin, 1)
    assert len(least.case.steps) < len(steps)
    assert least.violations
