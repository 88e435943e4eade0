"""Puts a command that cannot run now back on the commands queue, under the same CommandId, for a later delivery."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from shared.commands.command import Command
from shared.handlers.request import Request
from shared.results.outcome import CommandContext, Conclusion, Outcome
from shared.results.publisher import OutgoingCommand
from shared.runtime.backoff import backoff_s
from shared.runtime.errors import ErrorClass, Refused, RetryLater
from shared.runtime.message_signing import MOST_ATTEMPTS, MOST_HOPS
from shared.runtime.times import now_text, parse_time
from shared.triggers import Message, Trigger

# The longest wait for a command that came too early, if its batch has other commands.
_WAIT_AMONG_OTHERS_S = 5.0
_KEPT_BACK_S = 10.0  # of the deadline


def early_s(message: Message) -> float:
    """How many seconds before its `notbefore` a command came. (The triggers refuse malformed times.)"""
    due = parse_time(message.notbefore)
    return (due - datetime.now(timezone.utc)).total_seconds() if due else 0.0


def longest_wait_s(request: Request) -> float:
    """How many seconds this invocation may wait for a command that came too early."""
    left_s = max(0.0, request.invocation.deadline.left() - _KEPT_BACK_S)
    return min(_WAIT_AMONG_OTHERS_S, left_s) if len(request.delivery.messages) > 1 else left_s


@dataclass(eq=False, repr=False)
class HandingBack:
    """Hands one command back: only a command that came by queue, and none that holds a secret in clear."""

    function: str
    request: Request
    message: Message
    command: Command
    context: CommandContext

    def put_off(self, too_early_s: float) -> Conclusion | None:
        """Put back a command that came too early to wait for. None: it is on the queue; else how it ends here."""
        text = "the command's `notbefore` is too far ahead to wait for, nothing was called: send it at that time"
        ended = Conclusion(Outcome.NOT_CHANGED, RetryLater(ErrorClass.BUSY, text, code="TooEarly"))
        if self.message.hop >= MOST_HOPS or not self._may_go_back():
            return ended
        return None if self._send(self.message.attempt, self.message.notbefore, too_early_s) else ended

    def unless_handed_back(self, conclusion: Conclusion) -> Conclusion | None:
        """The conclusion; None if its reason passes and the command is back on the queue for another try."""
        error = conclusion.error
        if not isinstance(error, RetryLater) or conclusion.outcome is not Outcome.NOT_CHANGED:
            return conclusion
        if self.command.dry_run or not self._may_go_back():
            return conclusion
        attempt = self.message.attempt + 1
        if attempt > MOST_ATTEMPTS:
            text = f"given up after {MOST_ATTEMPTS} deliveries, nothing was changed: {error.message}"
            given_up = Refused(ErrorClass.EXHAUSTED, text, code=error.code, request_id=error.request_id)
            return replace(conclusion, error=given_up)
        # If the queue cannot delay a message, no longer than its receiver waits itself.
        longest_s = max(15.0, min(120.0, self.request.publisher.longest_delay_s(self.function)))
        wait_s = max(1.0, error.after_s, backoff_s(attempt, base_s=2.0, most_s=longest_s))
        due = now_text(datetime.now(timezone.utc) + timedelta(seconds=wait_s))
        return None if self._send(attempt, due, wait_s) else conclusion

    def _may_go_back(self) -> bool:
        by_queue = self.request.delivery.trigger is Trigger.QUEUE
        return by_queue and not self.command.secrets() and self.request.publisher.has_commands

    def _send(self, attempt: int, notbefore: str | None, delay_s: float) -> bool:
        context, hop = self.context, self.message.hop + 1
        return self.request.publisher.send_command(
            OutgoingCommand(
                self.function,
                _message_id(context, attempt, hop),
                context.subject.source,
                str(context.subject),
                {**dict(self.message.data), "CommandId": context.command_id},  # type: ignore[call-overload]
                attempt=attempt,
                hop=hop,
                notbefore=notbefore,
                traceparent=self.message.traceparent,
                tracestate=self.message.tracestate,
                delay_s=delay_s,
            )
        )


def _message_id(context: CommandContext, attempt: int, hop: int) -> str:
    """The message's id: the same for each try to publish it, another for each delivery."""
    names = [context.subject.source, str(context.subject), context.operation, context.command_id]
    text = json.dumps([*names, "attempt", attempt, hop, context.started_at])
    return hashlib.sha256(text.encode()).hexdigest()[:32]
