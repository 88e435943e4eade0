"""Plays one world: gives events to functions, sets faults, moves the time. A record takes all that is seen."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.handlers.adapters import open_queue
from shared.queues.port import QueueMessage
from tests.campaign.forged_messages import forged
from tests.campaign.invocations import RunningInvocation, begin_invocation, invoke, invoke_and_kill, result_events
from tests.campaign.judge import Verdict, judge
from tests.campaign.judge_stores import judge_stores
from tests.campaign.operations import ALL_TARGETS
from tests.campaign.record import Delivery
from tests.campaign.world_observer import WorldObserver
from tests.cloud.functions.platform_names import SCF
from tests.cloud.invocation.queue_trigger import WorldClockReader, deliver_round, open_command_queues
from tests.support import platform_events

KEY = "c2lnbnMtd2hhdC1rZXl0dXJuLXNlbmRzLWl0c2VsZi4"
_SERVICE = {"r-kvstore": "tair"}
_MOST_ROUNDS = 40
_PATIENT_ROUNDS = 5
_IMPATIENT_S = 300.0
_KILLED_LIMIT_S = 30.0
_LATEST_S = 3700.0  # past every lateness that cases set, settling and what follows it
_FOLLOW_LIMIT_S = 8.0


@dataclass(eq=False)
class WorldDriver(WorldObserver):
    """Plays one world. `folder` is an empty folder for it alone."""

    def send(self, letter: str, trigger: str, kill: str = "") -> Delivery:
        """Give an event to its function, in this process; with `kill` in a process that dies at that point."""
        target, event = ALL_TARGETS[self.orders[letter].target], self._event(letter, trigger)
        delivery = self._begun(letter)
        limit_s = _KILLED_LIMIT_S if target.place else target.limit_s
        if kill:
            died, wrote = invoke_and_kill(
                target.function,
                event,
                target.platform,
                self.settings,
                point="" if kill == "in flight" else kill,
                standin=self.standin,
                action=target.action,
                limit_s=limit_s,
            )
            delivery.killed = died
            delivery.met.add("kill")
            self.written[f"killed {delivery.number}"] = wrote
            self._ended([delivery], [None])
            self.story.append(f"{delivery} by {trigger}: {'killed' if died else 'not killed'} at {kill}")
            if not died:  # what it returned is not seen here
                delivery.killed = True
                self.verdict.notes["a kill point was not reached"] += 1
            return delivery
        returned = invoke(target.function, event, target.platform, self.settings, timeout_s=target.limit_s)
        self._ended([delivery], [returned])
        return delivery

    def together(
        self, letters: Sequence[tuple[str, str]], apart_s: float = 0.0, by_hand: str = "", limit_s: float = 18.0
    ) -> list[Delivery]:
        """Give events to functions in parallel, each in its own process. Then come the changes in the console."""
        deliveries: list[Delivery] = []
        at_work: list[RunningInvocation] = []
        for letter, trigger in letters:
            target, event = ALL_TARGETS[self.orders[letter].target], self._event(letter, trigger)
            if at_work and apart_s:
                time.sleep(apart_s)
            deliveries.append(self._begun(letter))
            deliveries[-1].apart = True
            at_work.append(begin_invocation(target.function, event, target.platform, self.settings, timeout_s=limit_s))
        if by_hand:
            time.sleep(apart_s)
            self.outside(by_hand)
        self._ended(deliveries, [one.ended() for one in at_work])
        return deliveries

    def batch(
        self, letters: Sequence[str], by_hand: str = "", apart_s: float = 0.0, limit_s: float = 20.0
    ) -> list[Delivery]:
        """Give several commands to one function, in one event of SCF's queue, in this order."""
        events = [json.loads(self._event(letter, platform_events.QUEUE)) for letter in letters]
        records = [record for event in events for record in event["Records"]]
        deliveries = [self._begun(letter) for letter in letters]
        for one in deliveries:
            one.apart = True
        function = ALL_TARGETS[self.orders[letters[0]].target].function
        event = json.dumps({"Records": records}).encode()
        running = begin_invocation(function, event, SCF, self.settings, timeout_s=limit_s)
        if by_hand:
            time.sleep(apart_s)
            self.outside(by_hand)
        self._ended_together(deliveries, running.ended())
        return deliveries

    def fault(self, *faults: Mapping[str, Any]) -> None:
        """Set a fault for the next calls."""
        self.standin.faults([dict(one) for one in faults])
        self._posted += [dict(one) for one in faults]

    def clear(self) -> None:
        """End all faults. Changes that are late still come."""
        self.standin.clear_faults()
        self._posted.clear()

    def advance(self, seconds: float) -> None:
        """Move the time forward."""
        self.standin.advance(seconds)

    def outside(self, letter: str, *, task: bool = True) -> None:
        """Change the credential of an order by hand."""
        target = ALL_TARGETS[self.orders[letter].target]
        new = target.make_new(self.rng)
        self.secrets.add(new)
        self.standin.change_by_hand(
            _SERVICE.get(target.service, target.service), target.resource, target.account, new, task=task
        )
        self.story.append(f"by hand: {target.account} of {target.resource}")

    def work_off(self, kill: str = "") -> None:
        """Give the commands queue's messages to their functions until none waits. Time moves to when each is due."""
        if not self.commands:
            return
        self._kill_follower = kill
        for number in range(1, _MOST_ROUNDS + 1):
            if (
                number > _PATIENT_ROUNDS
            ):  # what does not end is given up after half an hour: the queue is slow from here
                self.advance(_IMPATIENT_S)
            if not self.round():
                return
        self.verdict.broke("a", f"commands still wait after {_MOST_ROUNDS} rounds")

    def round(self) -> int:
        """One round of `work_off`. Returns how many messages were delivered."""
        if not self.commands:
            return 0
        now = WorldClockReader(self.settings)
        opened = open_command_queues(self.settings["KEYTURN_COMMANDS"], now)
        try:
            for one in opened:
                one.invoke = self._follow
            return deliver_round(opened, now, skip_delays=True)
        finally:
            for one in opened:
                one.give_back()
                one.inbox.close()

    def put(self, body: str) -> None:
        """Put a message on the commands queue, as anyone with access to it can."""
        if not self.commands:
            return
        queue = open_queue(self.settings["KEYTURN_COMMANDS"], function=None)
        try:
            queue.send(QueueMessage(f"forged-{self.rng.randrange(10**9)}", "forged", "forged", body), timeout_s=5.0)
        finally:
            queue.close()

    def forge(self, how: str) -> None:
        """Send follow_change messages that keyturn did not make: changed copies of waiting ones, or invented ones."""
        for body in forged(how, self.waiting(), self.rng, list(self.orders.values()), self._tasks()):
            self.put(json.dumps(body))
            self.forgeries.add(str(body.get("traceparent"))[3:35])

    def ask_follower(self, trigger: str, platform: str = SCF) -> None:
        """Give an invented message to follow_change by another trigger than its queue."""
        for body in forged("made up", [], self.rng, list(self.orders.values()), self._tasks()):
            event = platform_events.event(body, platform, trigger, name="forged")
            raw = json.dumps(event).encode() if platform == SCF else event
            returned = invoke("follow_change", raw, platform, self.settings, timeout_s=_FOLLOW_LIMIT_S)
            self.forgeries.add(str(body.get("traceparent"))[3:35])
            for result in result_events(returned):
                self._given(result)

    def keep_messages(self) -> None:
        """Copy the messages that wait on the commands queue."""
        self._copies += self.waiting()

    def replay(self) -> None:
        """Send the copies again, byte for byte."""
        for body in self._copies:
            self.put(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
            for delivery in self.record.deliveries:
                delivery.replayed = delivery.replayed or str(body.get("traceparent"))[3:35] in delivery.traces

    def _tasks(self) -> list[int]:
        """Ids of the tasks in results, and of those that wait to be followed."""
        named = [one["data"].get("TaskId") for delivery in self.record.deliveries for one in delivery.results]
        return [one for one in (*named, *(body["data"].get("TaskId") for body in self.waiting())) if one]

    def finish(self) -> Verdict:
        """End all faults and let late changes come; then judge."""
        self.clear()
        self.work_off()
        self.advance(_LATEST_S)
        self.work_off()
        self.look()
        self._collect()
        judge(self.record, self.verdict)
        judge_stores(self.record, self.verdict)
        self._rights()
        self._clean()
        return self.verdict
