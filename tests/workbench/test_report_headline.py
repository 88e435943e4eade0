"""The report's headline: it says the worst first, counts right, and says `All clear` only where nobody has to act."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.report.headline import Level, Tally, headline
from tests.conftest import ACCOUNT, House, outcome
from tests.support.commands import VALID_COMMANDS
from tests.workbench.report_events import page_of, result_event, rotation_event

CLEAR = Tally(events=29, commands=29, changed=29)
NINE = Tally(events=9, commands=9, changed=2)


@pytest.mark.parametrize(
    ("tally", "level", "text"),
    [
        (CLEAR, Level.GOOD, "All clear: 29 commands, 29 changed"),
        (Tally(events=1, commands=1, changed=1), Level.GOOD, "All clear: 1 command, 1 changed"),
        (
            Tally(events=9, commands=9, changed=5, already_changed=3, mended=1),
            Level.GOOD,
            "All clear: 9 commands, 5 changed, 3 already changed, 1 mended by a later change",
        ),
        (Tally(events=1234, commands=1234, changed=1234), Level.GOOD, "All clear: 1,234 commands, 1,234 changed"),
        (Tally(events=1, rotations=1, known_ages=6), Level.GOOD, "All clear: 6 credentials within the age limit"),
        (Tally(events=1, rotations=1), Level.GOOD, "All clear: 1 rotation, nothing due"),
        (Tally(events=3, dry_runs=3), Level.GOOD, "All clear: 3 dry runs, no obstacle found"),
        (Tally(), Level.EMPTY, "No events"),
        (Tally(unreadable=3), Level.WARN, "No events; 3 lines unreadable"),
        (replace(NINE, failed=7), Level.BAD, "7 of 9 commands failed"),
        (Tally(events=9, commands=9, failed=9), Level.BAD, "All 9 commands failed"),
        (Tally(events=1, commands=1, failed=1), Level.BAD, "1 command failed"),
        (replace(NINE, failed=1), Level.BAD, "1 of 9 commands failed"),
        (replace(NINE, unknown=2), Level.BAD, "2 of 9 commands: outcome unknown"),
        (Tally(events=1, commands=1, unknown=1), Level.BAD, "1 command: outcome unknown"),
        (replace(NINE, endless=2), Level.BAD, "2 of 9 commands pending without end"),
        (replace(NINE, running=2), Level.WAIT, "2 of 9 commands still running"),
        (Tally(events=1, commands=1, running=1), Level.WAIT, "1 command still running"),
        (replace(NINE, sent=2), Level.WAIT, "2 commands sent, no result yet"),
        (replace(NINE, running=1, sent=1), Level.WAIT, "1 of 9 commands still running; 1 command sent, no result yet"),
        (replace(CLEAR, unanswered=1), Level.BAD, "1 command without a result"),
        (replace(CLEAR, stopped=1), Level.BAD, "1 rotation stopped"),
        (replace(CLEAR, incomplete=2), Level.BAD, "2 rotations incomplete"),
        (replace(CLEAR, overdue=3), Level.BAD, "3 credentials overdue"),
        (replace(CLEAR, overdue=1), Level.BAD, "1 credential overdue"),
        (replace(CLEAR, undelivered=1), Level.WARN, "1 result undelivered"),
        (replace(CLEAR, ageless=2), Level.WARN, "2 credentials without a known age"),
        (replace(CLEAR, storeless=1), Level.WARN, "1 credential without a store name"),
        (replace(CLEAR, not_allowed=1), Level.WARN, "1 credential not allowed"),
        (replace(CLEAR, unmatched=2), Level.WARN, "2 rotations without a match"),
        (replace(CLEAR, future=1), Level.WARN, "1 event in the future"),
        (replace(CLEAR, limitless=2), Level.WARN, "2 credentials without a known limit"),
        (replace(CLEAR, unreadable=1), Level.WARN, "1 line unreadable"),
        (replace(CLEAR, dry_runs=3, dry_refused=1), Level.WARN, "1 of 3 dry runs refused"),
        (replace(NINE, failed=5, unknown=2), Level.BAD, "2 of 9 commands: outcome unknown; 5 failed"),
        (replace(NINE, endless=1, failed=6), Level.BAD, "1 of 9 commands pending without end; 6 failed"),
        (replace(NINE, failed=7, overdue=3), Level.BAD, "7 of 9 commands failed; 3 credentials overdue"),
        (replace(CLEAR, undelivered=1, overdue=3), Level.BAD, "3 credentials overdue; 1 result undelivered"),
        (
            replace(NINE, failed=4, unknown=1, endless=2, overdue=3, unreadable=1),
            Level.BAD,
            "1 of 9 commands: outcome unknown; 2 pending without end; 4 failed; and 2 more",
        ),
    ],
)
def test_the_headline_is_true(tally: Tally, level: Level, text: str) -> None:
    said = headline(tally)
    assert (said.level, said.text) == (level, text)


GOOD_NEWS = {"events", "commands", "changed", "already_changed", "mended", "known_ages", "rotations", "dry_runs"}


@pytest.mark.parametrize("name", sorted({one.name for one in fields(Tally)} - GOOD_NEWS))
def test_no_headline_is_green_while_anything_is_wrong_or_still_running(name: str) -> None:
    said = headline(replace(CLEAR, dry_runs=2, **{name: 1}))
    assert said.level is not Level.GOOD
    assert "clear" not in said.text


def test_every_problem_is_listed_even_those_that_the_line_has_no_room_for() -> None:
    wrong = {one.name: 1 for one in fields(Tally)} | {"commands": 9}
    said = headline(Tally(**wrong))
    assert len(said.problems) == 16
    assert said.text.endswith("; and 13 more")


@pytest.mark.parametrize(
    ("tally", "level", "text"),
    [
        (CLEAR, Level.WARN, "As of 2026-01-01: 29 commands, 29 changed"),
        (replace(NINE, running=2), Level.WARN, "As of 2026-01-01: 2 of 9 commands still running"),
        (replace(NINE, failed=7), Level.BAD, "As of 2026-01-01: 7 of 9 commands failed"),
    ],
)
def test_what_old_events_say_is_told_as_of_their_day_and_is_never_green(tally: Tally, level: Level, text: str) -> None:
    said = headline(tally, "2026-01-01")
    assert (said.level, said.text) == (level, text)


Event = dict[str, Any]
REMARK: Event = {"Stored": None, "Evidence": ["ModifyInstanceAccount: task 3"]}
CLEAR_TEXT: Event = {"Stored": None, "Evidence": ["ModifyInstanceAccount with AccountPassword: task 3"]}
ALIBABA = {"source": "keyturn/alibaba/cn-hangzhou"}
MENDED = "All clear: 2 commands, 1 changed, 1 mended by a later change"


def at(clock: str) -> str:
    return f"2026-11-22T{clock}.000Z"


def told(outcome: str, name: str, began: str, ended: str = "", **data: Any) -> Event:
    return result_event(outcome, name, at(ended or began), StartedAt=at(began), **data)


def row(age: float | None, resource: str = "crs-1", command: str | None = None) -> Event:
    why = {"Due": command is not None, "Why": "a reason"}
    return {"Resource": resource, "Account": "app", "AgeDays": age, "ChangedAt": None, "CommandId": command} | why


def rotated(clock: str, *rows: Event, **data: Any) -> Event:
    """A firing that sends what its rows name."""
    sent = sum(one["CommandId"] is not None for one in rows)
    return rotation_event(list(rows), at(clock), "rotate", **({"Due": sent, "Sent": sent} | data))


def aged(clock: str, *rows: Event, **data: Any) -> Event:
    """A firing that only tells ages."""
    return rotation_event(list(rows), at(clock), **data)


REFUSED = told("not_changed", "b", "06:01:00")
LOST = told("unknown", "b", "06:01:00")
SEEN = told("already_changed", "a", "08:00:00", Evidence=["earlier delivery; not looked at since"])
STOPPED = rotated("06:00:00", Error={"Class": "forbidden", "Code": "c", "Message": "m"})
ANY_AGE = {"MaxAgeDays": 1e-6}


@pytest.mark.parametrize(
    ("events", "says"),
    [
        pytest.param([REFUSED, told("changed", "a", "06:02:00")], MENDED, id="it began later"),
        pytest.param([REFUSED, told("changed", "a", "06:00:00", "06:02:00")], "1 of 2 commands failed", id="it ended"),
        pytest.param([REFUSED, told("changed", "a", "06:02:00", **REMARK)], "1 of 2 commands failed", id="a remark"),
        pytest.param([REFUSED, told("changed", "a", "06:02:00", **CLEAR_TEXT)], MENDED, id="a password in clear text"),
        pytest.param([LOST, SEEN], "1 of 2 commands: outcome unknown", id="an earlier delivery that nobody looked at"),
        pytest.param([REFUSED, SEEN], "1 of 2 commands failed", id="the same after a refusal"),
        pytest.param(
            [LOST, rotated("06:06:29", row(91, command="a")), SEEN],
            "1 of 2 commands: outcome unknown",
            id="sent before it settled",
        ),
        pytest.param(
            [LOST, rotated("06:06:31", row(91, command="a")), SEEN],
            "All clear: 2 commands, 1 already changed, 1 mended by a later change",
            id="sent by a rotation since",
        ),
        pytest.param([LOST, told("changed", "a", "06:06:29")], "1 of 2 commands: outcome unknown", id="not settled"),
        pytest.param([LOST, told("changed", "a", "06:06:31")], MENDED, id="settled"),
        pytest.param(
            [one | ALIBABA for one in (LOST, told("changed", "a", "06:16:29"))],
            "1 of 2 commands: outcome unknown",
            id="not settled at Alibaba",
        ),
        pytest.param([one | ALIBABA for one in (LOST, told("changed", "a", "06:16:31"))], MENDED, id="at Alibaba"),
    ],
)
def test_a_command_is_mended_by_a_change_of_the_password_that_began_when_it_was_settled(
    events: list[Event], says: str, tmp_path: Path
) -> None:
    assert headline_of(events, tmp_path) == says


@pytest.mark.parametrize(
    ("events", "says"),
    [
        pytest.param([told("changed", "a", "06:05:00", **REMARK)], "1 credential overdue", id="a remark"),
        pytest.param(
            [told("changed", "a", "06:05:00", **CLEAR_TEXT)], "All clear: 1 command, 1 changed", id="password"
        ),
        pytest.param([told("already_changed", "a", "06:05:00")], "1 credential overdue", id="of another time"),
        pytest.param(
            [rotated("06:00:01", row(200, command="k")), told("already_changed", "k", "06:05:00")],
            "All clear: 1 command, 1 already changed",
            id="what the rotation sent",
        ),
        pytest.param(
            [rotated("05:00:00", row(200, command="k")), told("already_changed", "k", "06:05:00")],
            "1 credential overdue",
            id="what an earlier rotation sent",
        ),
    ],
)
def test_a_change_of_the_password_alone_makes_a_credential_young(
    events: list[Event], says: str, tmp_path: Path
) -> None:
    assert headline_of([aged("06:00:00", row(200)), *events], tmp_path) == says


def test_a_rotation_of_any_age_tells_no_limit(tmp_path: Path) -> None:
    rows = [row(age, f"crs-{age}") for age in (200, 10)]
    due = [row(age, f"crs-{age}", f"k-{age}") for age in (200, 10)]
    now = [aged("06:00:00", *rows, **ANY_AGE), rotated("06:01:00", *due, **ANY_AGE)]
    changed = [
        told("changed", f"k-{age}", f"06:0{n}:00", subject=f"redis/crs-{age}/app") for n, age in ((2, 200), (4, 10))
    ]
    assert headline_of([*now, *changed], tmp_path) == "All clear: 2 commands, 2 changed"
    of_any_age = {**rows[0], "Due": True, "Why": "older than 1e-06 days"}
    assert headline_of([aged("06:00:00", of_any_age, **ANY_AGE)], tmp_path) == "1 credential without a known limit"
    page = (tmp_path / "events.jsonl.html").read_text(encoding="utf-8")
    assert "asked for now" in page and "1e-06" not in page
    for policy in (aged("05:00:00", *rows), aged("07:00:00", *rows)):
        assert headline_of([*now[:1], policy], tmp_path) == "1 credential overdue"
    assert headline_of([aged("05:00:00", *rows), *now, *changed], tmp_path) == "All clear: 2 commands, 2 changed"


def test_the_rotation_of_one_account_hides_none_of_another(tmp_path: Path) -> None:
    roles = [{"Role": f"qcs::cam::uin/{uin}:roleName/keyturn"} for uin in (1, 2)]
    old = aged("06:00:00", row(200, "crs-1"), row(300, "crs-2"), **roles[0])
    young = aged("06:10:00", row(10, "crs-8"), row(10, "crs-9"), **roles[1])
    assert headline_of([old, young], tmp_path) == "2 credentials overdue"
    stopped = {**STOPPED, "data": STOPPED["data"] | roles[0]}
    assert headline_of([stopped, rotated("06:10:00", row(10), **roles[1])], tmp_path) == "1 rotation stopped"


def test_a_rotation_that_stopped_is_told_until_one_succeeds(tmp_path: Path) -> None:
    assert headline_of([STOPPED], tmp_path) == "1 rotation stopped"
    look = aged("06:10:00", row(10))
    assert headline_of([STOPPED, look], tmp_path) == "1 rotation stopped"
    assert headline_of([STOPPED, {**look, "data": {**look["data"], "Last": False}}], tmp_path) == "1 rotation stopped"
    within = "All clear: 1 credential within the age limit"
    assert headline_of([STOPPED, look, rotated("06:20:00", row(10), Listed=1)], tmp_path) == within
    failed_look = {**STOPPED, "data": {**STOPPED["data"], "Mode": "report"}}
    assert headline_of([failed_look, rotated("06:20:00", row(10), Listed=1)], tmp_path) == within


def test_a_rotation_that_can_change_nothing_is_never_all_clear(tmp_path: Path) -> None:
    assert headline_of([rotated("06:00:00")], tmp_path) == "1 rotation without a match"
    refused = rotated("06:00:00", row(20), NotAllowed=1)
    assert headline_of([refused], tmp_path) == "1 credential not allowed"
    allowed = rotated("06:10:00", row(20), NotDue=1)
    assert headline_of([rotated("05:00:00"), refused, allowed], tmp_path).startswith("All clear")
    # One policy for two regions matches something if one of them has it.
    empty, other = (rotated("06:00:00", Firing="nightly-2"), rotated("06:00:01", row(20), Firing="nightly-1"))
    assert headline_of([empty, other | {"source": "keyturn/tencent/ap-singapore"}], tmp_path).startswith("All clear")


def test_a_credential_that_its_policy_cannot_rotate_is_not_within_the_limit(tmp_path: Path) -> None:
    ahead = row(-30) | {"ChangedAt": "2026-12-22T06:00:00Z", "Why": "no age: its last change is 30 days in the future"}
    for event in (rotated("06:00:00", ahead, Unknown=1), aged("06:00:00", row(10, "crs-2"), ahead, Unknown=1)):
        assert headline_of([event], tmp_path) == "1 credential without a known age"
    why = "Store: the names of the resource and the account give no valid store name"
    for age, says in ((20, ""), (200, "1 credential overdue; ")):
        nameless = rotated("06:00:00", row(age) | {"Why": why}, Unknown=1)
        assert headline_of([nameless], tmp_path) == f"{says}1 credential without a store name"
    assert why in (tmp_path / "events.jsonl.html").read_text(encoding="utf-8").partition('id="storeless"')[2]


def test_what_a_whole_rotation_does_not_name_is_not_due_any_more(tmp_path: Path) -> None:
    clear = "All clear: 1 rotation, nothing due"
    unread = row(None) | {"Account": "-", "Why": "not listed: RequestLimitExceeded"}
    unsent = rotated("05:00:00", row(95, command="k") | {"Why": "older than 90 days; not sent: x"}, Sent=0)
    nameless = rotated("05:00:00", row(20) | {"Why": "Store: no valid store name"}, Unknown=1)
    for before in (rotated("05:00:00", unread, Unknown=1), rotated("05:00:00", row(95)), unsent, nameless):
        assert headline_of([before, rotated("06:00:00", Listed=1, NotDue=1)], tmp_path) == clear
    later = {"Listed": 2, "NotDue": 1}
    for data, wrong in (
        ({"Unknown": 1}, ""),
        ({"NotAllowed": 1}, "; 1 credential not allowed"),
        ({"Due": 1}, ""),
        ({"Last": False}, ""),
    ):
        said = headline_of([aged("05:00:00", row(95)), rotated("06:00:00", **(later | data))], tmp_path)
        assert (
            said
            == ("1 rotation incomplete; " if data.keys() & {"Due", "Last"} else "") + "1 credential overdue" + wrong
        )
    future = [aged("05:00:00", row(95)), rotation_event([], "2036-11-22T06:00:00Z", "rotate", Listed=1, NotDue=1)]
    said = headline_of(future, tmp_path, today=at("06:00:00"))
    assert said == "1 credential overdue; 1 event in the future"
    # An age within the limit still counts, also when it goes over the limit after that rotation.
    young = [aged("05:00:00", row(89.5)), rotated("06:00:00", Listed=1, NotDue=1)]
    assert headline_of(young, tmp_path) == "All clear: 1 credential within the age limit"
    assert headline_of(young, tmp_path, today="2026-11-22T18:00:00Z") == "1 credential overdue"


def test_waits_and_ages_go_on_when_no_event_comes_any_more(tmp_path: Path) -> None:
    sent = [rotated("06:00:00", *(row(10, f"crs-{n}", f"k-{n}") for n in range(3)), **ANY_AGE)]
    standin = {"environ": {"KEYTURN_ALIBABA_ENDPOINT": "http://localhost:9310"}}
    for events, before, after in (
        ([told("pending", "p", "06:00:00")], "1 command still running", "1 command pending without end"),
        ([aged("05:00:00", row(10)), *sent], "3 commands sent, no result yet", "3 commands without a result"),
        ([aged("06:00:00", row(89.5))], "All clear: 1 credential within the age limit", "1 credential overdue"),
    ):
        assert headline_of(events, tmp_path, today=at("06:40:00")) == before
        assert headline_of(events, tmp_path, today="2026-11-23T05:59:00Z") == after
        assert headline_of(events, tmp_path, today="2026-11-23T05:59:00Z", **standin) == before


def test_events_of_another_day_are_told_as_of_then(tmp_path: Path) -> None:
    pending, ages = told("pending", "p", "06:00:00"), aged("06:00:00", row(80))
    for event, says in ((pending, "1 command still running"), (ages, "1 credential within the age limit")):
        assert headline_of([event], tmp_path, today="2026-11-23T06:01:00Z") == f"As of 2026-11-22: {says}"


def test_one_wrong_clock_is_told_and_is_not_the_time_of_the_page(tmp_path: Path) -> None:
    future = result_event("changed", "z", "2036-11-22T06:00:00Z", subject="redis/crs-9/app")
    events = [told("pending", "p", "06:01:00"), aged("06:01:00", row(10)), future]
    today = "2026-11-22T06:02:00Z"
    assert headline_of(events, tmp_path, today=today) == "1 event in the future"
    act = (tmp_path / "events.jsonl.html").read_text(encoding="utf-8").partition('id="future"')[2]
    assert "redis/crs-9/app" in act and "2036-11-22 06:00:00" in act
    assert headline_of([future], tmp_path, today=today) == "1 event in the future"
    # The clock of the stand-in may be ahead by any time.
    standin = {"KEYTURN_TENCENT_ENDPOINT": "http://127.0.0.1:9310"}
    assert headline_of([future], tmp_path, today=today, environ=standin) == "All clear: 1 command, 1 changed"


def test_results_show_whether_a_command_set_the_password(house: House, tmp_path: Path) -> None:
    """By the function itself: of two that changed something after the failure, the remark mends nothing."""
    command = {name: VALID_COMMANDS[ACCOUNT][name] for name in ("InstanceId", "AccountName", "Region")}
    refused = {**command, "AccountPassword": "Else-Passw0rd1", "CommandId": "c-refused"}
    house.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "fail_task", "Times": 1}])
    assert outcome(house.send(ACCOUNT, refused)) == "not_changed"
    house.cloud.clear_faults()
    assert outcome(house.send(ACCOUNT, {**command, "Remark": "of the shop", "CommandId": "c-remark"})) == "changed"
    assert headline_of(house.results(), tmp_path) == "1 of 2 commands failed"
    assert outcome(house.send(ACCOUNT, {**refused, "CommandId": "c-again"})) == "changed"
    assert headline_of(house.results(), tmp_path) == "All clear: 3 commands, 2 changed, 1 mended by a later change"


def headline_of(events: list[Event], folder: Path, **more: Any) -> str:
    page = page_of(folder, events, **more).read_text(encoding="utf-8")
    return page.partition("<h1>")[2].partition("</h1>")[0]
