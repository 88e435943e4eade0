"""Plays one case against a stand-in and says what broke.

Invariants, by the letters that violations carry:
(a) a delivery that was not killed ends in exactly one terminal result, and that result is on the results queue;
(b) no handler raises: the results queue works in every case, so there is always something to publish to;
(c) the standing result (in force over unknown over not_changed) agrees with what the real server takes;
    `unknown` stands only where `cases.may_be_unknown` says why;
(d) the credential really changes at most once, however often the command is delivered;
(e) no secret shows in a result, a log or a queue file;
(f) what the command did not name (rights, routing) stays as it was;
(g) one fact has one id, over all deliveries;
(h) to (j) what a store promises that keeps the secret: see `kept`.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.queues import open_inbox
from tests import shapes
from tests.cloud.client import Standin
from tests.cloud.runtime import SCF, Returned
from tests.cloud.world import merge

from . import leaks
from .cases import ALWAYS, FOLLOW_POINTS, KILL_POINTS, ONCE, OVERLAP, SECOND, TWICE, Case, may_be_unknown
from .kept import Shelf
from .kept_cases import kept_may_be_unknown
from .operations import ALL_TARGETS, KEPT, REDIS, Target
from .platform import drain, events_of, invoke, invoke_and_kill

IN_FORCE = ("changed", "already_changed")
_KEYS = ("standin-secret-key", "standin-session-token")
_SLOW_S = 1.7
_MOST_DELIVERIES = 4
_KILLED_LIMIT_S = 30.0  # of a process that is watched at every step, and must reach its end


@dataclass
class Verdict:
    """What came of a case: every delivery's outcome, and every promise that was broken."""

    case: Case
    outcomes: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass
class _Stage:
    """One case in play."""

    case: Case
    target: Target
    standin: Standin
    settings: dict[str, str]
    event: bytes
    new: str
    verdict: Verdict
    shelf: Shelf | None = None
    last: dict[str, Any] | None = None  # data of the last terminal result
    written: dict[str, bytes] = field(default_factory=dict)
    outcomes: list[str] = field(default_factory=list)  # terminal, of all deliveries
    shown: list[str] = field(default_factory=list)  # passwords that replies showed
    retryable: bool = False  # the last result says that the same command may work later
    deliveries: int = 0

    def broke(self, letter: str, text: str) -> None:
        self.verdict.violations.append(f"({letter}) {text}")


def play(case: Case, standin: Standin, folder: Path, seed: int) -> Verdict:
    """Run the case in a world put back to its start. `folder` is empty and its own."""
    target = ALL_TARGETS[case.target]
    rng = random.Random(f"{seed} {case}")
    world: dict[str, Any] = {"old_equals_new": "refuse" if case.refuse else "accept"}
    world["redis"] = {REDIS: {"accounts": {"app": KEPT}}}
    world = merge(world, dict(target.world))
    if case.slow:
        world |= {"task_s": _SLOW_S, "settle_s": _SLOW_S}
    standin.reset(**world)
    settings = {
        "KEYTURN_RESULTS": f"sqlite://{folder / 'results.db'}",
        "KEYTURN_TENCENT_ENDPOINT": standin.endpoint,
        "KEYTURN_ALIBABA_ENDPOINT": standin.endpoint,
        "KEYTURN_LOG": "DEBUG",
        # A rate of its own gives the case a pace of its own: one case's throttling must not slow the next.
        "KEYTURN_RATE": f"{20 + rng.random():.9f}",
    }
    if case.commands:
        settings["KEYTURN_COMMANDS"] = f"sqlite://{folder / 'commands.db'}"
    new = target.make_new(rng)
    command = target.command(target.old, new) | ({"Login": True} if case.login else {})
    name = f"case-{rng.randrange(10**9)}"
    stage = _Stage(case, target, standin, settings, _event(case, target, command, name), new, Verdict(case))
    if target.place:
        stage.shelf = Shelf(case, target, standin)
        stage.shelf.look()
    if case.kill:
        _killed(stage)
    else:
        _post_fault(stage, redelivery=False)
        _deliver(stage, redelivery=False)
    # What a fault or a kill leaves is looked at before anything is delivered again.
    if case.mode != OVERLAP:
        _agree(stage)
        standin.clear()
        _post_fault(stage, redelivery=True)
        _deliver(stage, redelivery=True)
        while case.kill and stage.retryable and stage.deliveries < _MOST_DELIVERIES:
            # The killed delivery's task was still at work: the sender is told so, and sends it again.
            _deliver(stage, redelivery=True)
    _agree(stage)
    _counted(stage)
    _kept(stage)
    if stage.shelf is not None and not _never_ends(case):
        _resolved(stage, _event(case, target, command, f"{name}-next"))
    _one_id(stage)
    _clean(stage, folder)
    stage.verdict.outcomes = stage.outcomes
    return stage.verdict


def _event(case: Case, target: Target, command: dict[str, Any], name: str) -> bytes:
    event = shapes.event(command, target.platform, case.trigger, name=name, headers={"idempotency-key": name})
    return json.dumps(event).encode() if target.platform == SCF else event


def _post_fault(stage: _Stage, *, redelivery: bool) -> None:
    case = stage.case
    if case.fault and (case.mode == ALWAYS or (case.mode == SECOND) == redelivery):
        times = {ONCE: 1, OVERLAP: 1, TWICE: 2}.get(case.mode, 500)
        action = case.action or stage.target.action
        stage.standin.faults([{"Action": action, "Fault": case.fault, "Times": times}])
    if case.also[0] and not redelivery:
        stage.standin.faults([{"Action": case.also[0], "Fault": case.also[1], "Times": 500}])


def _killed(stage: _Stage) -> None:
    """The first delivery dies; what it left on the commands queue is worked off only after the event came again."""
    case, target = stage.case, stage.target
    if case.kill.startswith("follow: "):
        first = _invoke(stage)
        _take(stage, events_of(first))
        point = case.kill_point if case.point else FOLLOW_POINTS[case.kill]
        drained = drain(stage.settings, ages=False, kill=point, standin=stage.standin)
        _not_reached(stage, drained.killed)
        _work_off(stage, drained.returned, drained.left)
        _take(stage, drained.events)
        return
    point = case.kill_point
    if not point:
        stage.standin.faults([{"Action": target.action, "Fault": "stall", "Times": 1}])
    if case.fault:
        stage.standin.faults([{"Action": target.action, "Fault": case.fault, "Times": 500}])
    died, wrote = invoke_and_kill(
        target.function,
        stage.event,
        target.platform,
        stage.settings,
        point=point,
        standin=stage.standin,
        action=target.action,
        limit_s=_KILLED_LIMIT_S if target.place else target.limit_s,
    )
    stage.written["the killed process"] = wrote
    _not_reached(stage, died)


def _not_reached(stage: _Stage, died: bool) -> None:
    case = stage.case
    if died:
        return
    stage.verdict.story.append(
        f"the process was not killed: {case.point or KILL_POINTS.get(case.kill)} was not reached"
    )
    if stage.shelf is not None:
        stage.broke("-", "the kill point was not reached, so the case shows nothing")


def _invoke(stage: _Stage) -> Returned:
    target = stage.target
    returned = invoke(target.function, stage.event, target.platform, stage.settings, timeout_s=target.limit_s)
    number = len(stage.written)
    _work_off(stage, [returned], 0)
    if returned.value and "statusCode" in returned.value:
        reply = json.loads(returned.value["body"])
        if password := reply.pop("Password", None):
            stage.shown.append(password)
        stage.written[f"reply {number}"] = json.dumps(reply, ensure_ascii=False).encode()
    return returned


def _work_off(stage: _Stage, returned: list[Returned], left: int) -> None:
    for one in returned:
        stage.written[f"log {len(stage.written)}"] = one.log.encode()
        stage.written[f"events {len(stage.written)}"] = json.dumps(events_of(one), ensure_ascii=False).encode()
        if one.error is not None:
            stage.broke("b", f"raised {one.error['errorType']}: {one.error['errorMessage'][:120]}")
    if left:
        stage.broke("a", f"{left} commands still wait after many rounds")


def _take(stage: _Stage, events: list[dict[str, Any]]) -> None:
    for event in events:
        data = event["data"]
        error = data["Error"] or {}
        words = (
            data["Outcome"],
            error.get("Class"),
            error.get("Code"),
            f"attempt {data['Attempts']}",
            data["Evidence"],
        )
        stage.verdict.story.append(" ".join(str(word) for word in words if word))
        if data["Outcome"] != "pending":
            stage.last = data
            stage.outcomes.append(data["Outcome"])
            stage.retryable = bool(error.get("Retryable"))


def _deliver(stage: _Stage, *, redelivery: bool) -> None:
    case = stage.case
    stage.deliveries += 1
    own = events_of(_invoke(stage))
    again = events_of(_invoke(stage)) if case.mode == OVERLAP else []
    # What a killed delivery left behind is worked off here too: its results are told apart by their start.
    drained = drain(
        stage.settings, ages=case.fault == "hang_task" or case.mode in (ALWAYS, SECOND) or bool(case.also[0])
    )
    _work_off(stage, drained.returned, drained.left)
    _take(stage, [*own, *again, *drained.events])
    if case.mode == OVERLAP and stage.target.in_clear:
        _settled(stage, again, drained.events, redelivery=True)
    _settled(stage, own, drained.events, redelivery=redelivery, deliveries=1 if own or case.mode != OVERLAP else 2)


def _settled(
    stage: _Stage,
    own: list[dict[str, Any]],
    later: list[dict[str, Any]],
    *,
    redelivery: bool,
    deliveries: int = 1,
) -> None:
    """(a), and whether `unknown` is allowed: of a delivery that replied `own`, with what came of commands `later`."""
    if stage.target.in_clear and not own:
        stage.broke("a", "a delivery that holds a secret was handed on")
        return
    starts = {one["data"]["StartedAt"] for one in own}
    mine = [one for one in (*own, *later) if not starts or one["data"]["StartedAt"] in starts]
    terminal = [one for one in mine if one["data"]["Outcome"] != "pending"]
    # What a killed delivery put on the queue ends here too, and tells the same as this one that was handed on.
    leftover = bool(stage.case.kill) and not starts and len(terminal) > deliveries
    if len(terminal) != deliveries and not leftover:
        stage.broke("a", f"{'re' if redelivery else ''}delivery ended in {len(terminal)} terminal results")
    queued = {one["id"] for one in _published(stage)}
    if missing := [one["data"]["Outcome"] for one in mine if one["id"] not in queued]:
        stage.broke("a", f"not on the results queue: {missing}")
    for one in terminal:
        if one["data"]["Outcome"] == "unknown":
            reason = may_be_unknown(stage.case, redelivery=redelivery)
            if stage.shelf is not None:
                reason = reason or kept_may_be_unknown(stage.case, one["data"], redelivery=redelivery)
            if reason is None:
                code = (one["data"]["Error"] or {}).get("Code")
                stage.broke("c", f"{'re' if redelivery else ''}delivery ended unknown ({code}), which no reason allows")
            else:
                stage.verdict.reasons[reason] += 1


def _published(stage: _Stage) -> list[dict[str, Any]]:
    inbox = open_inbox(stage.settings["KEYTURN_RESULTS"])
    try:
        return [json.loads(stored.message.body) for stored in inbox.peek()]
    finally:
        inbox.close()


def _agree(stage: _Stage) -> None:
    """(c): by a client that is not ours, at the real server."""
    target, standin, case = stage.target, stage.standin, stage.case
    if stage.shelf is not None:
        stage.shelf.check(_standing(stage.outcomes) if stage.outcomes else "", stage.last, stage.broke)
    if not stage.outcomes:
        return  # killed before anything was said
    published = {one["data"]["Outcome"] for one in _published(stage)} - {"pending"}
    if _standing(list(published)) != _standing(stage.outcomes):
        stage.broke("c", f"the queue says {sorted(published)}, the replies say {stage.outcomes}")
    if stage.shelf is not None:
        return
    if target.shown:
        _agree_shown(stage)
        return
    standing = _standing(stage.outcomes)
    opens = (target.holds(standin, stage.new), target.holds(standin, target.old))
    if opens[0] == opens[1]:
        stage.broke("c", f"new is {opens[0]} and old is {opens[1]} at once")
    elif standing == "in force" and not opens[0]:
        stage.broke("c", f"{stage.outcomes}: in force stands, and the server takes the old secret")
    elif standing == "not_changed" and not opens[1]:
        stage.broke("c", f"{stage.outcomes}: not_changed stands, and the server takes the new secret")
    # A killed delivery says nothing: then not_changed of the redelivery is about that delivery alone.
    if case.kill and stage.outcomes and standing != "in force":
        stage.broke("c", f"{stage.outcomes}: after the kill the redelivery did not bring the change into force")


def _agree_shown(stage: _Stage) -> None:
    last = stage.outcomes[-1]
    holds = [stage.target.holds(stage.standin, one) for one in (stage.target.old, *stage.shown)]
    if last in IN_FORCE and not (holds[-1] and len(holds) > 1 and not any(holds[:-1])):
        stage.broke("c", f"{stage.outcomes}: the password shown last does not open, or another does: {holds}")
    if last == "not_changed" and not holds[-1]:
        stage.broke("c", f"{stage.outcomes}: not_changed, and the password known before opens nothing")


def _standing(outcomes: list[str]) -> str:
    if any(one in IN_FORCE for one in outcomes):
        return "in force"
    return "unknown" if "unknown" in outcomes else "not_changed"


def _counted(stage: _Stage) -> None:
    target = stage.target
    account = target.account_state(stage.standin)
    most = 20 if target.base == "random" or not target.secret else 1
    if account["Changed"] > most:
        stage.broke("d", f"the credential changed {account['Changed']} times")


def _never_ends(case: Case) -> bool:
    """A task that hangs holds its instance for ever: nothing more can be played on it."""
    return case.fault == "hang_task" and ALL_TARGETS[case.target].service != "tcr"


def _resolved(stage: _Stage, following: bytes) -> None:
    """Nothing stops a rotation for ever: the same command without faults, and the next one, each come into force."""
    if "unknown" not in stage.outcomes and _standing(stage.outcomes) == "in force" and not stage.case.kill:
        return
    for event in (stage.event, following):
        stage.standin.clear()
        stage.event, kept = event, stage.outcomes
        stage.outcomes = []
        _deliver(stage, redelivery=True)
        if stage.shelf is not None:
            stage.shelf.check(_standing(stage.outcomes), stage.last, stage.broke)
        if event is following and _standing(stage.outcomes) != "in force":
            stage.broke("i", f"after all faults were over the next command ended {stage.outcomes}")
        stage.outcomes = kept + stage.outcomes


def _one_id(stage: _Stage) -> None:
    ids: dict[tuple[str, str], set[str]] = {}
    for event in _published(stage):
        fact = "in force" if event["data"]["Outcome"] in IN_FORCE else event["data"]["Outcome"]
        ids.setdefault((event["data"]["CommandId"], fact), set()).add(event["id"])
    if several := [key for key, found in ids.items() if len(found) > 1]:
        stage.broke("g", f"one fact has several ids: {several}")


def _kept(stage: _Stage) -> None:
    if stage.target.service == "redis" and stage.target.account == "app":
        account = stage.target.account_state(stage.standin)
        if account["Privilege"] != KEPT["privilege"] or account["ReadonlyPolicy"] != KEPT["readonly_policy"]:
            stage.broke("f", f"rights were reset to {account['Privilege']}, {account['ReadonlyPolicy']}")


def _clean(stage: _Stage, folder: Path) -> None:
    target = stage.target
    known = stage.shelf.seen if stage.shelf else [target.old, stage.new] if target.secret and not target.shown else []
    secrets = [*known, *stage.shown, *_KEYS]
    places = stage.written | {path.name: path.read_bytes() for path in folder.iterdir()}
    for hit in leaks.hits(places, secrets):
        stage.broke("e", hit)
