"""The platform's queue trigger: each waiting command event of KEYTURN_COMMANDS goes to its function.

Logs and a readable line a result go to standard error. With `--once` exit 3 if nothing waits.
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
    """No stand-in answers that has a clock to move."""


@dataclass
class WorldClockReader:
    """The stand-in's clock, as far as it was looked at last."""

    settings: Mapping[str, str]
    ahead_s: float = 0.0

    def refresh(self) -> None:
        """See how far it is ahead now."""
        self.ahead_s = clock.offset_s(self.settings)

    def __call__(self) -> float:
        return time.time() + self.ahead_s

    def move_to(self, moment: float) -> None:
        """Move it forward. Raises: ClockCannotMove."""
        try:
            clock.move_to(self.settings, moment)
        except OSError as error:
            raise ClockCannotMove(str(error)) from None
        self.refresh()


@dataclass
class CommandQueue:
    """One queue and whose it is: a function's own (`only`), or a topic that each function reads for itself."""

    inbox: Inbox
    now: WorldClockReader
    only: str | None = None
    amqp: bool = False
    invoke: Callable[[str, bytes, str], InvocationResult] = run_function
    raw_log: bool = False
    unaddressed: list[LeasedMessage] = field(default_factory=list)
    """Addressed to no function here; held, not taken, and given back at the end."""
    not_yet_due: list[LeasedMessage] = field(default_factory=list)
    """Taken from a broker that goes by its own clock, before the world's says that they are due."""

    def first_due(self) -> float | None:
        """When the first message that waits for a function may be delivered; None: none waits."""
        if self.amqp:
            # What this broker holds back it does not show: it is taken, and held here until it is due.
            self.not_yet_due += self.inbox.receive(_AT_ONCE, _LEASE_S, ignore_delay=True)
            return min((_notbefore(one) for one in self.not_yet_due if self._receiver(one.message.body)), default=None)
        waiting = [one for one in self.inbox.peek() if one.leased_until <= self.now()]
        mine = [one for one in waiting if self._receiver(one.message.body)]
        return min((max(one.visible_at, _notbefore(one)) for one in mine), default=None)

    def deliver_waiting(self, *, skip_delays: bool = False) -> int:
        """Give every message that waits now, not what comes meanwhile, to its function; how many there were."""
        # An embedded queue's delays go by the world's clock; a real broker's do not, once that has been moved.
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
        """Let go of what was left, and of what came too early."""
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
            complain(f"left: a message of type {kind!r} is addressed to no function")
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
    """The moment before which a command event says that it may not begin; 0 if it says none."""
    with contextlib.suppress(ValueError):
        return parse_rfc3339(_event(waiting.message.body).get("notbefore"))
    return 0.0


def _event(body: str) -> dict[str, Any]:
    """The message as a JSON object; an empty one if it is none, which its function will say itself."""
    try:
        event = json.loads(body)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _addressed(event: dict[str, Any]) -> str | None:
    """The function that a command event on a shared topic names; of a bare command nobody can tell."""
    kind = str(event.get("type", ""))
    function = kind.removeprefix(_PREFIX)
    return function if kind.startswith(_PREFIX) and function in function_names() else None


def _cloud_of(event: dict[str, Any]) -> str:
    """follow_change runs on the cloud whose change it follows, plan_rotation on the cloud that it looks at."""
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    on_alibaba = data.get("Cloud") == "alibaba" or str(data.get("Function", "")).startswith("alibaba_")
    return "alibaba_" if on_alibaba else "tencent_"


def open_command_queues(url: str, now: WorldClockReader) -> list[CommandQueue]:
    """The queues behind a commands URL: one a function where it says `{function}`, else one for all."""
    amqp = url.lower().startswith(("amqp://", "amqps://"))
    if "{function}" in url:
        return [CommandQueue(open_any_inbox(url, function=name, now=now), now, name, amqp) for name in function_names()]
    return [CommandQueue(open_any_inbox(url, now=now), now, None, amqp)]


def deliver_round(opened: Sequence[CommandQueue], now: WorldClockReader, *, skip_delays: bool) -> int:
    """One round of all queues; how many messages were delivered.

    `skip_delays`: if the first message of all is not due yet, the world's clock moves to where it is.

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
    """Runs until it is stopped; with `--once` delivers what waits now, exit 3 if that is nothing."""
    parser = CommandLine("python -m tests.cloud run", __doc__, "python -m tests.cloud run --once")
    parser.add_argument("--once", action="store_true", help="what waits now, and no more")
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
                complain("run: what was left comes back when its lease ends")
            one.inbox.close()
