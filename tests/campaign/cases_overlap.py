"""Kinds C and D: two processes at once, and messages that somebody else wrote."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from tests.campaign.case import Case, Step, step
from tests.campaign.case_command import CaseCommand
from tests.campaign.cases_faults import has_tasks
from tests.campaign.forged_messages import ATTRIBUTES, CHANGES
from tests.campaign.operations import ALL_TARGETS, KEPT_TARGETS

_SLOW_WORLD = {"task_s": 12.0, "settle_s": 12.0}


def overlap_cases() -> Iterator[Case]:
    """Two commands of one credential, or one command twice, in two processes. Slow calls decide their order."""
    ways = cycle((("timer", "http"), ("queue", "timer"), ("http", "queue")))
    for name, target in ALL_TARGETS.items():
        if target.shown or not target.secret:
            continue
        promote = "UpdateSecret" if target.place.startswith("ssm") else "UpdateSecretVersionStage"
        actions = [target.action, target.reads[0]]
        if target.place:
            actions += ["PutSecretValue", promote, "ListSecretVersionIds", "GetSecretValue"]
        for action in actions:
            for when in ("before", "after"):
                for apart_s in (0.0, 0.4, 1.2):
                    for second in ("a", "b"):
                        if second == "b" and target.old_once:
                            continue
                        first_way, second_way = next(ways)
                        slow = {"Action": action, "Fault": "slow", "Seconds": 3.5, "When": when, "Times": 1}
                        steps: tuple[Step, ...] = (
                            step("fault", slow),
                            step(
                                "together",
                                (("a", first_way), (second, second_way if second == "b" else first_way)),
                                apart_s,
                            ),
                            step("clear"),
                            step("work_off"),
                        )
                        if not target.old_once:
                            steps += (step("advance", 1500.0), step("send", "c", "queue"), step("work_off"))
                        words = f"{name} {first_way} {second} {apart_s} s apart, {action} slow {when}"
                        orders = {letter: CaseCommand(name) for letter in "abc"}
                        yield Case("C", f"overlap {name} {action}", words, orders, steps)


def crowd_cases() -> Iterator[Case]:
    """Three commands at once; a change in the console in between; a lost answer; two commands for one empty store."""
    for name, target in KEPT_TARGETS.items():
        orders = {letter: CaseCommand(name) for letter in "abcd"}
        end = (step("clear"), step("work_off"), step("advance", 1500.0), step("send", "d", "queue"), step("work_off"))
        three = (("a", "queue"), ("b", "timer"), ("c", "http"))
        for apart_s in (0.0, 0.3, 0.9):
            yield Case(
                "C", "three", f"{name} three {apart_s} s apart", orders, (step("together", three, apart_s), *end)
            )
            for fault in ("drop_after", "drop_before", "fail_task", "lock"):
                put = {"Action": target.action, "Fault": fault, "Times": 1}
                steps: tuple[Step, ...] = (step("fault", put), step("together", three[:2], apart_s), *end)
                yield Case("C", f"crowd {fault}", f"{name} two {apart_s} s apart, {fault}", orders, steps)
            if not target.turns:
                steps = (step("together", three[:1], apart_s, "a"), *end)
                yield Case("C", "by hand", f"{name} by hand {apart_s} s later", orders, steps)
    two = {
        "a": CaseCommand("kept account"),
        "b": CaseCommand("kept account", {"AccountName": "root"}),
        "d": CaseCommand("kept account"),
    }
    for apart_s in (0.0, 0.1, 0.3, 0.8):
        steps = (
            step("together", (("a", "queue"), ("b", "timer")), apart_s),
            step("work_off"),
            step("send", "a", "queue"),
        )
        yield Case(
            "C", "two firsts", f"two first commands for one store {apart_s} s apart", two, (*steps, step("work_off"))
        )


def forged_cases() -> Iterator[Case]:
    """Invented messages to follow_change, real ones with changed parts, and replays; with and without a key."""
    for name in ("account", "password", "tair", "kept account", "kept password", "kept tair", "kept account in turn"):
        target = ALL_TARGETS[name]
        for key in (True, False):
            for how in ("made up", "made up proven", "unsigned", *CHANGES, *ATTRIBUTES):
                for when in ("at work", "ended"):
                    orders = {"a": CaseCommand(name)}
                    forge = step("forge", how)
                    steps: tuple[Step, ...] = (step("send", "a", "queue"),)
                    if when == "ended":
                        if not how.startswith("made up"):
                            continue
                        steps += (step("work_off"),)
                    steps += (forge, step("work_off"), forge, step("work_off"))
                    words = f"{name} {how}, {when}"
                    yield Case("D", f"forged {how}", words, orders, steps, _SLOW_WORLD, key=key)
        for between in ("nothing", "another", "by hand", "hours"):
            if (between == "another" and target.old_once) or (target.turns and between == "by hand"):
                continue
            steps = (step("send", "a", "queue"), step("keep_messages"), step("work_off"))
            if between == "another":
                steps += (step("advance", 1200.0), step("send", "b", "queue"), step("work_off"))
            if between == "by hand":
                steps += (step("outside", "a"),)
            if between == "hours":
                steps += (step("advance", 3 * 3600.0),)
            steps += (step("replay"), step("work_off"), step("replay"), step("work_off"))
            orders = {"a": CaseCommand(name), "b": CaseCommand(name)}
            yield Case("D", f"replayed {between}", f"{name} replayed, {between} between", orders, steps, _SLOW_WORLD)
    for key in (True, False):
        for trigger in ("http", "timer"):
            for platform in ("scf", "fc"):
                steps = (step("send", "a", "queue"), step("work_off"), step("ask_follower", trigger, platform))
                orders = {"a": CaseCommand("account")}
                yield Case("D", "asked", f"follow_change by {trigger} on {platform}", orders, steps, key=key)


def claimed_cases() -> Iterator[Case]:
    """Commands in an envelope of keyturn's form, with unsigned hops and attempts."""
    for name in ("account", "kept account", "kept password", "kept tair", "kept registry"):
        target = ALL_TARGETS[name]
        for claims in ({"hop": 1000}, {"attempt": 10}, {"hop": 5000, "attempt": 99}, {"mac": "A" * 43, "attempt": 10}):
            for fault in ("", "lock", "throttle", "drop_after"):
                put: dict[str, Any] = {"Action": target.action, "Fault": fault, "Times": 12}
                steps: tuple[Step, ...] = (step("fault", put),) if fault else ()
                steps += (step("send", "a", "queue"), step("clear"), step("work_off"))
                orders = {"a": CaseCommand(name, enveloped=True, claims=claims)}
                words = f"{name} {fault or 'no fault'} " + " ".join(f"{one}={value}" for one, value in claims.items())
                yield Case("D", f"claims {name}", words, orders, steps, _SLOW_WORLD if has_tasks(name) else {})
