"""make rotate: which results belong to a firing, when it is over, and what is said of it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.loading import load
from shared.workbench.environment.terminal import Terminal
from shared.workbench.report.events import parse_event
from shared.workbench.results.errors import SourceError
from shared.workbench.rotate.firing_call import Fired, FiringFailed, PolicyCaller
from shared.workbench.rotate.session import Session
from shared.workbench.rotate.tally import FiringTally
from shared.workbench.rotate.watching import Watcher, is_over, progress_text
from tests.workbench.results_queue import event, page

FIRING = "rotate-yearly-1"


@dataclass
class ScriptedSource:
    """A queue that shows some events a look."""

    looks: list[list[dict[str, Any]]]
    missed: str = ""
    note: str = ""
    elapsed_s: float = field(default=0.0)

    def read(self) -> Iterator[str]:
        yield from map(json.dumps, self.looks.pop(0) if self.looks else [])

    def close(self) -> None:
        pass

    def clock(self) -> float:
        return self.elapsed_s

    def sleep(self, seconds: float) -> None:
        self.elapsed_s += seconds


def watched(source: ScriptedSource, *, as_json: bool = False, **how: Any) -> tuple[FiringTally, list[str]]:
    said = io.StringIO()
    watcher = Watcher(source, Terminal(said), as_json=as_json, clock=source.clock, sleep=source.sleep)
    return watcher.watch(FIRING, **how), said.getvalue().splitlines()


def test_a_firing_is_over_when_as_many_have_ended_as_were_sent() -> None:
    looks = [[event(1)], [page(FIRING, [1, 2])], [event(2, "pending")], [event(2)], [event(3)]]
    source = ScriptedSource(looks)
    tally, said = watched(source)
    assert (tally.ended, tally.in_force, is_over(tally, commands=True)) == (2, 2, True)
    pending = [line for line in said if line.startswith("pending")]
    assert [line.split()[1] for line in said if line[0] != " "] == [f"redis/crs-{number}/app" for number in (1, 2, 2)]
    assert len(pending) == 1 and "Its CommandId is due-2." in " ".join(said)  # what is pending is told, too
    assert len(source.looks) == 1


def test_json_is_the_events_of_the_firing_alone(capsys: pytest.CaptureFixture[str]) -> None:
    looks = [[page("nightly-1", [4]), event(4), event(1)], [page(FIRING, [1, 2])], [event(2, "not_changed"), event(3)]]
    tally, said = watched(ScriptedSource(looks), as_json=True)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed == [page(FIRING, [1, 2]), event(1), event(2, "not_changed")]
    assert (tally.ended, said) == (2, [])


def test_pages_of_other_firings_and_older_results_do_not_count() -> None:
    old = event(1, "not_changed", at="2098-12-31T23:00:00Z")
    tally, said = watched(ScriptedSource([[page("nightly-1", [1]), old, page(FIRING, [1])], [event(1)]]))
    assert (tally.ended, tally.in_force, len(said)) == (1, 1, 1)


def test_every_page_is_waited_for() -> None:
    first, last = page(FIRING, [1], last=False), page(FIRING, [2], number=1, sent=2)
    tally, _ = watched(ScriptedSource([[last, event(2), event(1)], [], [first]]))
    assert (tally.ended, len(tally.rows)) == (2, 2)


def test_a_firing_of_several_places_is_over_when_each_is() -> None:
    first, second = f"{FIRING}-1", f"{FIRING}-2"
    failed = page(second, [], sent=0)
    role = "qcs::cam::uin/2:roleName/keyturn"
    failed["data"] |= {"Listed": 0, "NotDue": 0, "Role": role}
    failed["data"]["Error"] = {"Class": "forbidden", "Code": "RoleForbidden", "Message": "no", "Retryable": False}
    tally = FiringTally(first, second)
    for one in (page(first, [1], number=1), event(1)):
        tally.add(parse_event(one))
    assert (tally.last, tally.is_listed) == (None, False)
    tally.add(parse_event(failed))
    assert tally.last is not None and not tally.is_listed  # the first page of the first place is not here
    tally.add(parse_event(page(first, [2], last=False)))
    assert (tally.last.counts[:3], tally.is_listed, tally.in_force) == ((2, 1, 1), True, 1)
    assert tally.last.error == f"{role} in ap-guangzhou: forbidden: RoleForbidden: no"


def test_the_strongest_result_of_a_command_stands() -> None:
    tally = FiringTally(FIRING)
    for one in (page(FIRING, [1]), event(1), event(1, "not_changed"), event(1, "unknown")):
        tally.add(parse_event(one))
    assert (tally.ended, tally.in_force) == (1, 1)


OTHERS: list[dict[str, Any]] = [
    {},  # a dry run
    *({"subject": one} for one in ("redis/crs-2/app", "redis/crs-1/root", "tcr/crs-1/app", "redis/-/-", "-/-/-")),
    *({"source": f"keyturn/{one}"} for one in ("tencent/ap-shanghai", "alibaba/ap-guangzhou")),
]


@pytest.mark.parametrize("other", OTHERS)
def test_what_is_about_something_else_is_not_in_force(other: dict[str, Any]) -> None:
    told = event(1, DryRun=other == {}) | other
    tally, _ = watched(ScriptedSource([[page(FIRING, [1]), told]]), silent_s=5)
    assert tally.in_force == 0


@pytest.mark.parametrize("subject", ["redis/crs-1/app", "redis/crs-1/app2", "redis/-/-"])
def test_a_pairs_result_names_one_of_its_two_accounts_and_a_command_refused_unread_none(subject: str) -> None:
    firing = page(FIRING, [1])
    firing["data"]["Rows"][0]["Account"] = "app,app2"
    tally, _ = watched(ScriptedSource([[firing, event(1, "not_changed") | {"subject": subject}]]), silent_s=5)
    assert tally.ended == 1


@pytest.mark.parametrize(("missed", "most_s"), [("", 1300), ("shows 16", 60)])
def test_what_never_comes_is_not_waited_for_for_ever(missed: str, most_s: float) -> None:
    source = ScriptedSource([[page(FIRING, [1, 2]), event(1)]], missed=missed)
    tally, _ = watched(source)
    assert (tally.ended, is_over(tally, commands=True)) == (1, False)
    assert 0 < source.elapsed_s < most_s


def test_the_ages_alone_wait_for_the_pages_alone() -> None:
    tally, said = watched(ScriptedSource([[page(FIRING, [1, 2], sent=0)]]), commands=False)
    assert (len(tally.rows), said) == (2, [])


def test_somebody_elses_message_is_left_alone() -> None:
    tally, _ = watched(ScriptedSource([[{"type": "order"}, {}, page(FIRING, [])]]))
    assert is_over(tally, commands=True)


def test_the_bar() -> None:
    assert progress_text(0, None) == "listing; 0 ended"
    assert progress_text(1, 2) == "[############............] 1 of 2 ended"
    assert progress_text(0, 0).endswith("0 of 0 ended")


ENDED_EARLY = {"Class": "refused", "Code": "Forbidden.RAM", "Message": "the second page was refused"}


@dataclass
class ScriptedCaller:
    """A function that is asked twice: for the ages, then to rotate."""

    replies: list[tuple[int, ...]]
    in_other_accounts = False
    reads_no_store: bool = False

    def fire(self, mode: str) -> Fired:
        return Fired(mode, self.replies.pop(0), continues=False)


def ended(
    monkeypatch: pytest.MonkeyPatch,
    replies: list[tuple[int, ...]],
    source: ScriptedSource | None,
    *,
    any_age: bool = False,
) -> tuple[int, str]:
    """The exit code of one run, and what it said; without a source the queue cannot be read."""

    def open_results(*_: object, **__: object) -> ScriptedSource:
        if source is None:
            raise SourceError("no right to read it")
        return source

    monkeypatch.setattr("shared.workbench.rotate.session.open_results", open_results)
    monkeypatch.setattr("shared.workbench.rotate.session.PolicyCaller", lambda *_, **__: ScriptedCaller(replies))
    said = io.StringIO()
    description = load(ROOT / "serverless.yml", "tencent", {})
    session = Session(description, "yearly", {}, Terminal(said, {"YES": "1"}), any_age=any_age)
    return session.rotate(), said.getvalue()


@pytest.mark.parametrize(("any_age", "code"), [(True, 1), (False, 0)])
def test_where_every_password_was_asked_for_and_none_is_allowed_it_is_a_failure(
    any_age: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_out = page("report", [], sent=0)
    left_out["data"] |= {"NotDue": 0, "NotAllowed": 1}
    ended_with, said = ended(monkeypatch, [(1, 0, 0, 0, 0, 1)], ScriptedSource([[left_out]]), any_age=any_age)
    assert (ended_with, "no password can be changed" in said, "nothing is due" in said) == (code, any_age, not any_age)


def told_early(firing: str, due: list[int]) -> dict[str, Any]:
    one = page(firing, due, sent=0)
    one["data"]["Error"] = ENDED_EARLY
    return one


def test_a_rotation_that_ended_early_is_no_rotation_of_which_nothing_was_due(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ScriptedSource([[page("report", [1], sent=0)], [told_early("rotate", [])]])
    code, said = ended(monkeypatch, [(2, 1, 0, 1, 0, 0), (1, 0, 0, 1, 0, 0)], source)
    assert (code, "the second page was refused" in said, "nothing was due" in said) == (1, True, False)


def test_where_only_a_part_was_listed_it_is_not_known_that_nothing_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = ended(monkeypatch, [(1, 0, 0, 1, 0, 0)], ScriptedSource([[told_early("report", [])]]))
    assert (code, "the second page was refused" in said, "nothing is due" in said) == (1, True, True)


def test_a_fleet_of_none_without_a_report_may_not_have_been_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = ended(monkeypatch, [(0, 0, 0, 0, 0, 0)], None)
    assert (code, "or they could not be listed: the log lines of plan_rotation say which" in said) == (1, True)


REFUSED = '{"Result": {"data": {"Error": {"Class": "%s", "Code": null, "Message": "no"}}}, "Delivered": true}'


@pytest.mark.parametrize(
    ("status", "text", "may_have_run"),
    [
        (504, "gateway time-out", True),
        (500, '{"errorCode": "InvocationTimeout"}', True),
        (403, '{"Code": "AccessDenied"}', False),
        (432, '{"errorCode": 432, "errorMessage": "ResourceLimitReached"}', False),
        (400, REFUSED % "invalid_command", False),
        (500, REFUSED % "failed", True),
        (200, '{"Result": {"data": null}}', True),
        (200, "<html>a proxy's page</html>", True),
        *((200, f'{{"Rotation": {{"Listed": {one}}}}}', True) for one in ("null", '"x"', "1e400", "-1", "true")),
        (200, "[" * 100_000, True),
    ],
)
def test_a_call_that_the_platform_ended_may_have_sent_commands(
    monkeypatch: pytest.MonkeyPatch, status: int, text: str, may_have_run: bool
) -> None:
    monkeypatch.setattr("shared.workbench.rotate.firing_call.address_of", lambda *_: "https://there.example/")
    monkeypatch.setattr("shared.workbench.rotate.firing_call.signed_call", lambda *_: (status, text))
    description = load(ROOT / "serverless.yml", "tencent", {})
    with pytest.raises(FiringFailed) as failed:
        PolicyCaller(description, next(iter(description.policies)), {}).fire("rotate")
    assert failed.value.may_have_run is may_have_run
