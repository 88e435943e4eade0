"""The report: real results of the stand-in cloud on one page, counted right, escaped, readable in a real browser."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from shared.workbench.operations.runbook import read_runbook
from shared.workbench.report.__main__ import main
from shared.workbench.report.figures import Figures
from shared.workbench.report.ledger import Ledger
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT
from tests.cloud.state.world import DEFAULT_WORLD
from tests.conftest import House
from tests.workbench.report_events import EVIL, FLEET, LONG, Story, page_of, result_event, rotation_event, tell_story

STRENGTH = {"pending": 0, "not_changed": 1, "unknown": 2, "already_changed": 3, "changed": 3}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Each outcome once or more, by the real functions: by faults, redeliveries, slow tasks, and a fleet on a timer."""
    folder = tmp_path_factory.mktemp("report")
    world = folder / "world.toml"
    world.write_text(DEFAULT_WORLD.read_text(encoding="utf-8") + FLEET, encoding="utf-8")
    with Standin(world=world) as cloud, pytest.MonkeyPatch.context() as patch:
        house = House(cloud, folder, patch)
        house.settings |= {"KEYTURN_COMMANDS": house.commands_url, "KEYTURN_RATE": "1000"}
        yield tell_story(house, folder)


@pytest.fixture(scope="module")
def real(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the whole story: the queue, and the reply that no queue has."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "reply.json").write_text(json.dumps(story.reply))
    assert main([story.url, str(folder / "reply.json"), "-o", str(folder / "page.html")], {}) == 0
    return folder / "page.html"


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens a page; no console line, no error of the page and no request but for the file itself may come of it."""
    pages: list[Page] = []
    told: list[str] = []

    def opened(file: Path, width: int = 1200, *, media: Any = "screen") -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900}, java_script_enabled=True)
        pages.append(page)
        page.on("console", lambda line: told.append(line.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda asked: None if asked.url in (file.as_uri(), "data:,") else told.append(asked.url))
        page.emulate_media(media=media)
        page.goto(file.as_uri())
        return page

    yield opened
    for page in pages:
        page.close()
    assert told == []


def number(page: Page, name: str) -> int:
    return int(page.locator(f"[data-number={name}]").inner_text().replace(",", ""))


def headline_of(page: Page) -> str:
    return page.locator("h1").inner_text()


def standing(events: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    """By command the data that stands: counted here anew, from the events as they are."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for event in sorted(events, key=lambda one: str(one["time"])):
        data = event["data"]
        if not event["type"].startswith("keyturn.credential.") or data["DryRun"]:
            continue
        key = (event["source"], event["subject"], data["Operation"], data["CommandId"])
        if key not in found or STRENGTH[data["Outcome"]] > STRENGTH[found[key]["Outcome"]]:
            found[key] = data
    return found


def test_the_numbers_of_real_events_are_those_that_are_counted_anew(story: Story, real: Path, visit: Visit) -> None:
    page = visit(real)
    events = [*story.events, story.reply["Result"]]
    commands = standing(events)
    counts = Counter(data["Outcome"] for data in commands.values())
    assert counts == {"changed": 4, "not_changed": 1, "unknown": 1, "pending": 1}
    assert number(page, "changed") == counts["changed"] + counts["already_changed"]
    for name in ("not_changed", "unknown", "pending"):
        assert number(page, name) == counts[name]
    assert number(page, "events") == len(events)
    said = "1 of 7 commands: outcome unknown; 1 failed; 1 credential overdue; and 1 more"
    assert (headline_of(page), page.title()) == (said, f"keyturn report: {said}")
    listed = page.locator(".problems li").all_text_contents()
    assert listed == ["1 of 7 commands: outcome unknown", "1 failed", "1 credential overdue", "1 result undelivered"]
    places = page.locator(".problems a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert all(page.locator(place).count() == 1 for place in places)
    groups = Counter((key[0].split("/")[1], key[1].split("/")[0], key[2]) for key in commands)
    shown = page.locator("[data-group]").all()
    assert {row.get_attribute("data-group") for row in shown} == {"/".join(name) for name in groups}
    for head in shown:
        cloud, service, operation = str(head.get_attribute("data-group")).split("/")
        cells = head.locator("xpath=../td")
        assert cells.nth(4).inner_text() == str(groups[cloud, service, operation])
    failed = {data["Error"]["Class"] for data in commands.values() if data["Outcome"] == "not_changed"}
    assert {row.get_attribute("data-class") for row in page.locator("[data-class]").all()} == failed
    took = sorted(
        (moment(data["FinishedAt"]) - moment(data["StartedAt"])).total_seconds()
        for data in commands.values()
        if data["Outcome"] != "pending"
    )
    classes_of_time = page.locator("#slow figure tbody td").all_text_contents()
    assert sum(map(int, classes_of_time)) == len(took)
    assert sum(map(int, page.locator("#time tbody td").all_text_contents())) == len(commands)
    middle = took[(len(took) + 1) // 2 - 1]
    roundings = {f"{middle + nudge:.2f} s" for nudge in (-1e-6, 1e-6)}  # two, where it is half of a hundredth
    assert page.locator("[data-quantile='50']").inner_text() in roundings


def test_what_a_person_must_act_upon_comes_first_with_its_evidence(story: Story, real: Path, visit: Visit) -> None:
    page = visit(real)
    assert page.locator("main section").first.get_attribute("id") == "act"
    act = page.locator("#act").inner_text()
    (lost,) = [event["data"] for event in story.events if event["data"].get("CommandId") == "c-lost"]
    assert all(line in act for line in ["tcr/tcr-demo0001/robot", "c-lost", *lost["Evidence"]])
    assert "c-wrong" in act and "c-pending" not in act and "c-followed" not in act
    runbook = {row.id: row for row in read_runbook()}
    assert runbook["wrong_old_secret"].next.replace("`", "") in act
    running = page.locator("#running").inner_text()
    assert "c-pending" in running
    sent = [row["CommandId"] for event in story.events for row in event["data"].get("Rows", ()) if row["CommandId"]]
    answered = {event["data"].get("CommandId") for event in story.events}
    (waiting,) = set(sent) - answered
    assert waiting in running and not any(one in act + running for one in set(sent) & answered)


def test_what_changed_is_listed_with_time_and_evidence_the_newest_first(story: Story, real: Path, visit: Visit) -> None:
    page = visit(real)
    sections = page.locator("main section[id]").evaluate_all("all => all.map(one => one.id)")
    assert sections == [
        *("act", "running", "changed", "time", "ages", "rotations", "dry", "operations", "slow", "source")
    ]
    commands = standing([*story.events, story.reply["Result"]])
    told = sorted(
        (data for data in commands.values() if data["Outcome"] == "changed"), key=lambda one: one["FinishedAt"]
    )
    rows = page.locator("#changed tbody tr").all_inner_texts()
    assert len(rows) == len(told) == 4
    for row, data in zip(rows, reversed(told), strict=True):
        assert data["CommandId"] in row and data["FinishedAt"][:10] in row and "✓ changed" in row
        assert data["Evidence"] and data["Evidence"][0] in row and data["Evidence"][-1] in row


def test_ages_are_the_reports_and_a_change_told_since_makes_a_credential_young(
    story: Story, real: Path, tmp_path: Path, visit: Visit
) -> None:
    page = visit(real)
    listed = [event["data"] for event in story.events if event["data"].get("Mode") == "report"]
    rows = [row for data in listed for row in data["Rows"]]
    assert len(rows) == 6
    # One of the two that were due was changed before the listing; the listing itself says so.
    assert number(page, "over_age") == sum(row["AgeDays"] > 90 for row in rows) == 1
    oldest = max(rows, key=lambda row: float(row["AgeDays"]))
    first = page.locator("#ages tbody tr").filter(has_text=oldest["Resource"]).last
    assert f"{oldest['AgeDays']:.1f}" in first.inner_text()
    assert "changed since" not in page.locator("#ages").inner_text()
    for ticks in ("#ages .wide text", "#ages .narrow text"):
        labels = [text for text in page.locator(ticks).all_text_contents() if text.isdigit()]
        assert {int(text) for text in labels} <= {*range(7), *range(0, 500, 15)}  # edges of the classes, and counts

    fired = next(data["Fired"] for data in listed)
    later = result_event("changed", "c-later", _plus(fired, 60), subject=f"redis/{oldest['Resource']}/app")
    page = visit(page_of(tmp_path, [*story.events, later]))
    assert number(page, "over_age") == 0
    row = page.locator("#ages .scroll tbody tr").filter(has_text=oldest["Resource"]).last
    assert "changed since" in row.inner_text()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _plus(text: str, seconds: float) -> str:
    return (moment(text) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_text_of_an_event_is_text_and_breaks_no_layout(story: Story, tmp_path: Path, visit: Visit) -> None:
    hidden = "ab\u202ecd\ud800\x00"
    error = {"Class": EVIL[:40], "Code": LONG, "Message": LONG * 8, "Retryable": False}
    evil = {"Actor": LONG, "Reason": EVIL, "Evidence": [EVIL, LONG * 3, hidden] * 9, "Error": error}
    at = "2026-11-22T06:00:00.000Z"
    made_up = [
        result_event(outcome, f"e-{outcome}", at, subject=f"redis/{LONG}/{EVIL}", **evil) for outcome in STRENGTH
    ]
    policy = {"Policy": EVIL, "Mode": "report", "Function": "f", "MaxAgeDays": 1, "Firing": LONG, "Fired": at}
    row = {"Resource": LONG, "Account": EVIL, "AgeDays": 9, "ChangedAt": None, "Due": True, "Why": LONG * 3}
    report = {**result_event("changed", "r", at), "type": "keyturn.rotation.report", "id": "r"}
    report["data"] = {**policy, "Page": 0, "Last": True, "Rows": [row, {**row, "AgeDays": None, "Account": "b"}]}
    file = page_of(tmp_path, [*story.events, *made_up, report])
    for width in (1200, 360):
        page = visit(file, width)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("script, img").count() == 0
        assert page.title().startswith("keyturn report")
        assert EVIL in page.locator("body").inner_text()
    text = file.read_text(encoding="utf-8")
    assert "\u202e" not in text and "ab\ufffdcd\ufffd\ufffd" in text


def test_the_strongest_stands_in_any_order_of_arrival(tmp_path: Path, visit: Visit) -> None:
    times = [f"2026-11-22T06:00:0{second}.000Z" for second in range(5)]
    weak_to_strong = ("pending", "not_changed", "unknown", "already_changed", "changed")
    for count in range(1, 6):
        events = [result_event(weak_to_strong[n], "c", times[-n - 1]) for n in range(count)]
        for order in itertools.permutations(events):
            with Ledger() as ledger:
                for event in order:
                    ledger.add(event)
                assert Figures(ledger, 0.0).outcomes() == {weak_to_strong[count - 1]: 1}
    page = visit(page_of(tmp_path, events[:3]))
    assert [number(page, name) for name in ("changed", "unknown", "pending", "not_changed")] == [0, 1, 0, 0]


def test_the_same_events_give_the_same_bytes_in_any_order_and_repeated(story: Story, tmp_path: Path) -> None:
    once = page_of(tmp_path, story.events).read_bytes()
    shuffled = random.Random(7).sample(story.events, len(story.events))
    assert page_of(tmp_path, shuffled).read_bytes() == once
    again = page_of(tmp_path, story.events + story.events).read_text(encoding="utf-8")
    assert f'data-number="duplicates">{len(story.events)}<' in again
    assert page_of(tmp_path, [json.dumps(story.events, indent=2)]).read_text(encoding="utf-8").count(" items") == 1


def test_no_event_is_a_page_that_says_so(tmp_path: Path, visit: Visit) -> None:
    page = visit(page_of(tmp_path, []), 360)
    assert headline_of(page) == "No events"
    assert "Read from events.jsonl" in page.locator(".lead").inner_text()


def test_a_queue_that_is_not_there_is_no_empty_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, queue = tmp_path / "page.html", tmp_path / "none.db"
    page.write_text("an earlier one")
    for words, environ in (([f"sqlite://{queue}"], {}), ([], {"KEYTURN_RESULTS": f"sqlite://{queue}"})):
        assert main([*words, "-o", str(page)], environ) == 1
        said = capsys.readouterr()
        assert (said.out, f"queue {queue} does not exist" in " ".join(said.err.split())) == ("", True)
    assert page.read_text() == "an earlier one" and not queue.exists()


def test_looking_takes_nothing_from_the_queue(story: Story, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "shared.workbench.report", "-o", "-"]
    standin = {"KEYTURN_TENCENT_ENDPOINT": "http://127.0.0.1:9"}  # its events, not the clock, say when the page is of
    environ = {**os.environ, "KEYTURN_RESULTS": story.url} | standin
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=True, timeout=60)
    assert f'data-number="events">{len(story.events)}<'.encode() in done.stdout
    again = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=True, timeout=60)
    assert again.stdout == done.stdout


def test_now_decides_how_long_something_is_pending(tmp_path: Path, visit: Visit) -> None:
    pending = [result_event("pending", "c", "2026-11-22T06:00:00.000Z")]
    page = visit(page_of(tmp_path, pending, "--now", "2026-11-22T06:39:00Z"))
    assert headline_of(page) == "1 command still running"
    assert "pending for 39 min" in page.locator("#running").inner_text()
    page = visit(page_of(tmp_path, pending, "--now", "2026-11-22T08:01:00Z"))
    assert headline_of(page) == "1 command pending without end"
    assert "pending for 2 h 1 min" in page.locator("#act").inner_text()
    with pytest.raises(SystemExit):
        main(["-", "--now", "tomorrow"], {})


def test_a_later_change_of_the_same_credential_mends_what_failed_or_was_unknown(tmp_path: Path, visit: Visit) -> None:
    before = result_event("changed", "c-0", "2026-11-22T05:00:00.000Z")
    after = result_event("changed", "c-2", "2026-11-22T07:00:00.000Z")
    other = result_event("changed", "c-3", "2026-11-22T07:00:00.000Z", subject="redis/crs-1/other")
    for outcome, says in (("unknown", ": outcome unknown"), ("not_changed", " failed")):
        event = result_event(outcome, "c-1", "2026-11-22T06:00:00.000Z")
        for unrelated in (before, other):
            page = visit(page_of(tmp_path, [event, unrelated]))
            assert headline_of(page) == f"1 of 2 commands{says}"
        page = visit(page_of(tmp_path, [event, after]))
        assert headline_of(page) == "All clear: 2 commands, 1 changed, 1 mended by a later change"
        assert number(page, outcome) == 1
        assert page.locator("#act").count() == 0
        assert "by command c-2" in page.locator("#mended").inner_text()


def test_a_refused_dry_run_is_told_until_one_finds_no_obstacle(tmp_path: Path) -> None:
    refused = result_event("not_changed", "d-1", "2026-11-22T06:00:00.000Z", DryRun=True)
    clear = result_event("would_change", "d-2", "2026-11-22T07:00:00.000Z", DryRun=True)
    change = result_event("changed", "c-1", "2026-11-22T08:00:00.000Z")
    for events, says in (
        ([refused], "1 dry run refused"),
        ([refused, change], "All clear: 1 command, 1 changed"),
        ([refused, clear], "All clear: 2 dry runs, no obstacle found"),
        ([clear, {**refused, "time": "2026-11-22T09:00:00.000Z"}], "1 of 2 dry runs refused"),
    ):
        page = page_of(tmp_path, events).read_text(encoding="utf-8")
        assert f"<h1>{says}</h1>" in page


def test_what_a_rotation_sent_long_ago_is_missing_and_what_it_sent_just_now_is_on_its_way(tmp_path: Path) -> None:
    row = {"Resource": "crs-9", "Account": "app", "AgeDays": None, "ChangedAt": "2026-11-21T06:00:00.000Z"}
    rows = [{**row, "Due": True, "Why": "asked for", "CommandId": "c-sent"}]
    sent = rotation_event(rows, "2026-11-22T06:00:00.000Z", "rotate", Due=1, Sent=1)
    page = page_of(tmp_path, [sent], "--now", "2026-11-22T06:40:00Z").read_text(encoding="utf-8")
    assert "<h1>1 command sent, no result yet</h1>" in page
    page = page_of(tmp_path, [sent], "--now", "2026-11-22T06:41:00Z").read_text(encoding="utf-8")
    assert "<h1>1 command without a result</h1>" in page
    for changed, says in (
        ({"Last": False}, "1 rotation incomplete"),
        ({"Error": {"Class": "forbidden", "Code": "c", "Message": "m"}}, "1 rotation stopped"),
        ({"Sent": 0}, "1 rotation incomplete"),
    ):
        event = {**sent, "data": {**sent["data"], "Rows": [], **changed}}
        assert f"<h1>{says}</h1>" in page_of(tmp_path, [event]).read_text(encoding="utf-8")


def test_a_page_of_many_events_stays_readable(tmp_path: Path, visit: Visit) -> None:
    began = datetime(2026, 11, 1, tzinfo=timezone.utc)
    chance = random.Random(7)
    events = []
    for count in range(4000):
        at = _plus(began.isoformat(), count * 400)
        name = chance.choice(["changed", "changed", "changed", "unknown", "pending", "not_changed"])
        error = {"Class": "busy", "Code": f"Code{count}", "Message": "m", "Retryable": True}
        events.append(result_event(name, f"c-{count}", at, subject=f"redis/crs-{count}/app", Error=error))
    file = page_of(tmp_path, events)
    assert file.stat().st_size < 400_000
    page = visit(file, 360)
    commands = Counter(event["data"]["Outcome"] for event in events)
    assert number(page, "unknown") == commands["unknown"]
    act = page.locator("#act").inner_text()
    assert f"{commands['unknown'] - 24:,} more unknown not shown" in act
    assert f"{commands['not_changed'] - 8:,} more failed commands of this class not shown" in act
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    drawn = page.locator("#time figcaption").inner_text()
    assert f"{commands['changed']:,} changed" in drawn and f"{commands['pending']:,} pending" in drawn


def test_a_page_prints_without_scrolling_boxes(real: Path, visit: Visit) -> None:
    page = visit(real, 800, media="print")
    assert page.evaluate("[...document.querySelectorAll('.scroll')].every(o => o.scrollHeight <= o.clientHeight + 1)")
    assert not page.locator("nav").is_visible()
