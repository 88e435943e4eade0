"""`make invoke`: runs one function with one event in a fresh process, as its platform would.

Logs and a readable line a result go to standard error; the last line of standard output is the return value as JSON.
Exit 0; 1: the handler raised; 2: wrong use, nothing was run; 3: a result is `not_changed` or `unknown`; 130: Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shared.runtime.spelling import meant
from shared.workbench.environment.command_line import WRONG_USE, CommandLine
from shared.workbench.environment.file_problems import why
from shared.workbench.environment.interrupts import INTERRUPTED
from shared.workbench.environment.terminal import complain
from tests.cloud.functions.platform_names import FC, SCF, Platform, platform_of
from tests.cloud.invocation import endpoints
from tests.cloud.invocation.runtime import InvocationInterrupted, InvocationResult, run_function
from tests.cloud.invocation.shown import outcomes_in, show_invocation
from tests.cloud.state.checkout import ROOT

DONE, RAISED, REFUSED = 0, 1, 3
_RESET = "tencent_redis_reset_password"
_UNREACHED = ("unavailable", "ambiguous")
_LONGEST_S = 86_400  # the most that either platform gives a function


class WrongUse(Exception):
    """Nothing was run. The text says what is wrong and what to do."""


def main(argv: list[str]) -> int:
    """Logs go to stderr, the return value to stdout's last line. Exit codes: see above."""
    folder = f"events/{_RESET}"
    parser = CommandLine(
        "python -m tests.cloud invoke", __doc__, f"make invoke FUNCTION={_RESET} EVENT={folder}/scf-http.json AS=scf"
    )
    parser.add_argument("function", metavar="FUNCTION", help="a file in functions/, without .py")
    parser.add_argument("file", metavar="EVENT", help="the file with the event: see events/")
    parser.add_argument(
        "--as", dest="platform", choices=(SCF, FC), help="default: the platform of the function's cloud"
    )
    parser.add_argument(
        "--timeout-s", type=_seconds, default=30.0, help="seconds after which the platform ends the invocation"
    )
    parser.add_argument("--raw-log", action="store_true", help="show log lines as a platform would keep them")
    arguments = parser.parse_args(argv)
    try:
        function = _function(arguments.function)
        platform: Platform = arguments.platform or platform_of(function)
        event = _event(arguments.file, function, platform)
        if text := endpoints.would_leave(function, platform, event, os.environ):
            raise WrongUse(text)
    except WrongUse as error:
        complain(f"invoke: {error}")
        return WRONG_USE
    try:
        returned = run_function(function, event, platform, timeout_s=arguments.timeout_s)
    except InvocationInterrupted as interrupted:
        complain(f"\ninvoke: {_known(interrupted.log)}")
        return INTERRUPTED
    reply = show_invocation(returned, raw_log=arguments.raw_log)
    if reply and reply.failed and (text := _unreached(reply.events)):
        complain(f"invoke: {text}")
    print(json.dumps(returned.value if returned.error is None else _told(returned), ensure_ascii=False))
    if returned.error is not None:
        return RAISED
    return REFUSED if reply and reply.failed else DONE


def function_names() -> list[str]:
    """Every function of the bundle."""
    return sorted(path.stem for path in (ROOT / "functions").glob("[a-z]*.py"))


def _function(name: str) -> str:
    """Raises: WrongUse."""
    known = function_names()
    if name in known:
        return name
    there_is = f"there is no function {name}{meant(name, known)}" if name else "which function?"
    raise WrongUse(f"{there_is}\n  FUNCTION= is one of {', '.join(known)}")


def _event(file: str, function: str, platform: Platform) -> bytes:
    """The event in a file. For SCF it must be JSON. Raises: WrongUse."""
    path, own = Path(file), ROOT / "events" / function
    if not file:
        raise WrongUse(f"which event? EVENT= is a file, for example events/{function}/{_names(own, platform)}")
    try:
        event = path.read_bytes()
    except OSError as error:
        if path.is_dir():
            raise WrongUse(
                f"EVENT={file} cannot be read: that is a folder, not a file; it holds {_names(path)}"
            ) from None
        found = [one for folder in (path.parent, own) if folder.is_dir() for one in folder.glob("*.json")]
        near = meant(path.name, [one.name for one in found]) if not path.exists() else ""
        place = next((one.parent for one in found if near and f"`{one.name}`" in near), path.parent)
        offered = near.replace("`", f"`{_shown(place)}/", 1) or f"; events/{function}/ has {_names(own, platform)}"
        raise WrongUse(f"EVENT={file} cannot be read: {why(error)}{offered}") from None
    if platform == SCF:
        try:
            json.loads(event)
        except RecursionError:  # it is JSON; the runtime reports what it makes of it
            pass
        except ValueError as error:
            at = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "not text"
            what = "is empty" if not event.strip() else f"is not JSON ({at})"
            raise WrongUse(f"EVENT={file} {what}: events/{function}/ has {_names(own, platform)}") from None
    return event


def _names(folder: Path, platform: str = "") -> str:
    return ", ".join(sorted(path.name for path in folder.glob(f"{platform}*.json"))) or "no event"


def _shown(folder: Path) -> str:
    return str(folder.relative_to(ROOT)) if folder.is_relative_to(ROOT) else str(folder)


def _unreached(events: Iterable[Any]) -> str:
    """What to do if a stand-in did not answer."""
    lost = any(one is not None and one.error_class in _UNREACHED for one in events)
    return endpoints.unanswered(os.environ) if lost else ""


def _known(log: str) -> str:
    """What is known of an invocation that was interrupted, by its log."""
    if outcomes := outcomes_in(log):
        return f"interrupted after the result {', '.join(outcomes)}; its reply is lost"
    return "interrupted before a result: the change may have been made. The same event again brings it to its end"


def _told(returned: InvocationResult) -> Any:
    """The platform's error object. If settings are wrong and not the code, only the stack's last line is kept."""
    return {**returned.error, "stackTrace": returned.raised} if returned.is_meant else returned.error


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of seconds above 0 and up to {_LONGEST_S:,}")
    return seconds
