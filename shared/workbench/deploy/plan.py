"""What stands on a platform, what should, and the ordered steps between: plain data, no calls.

Only functions and triggers that carry the mark of `deploy` are changed or removed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from shared.workbench.deploy.shown import Value, shown_value

MARK = "keyturn"
"""The key of a function's tag, whose value is the service, and what a trigger's description is."""

_CODE = re.compile(rf"{MARK}(?::([A-Za-z0-9-]+))?, code ([0-9a-f]{{32,64}})")
_NAMED = re.compile(rf"{MARK}:([A-Za-z0-9-]+)")
"""Enough to leave a function alone, and too little to take it for one's own."""


def described(service: str, code: str, *more: str) -> str:
    """A function's description: whose it is, which zip it runs, and what else its platform does not show."""
    return ", ".join((f"{MARK}:{service}", f"code {code}", *more))


@dataclass(frozen=True)
class Marks:
    """What a function's tag and description say of it: tags show late, people edit descriptions; either is believed.

    `service` is whose it is, empty if nobody's; where the two disagree it is somebody else's.
    """

    service: str
    code: str

    @classmethod
    def read(cls, own: str, tags: Iterable[Mapping[str, Any]], description: str | None) -> Marks:
        """The marks as they are seen by the service `own`; of tags, Key and Value."""
        tag = next((str(one.get("Value")) for one in tags if one.get("Key") == MARK), None)
        found = _CODE.match(description or "")
        services = [one for one in (tag, found[1] if found else None) if one]
        named = _NAMED.match(description or "")
        others = [one for one in (*services, named[1] if named else own) if one != own]
        return cls(next(iter(others or services), ""), found[2] if found else "")


LOGS, LOG_RULE = "logs", "log begin rule"
"""The settings that serverless.yml may leave unsaid: then they are neither compared nor changed."""

Action = Literal[
    "create function", "change code", "change settings", "change retries", "change instances", "create trigger",
    "change trigger", "delete trigger", "delete function",
]  # fmt: skip


@dataclass(frozen=True)
class TriggerState:
    """A trigger. `settings` are compared by name; `url` is what a platform gave it."""

    name: str
    kind: str
    settings: Mapping[str, Value]
    made_by_deploy: bool = True
    url: str | None = field(default=None, compare=False)
    fixed: tuple[str, ...] = ()
    """Settings that the platform keeps as they were made: another value takes another trigger."""

    @property
    def lets_anybody_call(self) -> bool:
        """Whether nobody needs to sign."""
        return self.kind == "http" and self.settings.get("auth") in ("NONE", "anonymous")


@dataclass(frozen=True)
class Bound:
    """How many instances a function may have at once, as its platform counts: `amount` of them, or MB of memory."""

    amount: int
    instance_mb: int = field(default=0, compare=False)
    """Of one instance, where the amount is memory."""

    def __str__(self) -> str:
        return f"{self.amount // self.instance_mb} ({self.amount} MB)" if self.instance_mb else str(self.amount)


@dataclass(frozen=True)
class FunctionState:
    """A function. `code` is the digest of its zip, `retries` what an asynchronous event gets and where its end goes."""

    name: str
    code: str
    settings: Mapping[str, Value]
    retries: Mapping[str, Value]
    triggers: tuple[TriggerState, ...]
    made_by_deploy: bool = True
    creation_failed: bool = False
    """Its creation failed, and all that its platform lets one do is to delete it."""
    without_logs: bool = False
    """It is wanted with no place for its lines, on a platform that keeps none by default."""
    owner: str = ""
    """The other service that its marks name."""
    stay: tuple[str, ...] = ()
    """Settings that no documented call takes off again: without one, the function is made anew."""
    later: tuple[str, ...] = ()
    """Settings that the call which makes a function does not take: they are set right after it."""
    bound: Bound | None = None
    """None: it has none; of one that is wanted: what it has is left alone."""


@dataclass(frozen=True)
class SettingChange:
    """One setting, before and after; None: it was or will be absent."""

    name: str
    before: Value
    after: Value

    def shown(self) -> str:
        """The change as a line, secrets hidden."""
        before, after = shown_value(self.name, self.before), shown_value(self.name, self.after)
        if self.before is None:
            return f"{self.name}: {after}"
        if before == after:
            return f"{self.name}: {after} (changed)"
        return f"{self.name}: {before} -> {after}"


@dataclass(frozen=True)
class Step:
    """One change to be made; applied in the order of the plan."""

    action: Action
    function: str
    trigger: str = ""
    kind: str = ""
    changes: tuple[SettingChange, ...] = ()

    def title(self) -> str:
        """What is done to what."""
        if not self.trigger:
            return f"{self.action} {self.function}"
        return f"{self.action} {self.trigger} ({self.kind}) of {self.function}"

    def lines(self) -> list[str]:
        """The step as people read it."""
        sign = {"create": "+", "change": "~", "delete": "-"}[self.action.partition(" ")[0]]
        return [f"{sign} {self.title()}", *(f"    {change.shown()}" for change in self.changes)]


@dataclass(frozen=True)
class Plan:
    """The steps, and digests of what they were drawn from. `obstacles` forbid it all, `notes` are only said."""

    steps: tuple[Step, ...]
    read: str
    wanted: str
    obstacles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The plan as people read it."""
        return [line for step in self.steps for line in step.lines()]


def make_plan(wanted: Iterable[FunctionState], found: Iterable[FunctionState]) -> Plan:
    """The steps from `found` to `wanted`: functions in their order, then what is ours and wanted no more."""
    wanted, there = tuple(wanted), {one.name: one for one in found}
    steps: list[Step] = []
    obstacles: list[str] = []
    notes: list[str] = []
    for function in wanted:
        old = there.get(function.name)
        if old is not None and not old.made_by_deploy:
            obstacles.append(_not_ours(old))
            continue
        if old is not None and (old.creation_failed or _to_go(old, function)):
            if not old.creation_failed:
                notes.append(_made_anew(old, function))
            theirs = ", ".join(trigger.name for trigger in _foreign(old))
            lost = f"{old.name}: has to be made anew, and deploy did not make its trigger {theirs}"
            obstacles += [lost] if theirs else []
            steps.append(Step("delete function", old.name))
            old = None
        steps += _created(function) if old is None else _changed(old, function)
        notes += _limits(old, function) if old else []
        obstacles += _holds_none(old, function) if old else []
        for trigger in _foreign(old):
            notes.append(f"{function.name}: left as it is: trigger {trigger.name} ({trigger.kind}), not made by deploy")
            if trigger.lets_anybody_call:
                notes.append(f"{function.name}: trigger {trigger.name} lets ANYBODY call: remove it")
            if trigger.name in {one.name for one in function.triggers}:
                obstacles.append(f"{function.name}: trigger {trigger.name} exists and deploy did not create it")
    if silent := [one.name for one in wanted if one.without_logs and not _logs(there.get(one.name))]:
        whom = "any function" if len(silent) == len(wanted) else ", ".join(silent)
        place = "`make bootstrap` makes a place; load settings.sh"
        notes.append(f"no logging is configured, so no alarm can see {whom}: {place}")
    names = {function.name for function in wanted}
    for old in there.values():
        if old.made_by_deploy and old.name not in names:
            gone, kept = _removed(old)
            steps += gone
            notes += kept
    return Plan(tuple(steps), digest(there.values()), digest(wanted), tuple(obstacles), tuple(notes))


def _created(function: FunctionState) -> list[Step]:
    settings = _differences({}, function.settings)
    with_it = (one for one in settings if one.name not in function.later)
    steps = [Step("create function", function.name, changes=(SettingChange("code", None, function.code), *with_it))]
    if after := tuple(one for one in settings if one.name in function.later):
        steps.append(Step("change settings", function.name, changes=after))
    steps += [*_retries({}, function), *_bound(None, function)]
    return [*steps, *(_new(function, trigger) for trigger in function.triggers)]


def taken(names: Iterable[str], found: Iterable[FunctionState]) -> list[str]:
    """What forbids functions of these names: one that is not this service's."""
    there = {one.name: one for one in found}
    return [_not_ours(old) for name in names if (old := there.get(name)) and not old.made_by_deploy]


def _not_ours(old: FunctionState) -> str:
    if old.owner:
        return f"{old.name} belongs to the service `{old.owner}`: give one of the two another name in serverless.yml"
    return f"{old.name} exists and deploy did not create it: rename or remove one of the two"


def _to_go(old: FunctionState, new: FunctionState) -> list[str]:
    """The settings that only a new function is without."""
    return [name for name in new.stay if old.settings.get(name) is not None and new.settings.get(name) is None]


def _made_anew(old: FunctionState, new: FunctionState) -> str:
    gone = ", ".join(f"{name} {shown_value(name, old.settings[name])}" for name in _to_go(old, new))
    return f"{new.name}: is made anew, with its triggers: no call takes off its {gone}; its address changes"


def _limits(old: FunctionState, new: FunctionState) -> list[str]:
    """What the platform does not let one change, as a person has to know it."""
    notes = []
    for trigger in new.triggers:
        before = _ours(old).get(trigger.name)
        if before and (anew := [change.name for change in _anew(before, trigger)]):
            notes.append(
                f"{new.name}: trigger {trigger.name} is made anew, since its {', '.join(anew)} cannot be changed:"
                " what comes between the two is not read where it begins at the latest"
            )
    return notes


def _holds_none(old: FunctionState, new: FunctionState) -> list[str]:
    """A bound of memory that stays, since none is wanted, and is too small for one instance as it is wanted."""
    memory_mb = new.settings.get("memory MB")
    if new.bound is not None or old.bound is None or not old.bound.instance_mb or not isinstance(memory_mb, int):
        return []
    if not 0 < old.bound.amount < memory_mb:  # 0: somebody stopped it
        return []
    text = f"the {old.bound.amount} MB that its instances may have at once hold none of {memory_mb} MB"
    return [f"{new.name}: {text}: set `instances`, or take that bound off in the console"]


def _changed(old: FunctionState, new: FunctionState) -> list[Step]:
    """Code before settings: the digest of the code is told with the settings, so a break between repeats both.

    A bound of memory grows before the memory of an instance does, so that at no time it holds less than one.
    """
    steps = []
    changes = _differences(old.settings, new.settings)
    if old.code != new.code or any(change.name == "handler" for change in changes):
        steps.append(Step("change code", new.name, changes=(SettingChange("code", old.code, new.code),)))
    bound = _bound("(none)" if old.bound is None else str(old.bound), new) if old.bound != new.bound else []
    grows = old.bound and new.bound and new.bound.amount > old.bound.amount
    steps += bound if grows else []
    if changes or old.code != new.code:
        steps.append(Step("change settings", new.name, changes=changes))
    steps += _retries({"retries": "(the platform's own)", **old.retries}, new)
    steps += [] if grows else bound
    there, wanted = _ours(old), {trigger.name: trigger for trigger in new.triggers}
    anew = {name: _anew(there[name], one) for name, one in wanted.items() if name in there}
    gone = [one for one in there.values() if one.name not in wanted or anew[one.name]]
    gone += [one for one in there.values() if one not in gone and wanted[one.name].kind != one.kind]
    steps += [replace(_gone(new, trigger), changes=anew.get(trigger.name, ())) for trigger in gone]
    for trigger in new.triggers:
        before = there.get(trigger.name)
        if before is None or before in gone:
            steps.append(_new(new, trigger))
        elif differences := _trigger_differences(before, trigger):
            steps.append(Step("change trigger", new.name, trigger.name, trigger.kind, differences))
    return steps


def _ours(old: FunctionState) -> dict[str, TriggerState]:
    return {trigger.name: trigger for trigger in old.triggers if trigger.made_by_deploy}


def _trigger_differences(before: TriggerState, after: TriggerState) -> tuple[SettingChange, ...]:
    """What differs; a fixed setting that the platform does not show cannot be compared."""
    unseen = set(after.fixed) - before.settings.keys()
    return tuple(one for one in _differences(before.settings, after.settings) if one.name not in unseen)


def _anew(before: TriggerState, after: TriggerState) -> tuple[SettingChange, ...]:
    """The changes for which a trigger of the same kind has to be deleted and made."""
    if before.kind != after.kind:
        return ()
    return tuple(one for one in _trigger_differences(before, after) if one.name in after.fixed)


def _removed(old: FunctionState) -> tuple[list[Step], list[str]]:
    steps = [_gone(old, trigger) for trigger in old.triggers if trigger.made_by_deploy]
    if foreign := _foreign(old):
        names = ", ".join(trigger.name for trigger in foreign)
        return steps, [f"{old.name}: kept, since it has triggers that deploy did not make: {names}"]
    return [*steps, Step("delete function", old.name)], []


def _foreign(old: FunctionState | None) -> list[TriggerState]:
    return [trigger for trigger in old.triggers if not trigger.made_by_deploy] if old else []


def _logs(old: FunctionState | None) -> Value:
    return old.settings.get(LOGS) if old else None


def _retries(before: Mapping[str, Value], new: FunctionState) -> list[Step]:
    changes = _differences(before, new.retries)
    return [Step("change retries", new.name, changes=changes)] if changes else []


def _bound(before: Value, new: FunctionState) -> list[Step]:
    if new.bound is None:
        return []
    return [Step("change instances", new.name, changes=(SettingChange("instances", before, str(new.bound)),))]


def _new(function: FunctionState, trigger: TriggerState) -> Step:
    return Step("create trigger", function.name, trigger.name, trigger.kind, _differences({}, trigger.settings))


def _gone(function: FunctionState, trigger: TriggerState) -> Step:
    return Step("delete trigger", function.name, trigger.name, trigger.kind)


def _differences(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[SettingChange, ...]:
    names = [*after, *(name for name in before if name not in after and name not in (LOGS, LOG_RULE))]
    changes = (SettingChange(name, before.get(name), after.get(name)) for name in names)
    return tuple(change for change in changes if change.before != change.after)


def digest(functions: Iterable[FunctionState]) -> str:
    """SHA-256 over functions in any order: the same for the same state, and only then."""
    states = []
    for function in sorted(functions, key=lambda one: one.name):
        state = asdict(function)
        state["triggers"] = sorted(state["triggers"], key=lambda one: str(one["name"]))
        for trigger in state["triggers"]:
            del trigger["url"]
        states.append(state)
    return hashlib.sha256(json.dumps(states, sort_keys=True).encode()).hexdigest()
