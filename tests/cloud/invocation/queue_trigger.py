"""The platform's queue trigger: passes each waiting command event of KEYTURN_COMMANDS to its function.

Logs and one readable line for each result go to standard error. With `--once`, exit 3 if nothing waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.queues.port import Inbox, LeasedMessage, QueueUnavailable, WaitingMessage
from shared.runtime.settings import setting
from shared.workbench.environment.command_line import WRONG_USE, CommandLine
from shared.workbench.environment.terminal import complain
from tests.cloud.client import clock
from tests.cloud.client.inboxes import open_any_inbox
from tests.cloud.functions.platform_names import platform_of
from tests.cloud.functions.trigger_events import queue_event
from tests.cloud.invocation.endpoints import no_endpoint
from tests.cloud.invocation.invoke import function_names
from tests.cloud.invocation.runtime import InvocationResult, run_function
from tests.cloud.invocation.shown import show_invocation
from tests.cloud.state.world_clock import parse_rfc3339

_PREFIX = "keyturn.command."
_LEASE_S = 120.0
_AT_ONCE = 100
_REDELIVER_S = 1.0
_MOST_RECEIVES = 3  # CKafka's trigger is deployed with three repeats
_REST_S = 0.1
_OF_EITHER_CLOUD = ("follow_change", "plan_rotation")


class ClockCannotMove(Exception):
    """There is no stand-in whose clock can be moved."""


@dataclass
class WorldClockReader:
    """The stand-in's clock, as it was last read."""

    settings: Mapping[str, str]
    ahead_s: float = 0.0

    def refresh(self) -> None:
        """Read again how far the clock is ahead."""
        self.ahead_s = clock.offset_s(self.settings)

    def __call__(self) -> float:
        return time.time() + self.ahead_s

    def move_to(self, moment: float) -> None:
        """Move the clock forward. Raises: ClockCannotMove."""
        try:
            clock.move_to(self.settings, moment)
        except OSError as error:
            raise ClockCannotMove(str(error)) from None
        self.refresh()


@dataclass
class CommandQueue:
    """One queue and its readers: one function (`only`), or a topic that each function reads for itself."""

    inbox: Inbox
    now: WorldClockReader
    only: str | None = None
    amqp: bool = False
    invoke: Callable[[str, bytes, str], InvocationResult] = run_function
    raw_log: bool = False
    unaddressed: list[LeasedMessage] = field(default_factory=list)
    """Messages for no function of this checkout. They are held, not deleted, and returned at the end."""
    not_yet_due: list[LeasedMessage] = field(default_factory=list)
    """Messages from a broker with its own clock, which are not due yet by the world's clock."""

    def first_due(self) -> float | None:
        """When the first message for a function is due. None: no message waits."""
        if self.amqp:
            # This broker does not show delayed messages. So they are received, and held here until they are due.
            self.not_yet_due += self.inbox.receive(_AT_ONCE, _LEASE_S, ignore_delay=True)
            return min((_notbefore(one) for one in self.not_yet_due if self._receiver(one.message.body)), default=None)
        waiting = [one for one in self.inbox.peek() if one.leased_until <= self.now()]
        mine = [one for one in waiting if self._receiver(one.message.body)]
        return min((max(one.visible_at, _notbefore(one)) for one in mine), default=None)

    def deliver_waiting(self, *, skip_delays: bool = False) -> int:
        """Pass every message that waits now to its function, but none that arrives meanwhile; returns their number."""
        # Delays of an embedded queue follow the world's clock. Those of a real broker do not, once the clock has been
        # moved.
        by_notbefore = skip_delays or (self.amqp and self.now.ahead_s > 0)
        waiting, self.not_yet_due = self.not_yet_due, []
        while len(waiting) < _AT_ONCE and (
            batch := self.inbox.receive(_AT_ONCE - len(waiting), _LEASE_S, ignore_delay=self.amqp and by_notbefore)
        ):
            waiting += batch
        if by_notbefore:
            now = self.now()
            early = [one for one in waiting if _notbefore(one) > now]
            waiting = [one for one in waiting if _notbefore(one) <= now]
            if self.amqp:
                self.not_yet_due = early
            else:
                for one in early:
                    self.inbox.release(one, _notbefore(one) - now)
        return sum(self._deliver(leased) for leased in waiting)

    def give_back(self) -> None:
        """Return the held messages and those that are not due."""
        for leased in self.unaddressed + self.not_yet_due:
            self.inbox.release(leased)
        self.unaddressed.clear()
        self.not_yet_due.clear()

    def _receiver(self, body: str) -> str | None:
        return self.only or _addressed(_event(body))

    def _deliver(self, leased: LeasedMessage) -> bool:
        body, event = leased.message.body, _event(leased.message.body)
        function = self._receiver(body)
        if function is None:
            kind = str(event.get("type", ""))[:80]
            complain(f"left: a message of type {kind!r} is for no function of this checkout")
            self.unaddressed.append(leased)
            return False
        platform = platform_of(_cloud_of(event) if function in _OF_EITHER_CLOUD else function)
        given = queue_event(body, platform, leased.message.id, amqp=self.amqp, now=self.now())
        returned = self.invoke(function, given, platform)
        show_invocation(returned, raw_log=self.raw_log)
        if returned.error is not None and leased.receives <= _MOST_RECEIVES:
            self.inbox.release(leased, _REDELIVER_S)
        else:
            self.inbox.ack(leased)
        return True


def _notbefore(waiting: LeasedMessage | WaitingMessage) -> float:
    """The earliest time at which a command event may begin; 0 if it names none."""
    with contextlib.suppress(ValueError):
        return parse_rfc3339(_event(waiting.message.body).get("notbefore"))
    return 0.0


def _event(body: str) -> dict[str, Any]:
    """The message as a JSON object. Empty if it is not JSON; the function then reports that itself."""
    try:
        event = json.loads(body)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _addressed(event: dict[str, Any]) -> str | None:
    """The function that a command event on a shared topic names. A bare command names none."""
    kind = str(event.get("type", ""))
    function = kind.removeprefix(_PREFIX)
    return function if kind.startswith(_PREFIX) and function in function_names() else None


def _cloud_of(event: dict[str, Any]) -> str:
    """The cloud whose change follow_change follows, or whose fleet plan_rotation lists."""
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    on_alibaba = data.get("Cloud") == "alibaba" or str(data.get("Function", "")).startswith("alibaba_")
    return "alibaba_" if on_alibaba else "tencent_"


def open_command_queues(url: str, now: WorldClockReader) -> list[CommandQueue]:
    """The queues of a commands URL: one for each function if the URL has `{function}`, otherwise one for all."""
    amqp = url.lower().startswith(("amqp://", "amqps://"))
    if "{function}" in url:
        return [CommandQueue(open_any_inbox(url, function=name, now=now), now, name, amqp) for name in function_names()]
    return [CommandQueue(open_any_inbox(url, now=now), now, None, amqp)]


def deliver_round(opened: Sequence[CommandQueue], now: WorldClockReader, *, skip_delays: bool) -> int:
    """Deliver one round of all queues; returns the number of delivered messages.

    `skip_delays`: if no message is due yet, move the world's clock to the first one.

    Raises: ClockCannotMove.
    """
    now.refresh()
    if skip_delays:
        first = min((due for one in opened if (due := one.first_due()) is not None), default=None)
        if first is not None and first > now():
            now.move_to(first)
    return sum(one.deliver_waiting(skip_delays=skip_delays) for one in opened)


_NOTHING = 3


def main(argv: list[str]) -> int:
    """Run until it is stopped. With `--once`, deliver only what waits now; exit 3 if nothing waits."""
    parser = CommandLine("python -m tests.cloud run", __doc__, "python -m tests.cloud run --once")
    parser.add_argument("--once", action="store_true", help="only what waits now")
    parser.add_argument("--skip-delays", action="store_true", help="move the world's clock to the next message")
    parser.add_argument("--raw-log", action="store_true", help="log lines as a platform would keep them")
    arguments = parser.parse_args(argv)
    url = setting(os.environ, "KEYTURN_COMMANDS")
    if not url:
        parser.error("KEYTURN_COMMANDS is not set: it names the queue, as in sqlite:///tmp/keyturn-commands.db")
    if text := no_endpoint(os.environ):
        complain(f"run: {text}")
        return WRONG_USE
    now = WorldClockReader(os.environ)
    if url.startswith("sqlite://") and not Path("/" + url.removeprefix("sqlite://").lstrip("/")).parent.is_dir():
        return _NOTHING  # no file yet, so nothing waits
    try:
        opened = open_command_queues(url, now)
        for one in opened:
            one.raw_log = arguments.raw_log
    except ValueError as error:
        parser.error(f"KEYTURN_COMMANDS: {error}")
    try:
        while True:
            found = deliver_round(opened, now, skip_delays=arguments.skip_delays)
            if arguments.once:
                return 0 if found else _NOTHING
            if not found:
                time.sleep(_REST_S)
    except KeyboardInterrupt:
        return 0
    except ClockCannotMove as error:
        complain(f"run: the world's clock cannot be moved: {error}")
        return 1
    except QueueUnavailable as error:
        complain(f"run: the commands cannot be read (KEYTURN_COMMANDS): {error}")
        return 1
    finally:
        for one in opened:
            try:
                one.give_back()
            except QueueUnavailable:
                complain("run: the remaining messages return when their lease ends")
            one.inbox.close()
