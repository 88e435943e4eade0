"""A plan as people read it: how much it changes, then what, and what is equal for several functions once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shared.workbench.deploy.plan import Plan, Step
from shared.workbench.environment.counted import counted
from shared.workbench.environment.terminal import WIDEST, Terminal

_FEW = 3  # functions, which are named again


def show(plan: Plan, terminal: Terminal) -> None:
    """The counts, the steps in colour, and what a person should know of them."""
    terminal.say(counts(plan.steps))
    for line in lines(plan.steps, terminal.columns):
        paint = {"+": terminal.good, "-": terminal.bad}.get(line[:1], str)
        terminal.say(paint(line))
    for note in plan.notes:
        terminal.say(f"note: {note}")


def counts(steps: Iterable[Step]) -> str:
    """How many functions come, change and go, and how many triggers are touched."""
    steps = tuple(steps)
    by = {verb: {s.function for s in steps if s.action == f"{verb} function"} for verb in ("create", "delete")}
    anew = by["create"] & by["delete"]
    changed = anew | ({s.function for s in steps} - by["create"] - by["delete"])
    triggers = {(step.function, step.trigger) for step in steps if step.trigger}
    new, gone = len(by["create"] - anew), len(by["delete"] - anew)
    return f"+ {counted(new, 'function')}, ~ {len(changed)}, - {gone}; {counted(len(triggers), 'trigger')}"


def lines(steps: Iterable[Step], columns: int = WIDEST) -> Iterator[str]:
    """Steps of one kind together, in the order in which each kind first comes. Functions are listed by name once.

    `columns`: of the widest line.
    """
    steps = tuple(steps)
    every = list(dict.fromkeys(step.function for step in steps))
    are_named = False
    alike: dict[tuple[str, str, str], list[Step]] = {}
    for step in steps:
        alike.setdefault((step.action, step.trigger, step.kind), []).append(step)
    for group in alike.values():
        names = [step.function for step in group]
        whose = _all_but(names, every) if are_named else ""
        are_named = are_named or set(names) == set(every)
        whose = whose or ", ".join(names)
        first, *own = group[0].lines()
        yield first.removesuffix(group[0].function) + whose
        if len(group) == 1 and group[0].action.startswith(("change", "delete")):
            yield from own
            continue
        told = [[change.shown() for change in step.changes] for step in group]
        common = [text for text in told[0] if all(text in one for one in told)]
        yield from _wrapped(common, columns)
        for step, texts in zip(group, told, strict=True):
            if rest := [text for text in texts if text not in common]:
                yield from _wrapped([f"{step.function}: {rest[0]}", *rest[1:]], columns)


def _all_but(names: Sequence[str], every: Sequence[str]) -> str:
    """Nearly all of many functions in a few words; empty where they are few, or too many are left out."""
    others = [one for one in every if one not in names]
    if len(names) < _FEW or len(others) > 1:
        return ""
    return f"all {len(every)} functions{f' but {others[0]}' if others else ''}"


def _wrapped(texts: Iterable[str], columns: int) -> Iterator[str]:
    """Texts beside one another as far as a line goes."""
    line = ""
    for text in texts:
        if line and len(line) + len(text) + 2 > columns:
            yield line
            line = ""
        line = f"{line}; {text}" if line else f"    {text}"
    if line:
        yield line
