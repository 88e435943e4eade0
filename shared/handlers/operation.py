"""The handler of an operation: it brings each message of a delivery to its result.

One bad message never stops the others. Commands of one resource run one after another, those of different resources
in parallel. A command is validated only when its turn comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic

from shared.commands.command import C
from shared.handlers.admission import AdmittedCommand, RefusedCommand, admit, context_of
from shared.handlers.command_run import CommandRun
from shared.handlers.declaration import Operation
from shared.handlers.entry import handle
from shared.handlers.handing_back import HandingBack, early_s, longest_wait_s
from shared.handlers.request import Handled, Request, log_unexpected
from shared.results.outcome import CommandContext, Conclusion, Outcome, Subject
from shared.results.result_event import result_event
from shared.runtime.cloud_access import SEVERAL
from shared.runtime.errors import ErrorClass, Refused
from shared.triggers import Message

AT_ONCE = 30  # resources in parallel: enough for 20 changes a second of 1.5 s each


@dataclass(frozen=True, eq=False)
class OperationHandler(Generic[C]):
    """The handler of one operation, made from its function file's declaration."""

    operation: Operation[C]

    def __call__(self, event: object, context: object) -> Any:
        """The entry point of both runtimes."""
        return handle(self, event, context)

    @property
    def function(self) -> str:
        return self.operation.function

    @property
    def action(self) -> str:
        return self.operation.action

    @property
    def fields(self) -> Collection[str]:
        return self.operation.command.names()

    @property
    def unknown_subject(self) -> Subject:
        return Subject(self.operation.cloud, "-", self.operation.service)

    def context_of(self, request: Request, message: Message) -> CommandContext:
        return context_of(self.operation, request, message)

    def process(self, request: Request) -> list[Handled]:
        lanes: dict[str, list[int]] = {}
        messages = request.delivery.messages
        for index, message in enumerate(messages):
            lanes.setdefault(self._lane(message, index), []).append(index)
        for resource, lane in lanes.items():
            if len(lane) > 1:
                request.invocation.shared[SEVERAL, resource] = True
        handled: dict[int, Handled] = {}

        def work(index: int, about_to_wait: Callable[[], None]) -> None:
            handled[index] = self._handle(request, messages[index], about_to_wait)

        if len(lanes) == 1:
            for index in next(iter(lanes.values())):
                work(index, lambda: None)
        elif lanes:
            from shared.runtime.lanes import run

            run(list(lanes.values()), work, at_once=AT_ONCE)
        return [handled[index] for index in range(len(messages))]

    def _lane(self, message: Message, index: int) -> str:
        field = self.operation.command.resource_field
        value = message.data.get(field) if isinstance(message.data, Mapping) else None
        return value if isinstance(value, str) else f"#{index}"

    def _handle(self, request: Request, message: Message, about_to_wait: Callable[[], None]) -> Handled:
        started = time.monotonic()
        if request.is_for_another_function(message, self.function):
            return Handled(None)
        try:
            admitted = admit(self.operation, request, message)
        # A defect of keyturn must not stop the other messages of the batch. Nothing was called.
        except Exception as defect:
            log_unexpected(defect, message)
            nameless = replace(message, data=None)
            text = "an unexpected failure before the call; see the log"
            admitted = RefusedCommand(self.context_of(request, nameless), Refused(ErrorClass.FAILED, text))
        if isinstance(admitted, RefusedCommand):
            event = result_event(admitted.context, Conclusion(Outcome.NOT_CHANGED, admitted.error))
            if request.publisher.has_results:
                about_to_wait()
            return Handled(event, request.publish(event, started))
        about_to_wait()
        return self._run(request, message, admitted, started)

    def _run(self, request: Request, message: Message, admitted: AdmittedCommand[C], started: float) -> Handled:
        run = CommandRun(self.operation, request, message, admitted)
        try:
            too_early_s = early_s(message)
            if too_early_s > longest_wait_s(request):
                back = HandingBack(self.function, request, message, admitted.command, admitted.context)
                conclusion = back.put_off(too_early_s)
            else:
                time.sleep(max(0.0, too_early_s))
                conclusion = run.conclude()
        # A defect of keyturn must neither repeat a change nor stop the other messages of the batch.
        except Exception as defect:
            log_unexpected(defect, message)
            conclusion = run.after_defect()
        if conclusion is None:
            return Handled(None, handed=True)
        try:
            event, password = result_event(run.context, conclusion), run.for_reply(conclusion)
        except Exception as defect:  # nothing was published yet: publish what is certain
            log_unexpected(defect, message)
            conclusion = run.after_defect()
            event, password = result_event(run.context, conclusion), run.for_reply(conclusion)
        return Handled(event, request.publish(event, started, conclusion.calls), run.called, password=password)
