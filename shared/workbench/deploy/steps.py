"""Steps of a plan, carried out: what passes is waited out, and each is looked for on the platform before it counts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from shared.workbench.bundle.description import FunctionSpec
from shared.workbench.deploy.control_plane import SHOWN_WITHIN_S, CallFailed, ControlPlane, Package, Patience
from shared.workbench.deploy.plan import Step, make_plan
from shared.workbench.environment.terminal import Terminal, complain

_TRIES = 4
_PAUSE_S = 0.5  # before the second try; each further one waits twice as long


@dataclass(frozen=True)
class Target:
    """What the steps lead to: the functions as they are wanted, and their zips, by name."""

    specs: Mapping[str, FunctionSpec]
    packages: Mapping[str, Package]


def carry_out(plane: ControlPlane, steps: tuple[Step, ...], target: Target, verb: str, terminal: Terminal) -> bool:
    """Do the steps in order; at the first that fails say what was done, what was not, and how to go on."""
    patience = Patience(SHOWN_WITHIN_S)
    for number, step in enumerate(steps):
        terminal.progress(f"[{number + 1}/{len(steps)}] {step.title()}")
        started = time.monotonic()
        try:
            _insist(plane, step, target)
            if not patience.until(partial(took, plane, step, target), bool):
                raise CallFailed(step.action, "the platform took it, and does not show it")
        except CallFailed as error:
            _tell_failure(verb, error, steps, number, terminal)
            return False
        terminal.say(f"[{number + 1}/{len(steps)}] {step.title()}  {time.monotonic() - started:.1f} s")
    return True


def took(plane: ControlPlane, step: Step, target: Target) -> bool:
    """Whether a plan that is drawn now no longer has the step. New code shows once the settings tell its digest."""
    if step.action == "change code":
        return True
    spec = target.specs.get(step.function)
    wanted = [plane.wanted(spec, target.packages[step.function])] if spec else []
    found = plane.read_function(step.function)
    left = make_plan(wanted, [found] if found else []).steps
    if step.action == "delete function":
        return found is None
    return all((one.action, one.trigger) != (step.action, step.trigger) for one in left)


def _insist(plane: ControlPlane, step: Step, target: Target) -> None:
    """Do a step; where its call may have had its effect, or failed for the moment, look, and do it again if need be.

    A refusal counts as done where what is wanted is so: somebody else was at work. Raises: CallFailed.
    """
    for number in range(_TRIES):
        try:
            _do(plane, step, target)
        except CallFailed as error:
            if not (error.may_have_happened or error.passes) and _is_so(plane, step, target, error):
                return
            if number == _TRIES - 1 or not (error.may_have_happened or error.passes):
                raise
        else:
            return
        time.sleep(_PAUSE_S * 2**number)
        if took(plane, step, target) and step.action != "change code":
            return


def _is_so(plane: ControlPlane, step: Step, target: Target, error: CallFailed) -> bool:
    """Whether a step that was refused is not needed any more; no, where that cannot be looked at."""
    if step.action.startswith("delete") and "NotFound" in error.code:
        return True
    try:
        return step.action != "change code" and took(plane, step, target)
    except CallFailed:
        return False


def _do(plane: ControlPlane, step: Step, target: Target) -> None:
    """One step, and the wait until the function is active again."""
    if step.action == "delete trigger":
        plane.delete_trigger(step.function, step.trigger, step.kind)
        return
    if step.action == "delete function":
        plane.delete(step.function)
        return
    spec, package = target.specs[step.function], target.packages[step.function]
    if step.action == "create function":
        plane.create(spec, package)
    elif step.action == "change code":
        plane.change_code(spec, package)
    elif step.action == "change settings":
        plane.change_settings(spec, package)
    elif step.action == "change retries":
        plane.change_retries(spec)
    elif step.action == "change instances":
        plane.change_instances(spec)
    elif step.action == "create trigger":
        plane.create_trigger(spec, step.trigger)
    else:
        plane.change_trigger(spec, step.trigger)
    if step.action in ("create function", "change code", "change settings"):
        plane.settle(step.function)


def _tell_failure(verb: str, error: CallFailed, steps: tuple[Step, ...], number: int, terminal: Terminal) -> None:
    terminal.say(terminal.bad(f"[{number + 1}/{len(steps)}] {steps[number].title()} failed"))
    maybe = " It may have had its effect all the same." if error.may_have_happened else ""
    complain(f"{verb}: {error}{': ' + error.advice if error.advice else ''}.{maybe}")
    for what, those in (("done", steps[:number]), ("not done", steps[number:])):
        for step in those:
            complain(f"{what}: {step.title()}")
    complain(f"{verb}: put that right and run it again: it goes on from here")
