"""Shows the log and result of an invocation to a person on standard error. No line is wider than a terminal.

A function's log line is JSON for machines. It is shown as `LEVEL event name=value ...`. Fields that are null are left
out, and long ones are cut. `--raw-log` shows the lines as a platform would keep them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from shared.workbench.environment.terminal import WIDEST, Terminal, visible, wrapped
from shared.workbench.results.reply import FunctionReply, read_reply
from tests.cloud.invocation.runtime import InvocationResult

_LINE = re.compile(r"([A-Z]+) keyturn[\w.]* (\{.*\})")
_LONGEST = 400  # longer values are cut to so many characters
_HINTS = {
    "KEYTURN_RESULTS is not set": "Next: export KEYTURN_RESULTS=sqlite:///tmp/keyturn-results.db",
}


def show_invocation(returned: InvocationResult, *, raw_log: bool = False) -> FunctionReply | None:
    """Print the log, and one line for each result or the reason why the handler raised. Returns the reply, if any."""
    terminal = Terminal(sys.stderr)
    if raw_log:
        sys.stderr.write(returned.log)
    else:
        for line in log_lines(returned.log, terminal.columns):
            terminal.say(terminal.dim(line))
    if returned.error is not None:
        for line in raised_lines(returned):
            terminal.say(line)
        return None
    reply = read_reply(returned.value)
    for line in reply.lines(terminal, with_passwords=False) if reply else ():
        terminal.say(line)
    return reply


def log_lines(log: str, columns: int = WIDEST) -> Iterator[str]:
    """The lines of a log, each wrapped; a JSON line as names and values."""
    for line in log.splitlines():
        found = _LINE.fullmatch(line)
        yield from wrapped(visible(_named(found[1], found[2]) if found else line), columns)


def outcomes_in(log: str) -> list[str]:
    """What the lines `result` of a log say, each with its credential."""
    fields = [json.loads(found[2]) for line in log.splitlines() if (found := _LINE.fullmatch(line))]
    return [f"{one['outcome']} of {one['resource']}" for one in fields if one.get("event") == "result"]


def raised_lines(returned: InvocationResult) -> Iterator[str]:
    """Why a handler raised, and what a person can do."""
    why = returned.raised or str(returned.error.get("errorMessage", ""))
    hint = next((hint for text, hint in _HINTS.items() if text in why), "")
    yield f"raised   {visible(why)}"
    if hint:
        yield f"    {hint}"


def _named(level: str, text: str) -> str:
    try:
        fields: dict[str, Any] = json.loads(text)
    except ValueError:
        return f"{level} {text}"
    event = fields.pop("event", "")
    return " ".join([level, str(event), *(f"{name}={_value(value)}" for name, value in _told(fields))])


def _told(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in fields.items() if value not in (None, {}, []))


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > _LONGEST:
        return f"({len(text):,} characters: --raw-log)"
    return json.dumps(text, ensure_ascii=False) if isinstance(value, str) and " " in text else text
