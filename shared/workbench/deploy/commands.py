"""`plan`, `deploy`, `remove`: serverless.yml and the packages on the platform, through the vendors' own SDKs.

Settings are checked before any call, keys and account before anything is built. `plan` reads what is there, shows the
difference and keeps it in dist/<cloud>/plan.json. `deploy` does what was planned, unless either side has changed since;
without a plan it draws its own. Both may be interrupted and repeated at any point. Only what carries the service's mark
is ever changed or removed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from shared.workbench.bootstrap.missing import missing_things
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.description import Description
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import access, handoff_key, plan_text, policy_files
from shared.workbench.deploy.access import Missing, Refused
from shared.workbench.deploy.code_digests import check_code, running_others
from shared.workbench.deploy.control_plane import (
    SHOWN_WITHIN_S,
    CallFailed,
    ControlPlane,
    Package,
    Patience,
    zip_path,
)
from shared.workbench.deploy.plan import FunctionState, Plan, Step, digest, make_plan, taken
from shared.workbench.deploy.steps import Target, carry_out
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.counted import counted
from shared.workbench.environment.terminal import NobodyToAsk, Terminal, complain

DONE, FAILED, WRONG_USE, OUT_OF_DATE, INTERRUPTED = 0, 1, 2, 3, 130

# A signed request has 10 MB at most (https://cloud.tencent.com/document/api/213/30654), and base64 adds a third. Larger
# zips go by way of COS, which deploy does not use.
_SCF_ZIP_BYTES = (10 * 1024 * 1024 - 64 * 1024) * 3 // 4
_QUESTION_S = 5.0  # a question that was open for longer may be answered by what was read before it


@dataclass
class Work:
    """One description and the platform that it is for. `folder` is the platform's in dist/; `build` gives its zips."""

    plane: ControlPlane
    description: Description
    folder: Path
    build: Callable[[], Mapping[str, Package]]
    account: str = ""
    missing: Callable[[], tuple[Missing, ...]] = tuple
    notes: tuple[str, ...] = ()
    terminal: Terminal = field(default_factory=Terminal)

    @property
    def place(self) -> str:
        """Where it all happens, for people."""
        account = f", account {self.account}" if self.account else ""
        return f"{self.description.platform.upper()} in {self.description.region}{account}"


def main(verb: str, argv: list[str]) -> int:
    """Exit 0: done. 1: a step failed, or something is in the way. 2: wrong use, nobody to ask. 3: an old plan."""
    parser = CommandLine(
        f"python -m shared.workbench.deploy {verb}", __doc__, f"make {verb} CLOUD=tencent", only_shows=verb == "plan"
    )
    parser.add_argument("cloud", nargs="?", default="", help="tencent or alibaba")
    parser.add_argument("--file", type=Path, default=ROOT / "serverless.yml", help="another serverless.yml")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where packages and the plan are")
    parser.add_argument("--as-built", action="store_true", help="take the packages in DIST, do not build them anew")
    options = parser.parse_args(argv)
    try:
        description = load(options.file, options.cloud, os.environ, to="read" if verb == "remove" else "deploy")
        description = access.stand_in_settings(description, os.environ)
        if verb != "remove":
            description = handoff_key.with_given_key(description, os.environ)
        api = access.api(description, os.environ)
        work = Work(
            access.control_plane(description, os.environ),
            description,
            options.dist / options.cloud,
            partial(find_packages, description, options.dist, build=not options.as_built),
            access.account_of_caller(description, api),
            partial(missing_things, description, api),
            access.not_deployed(description, os.environ),
        )
        return {"plan": plan, "deploy": deploy, "remove": remove}[verb](work)
    except DescriptionError as error:
        complain(error)
        return WRONG_USE
    except (Refused, handoff_key.KeyProblem, NobodyToAsk) as error:
        complain(f"{verb}: {error}")
        return WRONG_USE
    except CallFailed as error:
        complain(f"{verb}: {error}{': ' + error.advice if error.advice else ''}")
        return FAILED
    except KeyboardInterrupt:
        complain(f"\n{verb}: interrupted; run it again: it looks first, and goes on from there")
        return INTERRUPTED


def plan(work: Work) -> int:
    """Show what `deploy` would do, and keep that."""
    missing = _show_missing(work)
    if (drawing := _draw(work)) is None:
        return FAILED
    plan_text.show(drawing.plan, work.terminal)
    work.terminal.say(policy_files.write(work.description, work.folder / "policies"))
    if _show_obstacles(drawing.plan.obstacles) or missing:
        return FAILED
    _keep(drawing.plan, work.folder)
    steps = len(drawing.plan.steps)
    them = "it" if steps == 1 else "them"
    todo = f"{counted(steps, 'step')}; `make deploy CLOUD={work.description.cloud}` does {them}"
    work.terminal.say(todo if steps else _EQUAL)
    return DONE


_EQUAL = "nothing to change: the platform is as serverless.yml and the packages say"


def deploy(work: Work) -> int:
    """Do the steps of the kept plan, or of a fresh one, and print the addresses. Raises: NobodyToAsk."""
    if _show_missing(work) or (drawing := _draw(work)) is None:
        return FAILED
    drawn, terminal = drawing.plan, work.terminal
    kept = work.folder / "plan.json"
    if kept.exists():
        if stale := _stale(kept, drawn):
            complain(f"deploy: {stale} since the plan was made: look at it again with `make plan`")
            return OUT_OF_DATE
        terminal.say(plan_text.counts(drawn.steps))
    else:
        plan_text.show(drawn, terminal)
    if _show_obstacles(drawn.obstacles):
        return FAILED
    asked = time.monotonic()
    if drawn.steps and not terminal.agrees(f"make {counted(len(drawn.steps), 'change')} on {work.place}?"):
        terminal.say("nothing was changed")
        return FAILED
    if _changed_since(work, asked, {spec.name for spec in work.description.functions}, drawing.read):
        return OUT_OF_DATE
    kept.unlink(missing_ok=True)  # whatever comes now, the plan no longer fits
    if not drawn.steps:
        terminal.say(_EQUAL)
        _show_urls(drawing.found, drawing.description, terminal)
        _say_end(work, drawing.description)
        return DONE
    started = time.monotonic()
    final = handoff_key.with_new_key(drawing.description)
    target = Target({spec.name: spec for spec in final.functions}, drawing.packages)
    if not carry_out(work.plane, drawn.steps, target, "deploy", terminal):
        return FAILED
    found = Patience(SHOWN_WITHIN_S).until(
        lambda: work.plane.read(set(target.specs)),
        lambda seen: _urls(seen).keys() >= set(_called(final)) and not _left(work, target, seen),
    )
    _tell_other_code(work, found, target)
    _show_urls(found, final, terminal)
    if left := _left(work, target, found):
        are = "is" if left == 1 else "are"
        steps = f"{counted(left, 'step')} {are} left or needed again"
        complain(f"deploy: {steps}; did another deploy run at the same time? Run it again")
        return FAILED
    _say_end(work, final, f", after {time.monotonic() - started:.0f} s")
    return DONE


def _left(work: Work, target: Target, found: list[FunctionState]) -> int:
    """How many steps lead from what was read to what is wanted; functions of nobody's are not looked at."""
    wanted = [work.plane.wanted(spec, target.packages[spec.name]) for spec in target.specs.values()]
    return len(make_plan(wanted, [one for one in found if one.name in target.specs]).steps)


def _say_end(work: Work, description: Description, after: str = "") -> None:
    """The last line: what runs where, and what to type next."""
    count = len(description.functions)
    running = f"{counted(count, 'function')} {'runs' if count == 1 else 'run'} on {work.place}{after}"
    work.terminal.say(work.terminal.good(f"{running}. Next: {next_command(description)}"))


def remove(work: Work) -> int:
    """Remove every function and trigger that `deploy` made, and nothing else. Raises: NobodyToAsk."""
    names = {spec.name for spec in work.description.functions}
    drawn, terminal = make_plan((), work.plane.read(names)), work.terminal
    terminal.say(work.place)
    if not drawn.steps:
        for note in drawn.notes:
            terminal.say(f"note: {note}")
        terminal.say(f"nothing to remove: no function of the service `{work.description.service}` is there")
        return FAILED if drawn.notes else DONE
    plan_text.show(drawn, terminal)
    asked = time.monotonic()
    if not terminal.agrees(f"remove that from {work.place}?"):
        terminal.say("nothing was changed")
        return FAILED
    if _changed_since(work, asked, names, drawn.read):
        return OUT_OF_DATE
    (work.folder / "plan.json").unlink(missing_ok=True)
    started = time.monotonic()
    if not carry_out(work.plane, drawn.steps, Target({}, {}), "remove", terminal):
        return FAILED
    gone = sum(step.action == "delete function" for step in drawn.steps)
    took = f"removed {counted(gone, 'function')} from {work.place}, in {time.monotonic() - started:.0f} s"
    goes_on = os.environ.get("ALL") == "1"  # to what bootstrap made
    back = "" if goes_on else f". Next: `make deploy CLOUD={work.description.cloud}` brings them back"
    terminal.say(terminal.good(took + back))
    return FAILED if drawn.notes else DONE


def find_packages(description: Description, dist: Path, *, build: bool) -> dict[str, Package]:
    """Function name -> its zip, built first if so asked. Raises: Refused."""
    if build:
        from shared.workbench.package.dependencies import PackageError
        from shared.workbench.package.zips import build_zips as build_all

        versions = {spec.runtime.lower().removeprefix("python") for spec in description.functions}
        print(f"building {counted(len(description.functions), 'package')}", flush=True)
        try:
            for version in sorted(versions):
                only = [one.module for one in description.functions if one.runtime.lower().endswith(version)]
                built = build_all(description, dist, only=only, version=version)
                if over := [one.spec.module for one in built if one.over_budget]:
                    raise Refused(f"over budget: {', '.join(over)}; see `make package`")
        except PackageError as error:
            raise Refused(str(error)) from None
    found = {}
    for spec in description.functions:
        path = zip_path(spec, dist / description.cloud)
        try:
            found[spec.name] = Package.of(path)
        except OSError:
            raise Refused(f"{path} is not there: `make package CLOUD={description.cloud}` builds it") from None
        if not found[spec.name].is_as_built:
            again = f"`make package CLOUD={description.cloud}` builds it anew"
            raise Refused(f"{path} has changed since it was built: {path.name}.sha256 names another digest; {again}")
        if description.platform == "scf" and path.stat().st_size > _SCF_ZIP_BYTES:
            most = f"{_SCF_ZIP_BYTES / 1e6:.1f} MB"
            raise Refused(f"{path.name} is over {most}, the most that a signed request of Tencent's carries")
    return found


@dataclass(frozen=True)
class _Drawing:
    """A plan and what it was drawn from: what is on the platform, the zips, and the description with its key.

    `read` is the digest of what was read, before any platform was asked which code it runs.
    """

    plan: Plan
    read: str
    found: list[FunctionState]
    packages: Mapping[str, Package]
    description: Description


def _draw(work: Work) -> _Drawing | None:
    """Read, then build, then compare; None: a name is taken, which is told. Raises: KeyProblem, Refused."""
    names = [spec.name for spec in work.description.functions]
    found = work.plane.read(set(names))
    read = digest(found)
    if _show_obstacles(taken(names, found)):
        return None
    description = handoff_key.with_kept_key(work.description, found)
    packages = work.build()
    checked = check_code(work.plane, found, packages)
    found = checked.functions
    drawn = make_plan([work.plane.wanted(spec, packages[spec.name]) for spec in description.functions], found)
    if unknown := handoff_key.functions_not_believed(description, found):
        text = f"messages that {', '.join(unknown)} sent before will not be believed: the key that signed them goes"
        advice = f"set {handoff_key.NAME} to both, comma-separated, until they have all been read"
        drawn = replace(drawn, notes=(*drawn.notes, f"{text}; {advice}"))
    drawn = replace(drawn, notes=(*drawn.notes, *checked.notes, *work.notes))
    return _Drawing(drawn, read, found, packages, description)


def _show_missing(work: Work) -> bool:
    """Say where all this is and what is missing there; whether anything is."""
    work.terminal.say(work.place)
    missing = work.missing()
    for one in missing:
        work.terminal.say(work.terminal.bad(f"{'missing' if one.is_known else 'unknown'}: {one.what}: {one.remedy}"))
    return bool(missing)


def _show_obstacles(obstacles: Iterable[str]) -> bool:
    """Say what is in the way; whether anything is."""
    told = tuple(obstacles)
    for obstacle in told:
        complain(f"in the way: {obstacle}")
    return bool(told)


def _changed_since(work: Work, asked: float, names: set[str], read: str) -> bool:
    """Whether a question was open for so long that the platform was changed meanwhile; told if so."""
    if time.monotonic() - asked <= _QUESTION_S or digest(work.plane.read(names)) == read:
        return False
    complain("what is on the platform has changed while the question was open: look at it again")
    return True


def _tell_other_code(work: Work, found: list[FunctionState], target: Target) -> None:
    """Last, ask each platform which code it runs: what an update did not bring is sent once more.

    What still differs then is told, and fails nothing: what the digest is of is not documented.
    """
    if not (others := running_others(work.plane, found, target.packages)):
        return
    carry_out(work.plane, tuple(Step("change code", name) for name in others), target, "deploy", work.terminal)
    for name in running_others(work.plane, found, target.packages):
        text = f"{name}: its platform reports a digest that is not its zip's: `make verify` tries what that is of"
        work.terminal.say(work.terminal.bad(f"note: {text}"))


def next_command(description: Description) -> str:
    """What a person types once functions run."""
    if policies := [one["Policy"] for spec in description.functions for one in spec.rotations]:
        return f"`make rotate POLICY={policies[0]} CLOUD={description.cloud} DRY=1`"
    name = next(iter(_called(description)), "NAME")
    return f"`make call CLOUD={description.cloud} FUNCTION={name} COMMAND=file.json`"


def _keep(drawn: Plan, folder: Path) -> None:
    """The plan as a file of this user's alone: digests and shown lines, no setting's value beyond those."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "plan.json.part"
    part.touch(mode=0o600)
    text = json.dumps({"read": drawn.read, "wanted": drawn.wanted, "steps": drawn.lines()}, indent=1)
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(folder / "plan.json")


def _stale(kept: Path, drawn: Plan) -> str:
    """What has changed since the plan was kept; an empty string if nothing."""
    try:
        plan = json.loads(kept.read_text(encoding="utf-8"))
        read, wanted = plan["read"], plan["wanted"]
    except (OSError, ValueError, KeyError, TypeError):
        return "the file of the plan has changed"
    changed = [
        text
        for text, fits in (
            ("what is on the platform has changed", read == drawn.read),
            ("serverless.yml, the environment or a package has changed", wanted == drawn.wanted),
        )
        if not fits
    ]
    return " and ".join(changed)


def _show_urls(found: list[FunctionState], description: Description, terminal: Terminal) -> None:
    urls = _urls(found)
    signature = "TC3-HMAC-SHA256, service scf" if description.platform == "scf" else "ACS3-HMAC-SHA256"
    for name in _called(description):
        late = "its address does not show yet: `make deploy` prints it later"
        terminal.say(f"{name}: {urls[name]} (POST, signed with {signature})" if name in urls else f"{name}: {late}")


def _called(description: Description) -> list[str]:
    """The functions that have an address."""
    return [spec.name for spec in description.functions if spec.http]


def _urls(found: list[FunctionState]) -> dict[str, str]:
    """The addresses that the platform shows, by function."""
    return {one.name: trigger.url for one in found for trigger in one.triggers if trigger.url}
