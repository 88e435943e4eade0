"""Both platforms that run functions: their host, their addresses, and the triggers of queues and timers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any

from shared.queues.port import LeasedMessage
from tests.cloud.functions.host import DeployedFunction, FunctionHost, Trigger
from tests.cloud.functions.trigger_events import queue_event, timer_event
from tests.cloud.functions.urls import FunctionUrls, fc_url_host, scf_url_host
from tests.cloud.identity.identities import Identities
from tests.cloud.queues.broker import MessageBroker
from tests.cloud.queues.kafka_topics import KafkaTopics, Topic
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.log_places import LogPlaces
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock

_LOOK_S = 0.05
_LEASE_S = 3600.0


class FunctionPlatforms:
    """The functions in the stand-in. Only `tick` fires a timer: the stand-in never waits for a cron expression."""

    def __init__(
        self,
        world: World,
        broker: MessageBroker,
        kafka: KafkaTopics,
        logs: LogPlaces,
        clock: Clock,
        identities: Identities,
    ) -> None:
        self.host = FunctionHost(world, clock, identities, logs)
        self.urls = FunctionUrls(self.host, clock.now)
        self._clock = clock
        self._broker = broker
        self._kafka = kafka
        self._next_offsets: dict[tuple[Any, str], int] = {}
        self._working: dict[tuple[Any, str], asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start to read the queues."""
        self._loop = asyncio.ensure_future(self._look())

    async def reset(self, world: World) -> None:
        """Remove every deployed function."""
        await self._idle()
        await self.host.reset(world)

    async def close(self) -> None:
        """End everything."""
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
        await self._idle()
        await self.host.close()

    def as_json(self) -> list[dict[str, Any]]:
        """Every function: its instances, triggers, addresses, and the last lines of its log."""
        return [{**one.state(), "Urls": _urls(one)} for one in self.host.functions.values()]

    async def tick(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Fire a timer now: `{"function", "trigger", "time"}`. Returns when its repeats have ended.

        Of what the function returned the JSON value is given, not its text.

        Raises: ValueError: there is no such timer, or it is disabled.
        """
        name, given = order.get("function"), order.get("time")
        moment = str(given or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock.now())))
        for function in self.host.functions.values():
            trigger = function.triggers.get(str(order.get("trigger")))
            if function.spec.name == name and trigger is not None and trigger.kind == "timer":
                if not trigger.enabled:
                    raise ValueError("the timer is disabled")
                trigger.served += 1
                attempt = await self.host.deliver(
                    function, timer_event(function.spec.platform, trigger.name, moment, trigger.options["message"])
                )
                outcome = attempt.outcome
                returned: Any = outcome.body.decode(errors="replace")
                with contextlib.suppress(ValueError):
                    returned = json.loads(returned)
                told = {"Attempts": attempt.attempts, "Kind": outcome.kind}
                return {**told, "Returned": returned, "Error": outcome.error}
        raise ValueError("no deployed function has this timer")

    async def _look(self) -> None:
        while True:
            for function in list(self.host.functions.values()):
                for trigger in list(function.triggers.values()):
                    key = (function.key, trigger.name)
                    at_work = key in self._working and not self._working[key].done()
                    if trigger.enabled and trigger.kind in ("ckafka", "mns") and not at_work:
                        work = self._topic if trigger.kind == "ckafka" else self._queue
                        self._working[key] = asyncio.ensure_future(work(function, trigger))
            await asyncio.sleep(_LOOK_S)

    async def _idle(self) -> None:
        tasks, self._working = list(self._working.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._next_offsets = {}

    async def _topic(self, function: DeployedFunction, trigger: Trigger) -> None:
        """Pass one batch of each partition of a topic to a function: in its own group, in order, and all again after a
        failure.
        """
        for topic in self._kafka.of_trigger(function.spec.region, trigger.name):
            for partition in range(topic.partition_count):
                await self._partition(function, trigger, topic, partition)

    async def _partition(self, function: DeployedFunction, trigger: Trigger, topic: Topic, partition: int) -> None:
        key = (function.key, f"{trigger.name}/{topic.id}/{partition}")
        written = topic.records(partition, self._clock.now())
        if key not in self._next_offsets:
            first = trigger.options["offset"] == "earliest"
            old = [] if first else [one for one in written if one.at < trigger.created_at]
            self._next_offsets[key] = old[-1].offset + 1 if old else 0
        fresh = [one for one in written if one.offset >= self._next_offsets[key]]
        batch = fresh[: trigger.options["maxMsgNum"]]
        if not batch:
            return
        records = [
            {
                "Ckafka": {
                    "topic": topic.name,
                    "Partition": partition,
                    "offset": one.offset,
                    "msgKey": one.key or "None",
                    "msgBody": one.value,
                }
            }
            for one in batch
        ]
        trigger.served += 1
        event = json.dumps({"Records": records}).encode()
        await self.host.deliver(function, event, retries=trigger.options.get("retry", 10_000))
        self._next_offsets[key] = batch[-1].offset + 1

    async def _queue(self, function: DeployedFunction, trigger: Trigger) -> None:
        """Pass one batch of an SMQ queue to a function, as EventBridge does: an array of CloudEvents."""
        queue = self._broker.queue(f"smq/{ALIBABA_ACCOUNT}/{trigger.options['queue']}")
        batch: list[LeasedMessage] = queue.receive(trigger.options["batch"], _LEASE_S)
        if not batch:
            return
        events = [json.loads(queue_event(one.message.body, "fc", one.message.id))[0] for one in batch]
        trigger.served += 1
        attempt = await self.host.deliver(function, json.dumps(events).encode(), retries=trigger.options["retry"])
        done = attempt.outcome.kind == "ok" or trigger.options["tolerant"]
        for one in batch:
            if done:
                queue.ack(one)
            else:
                queue.release(one, self.host.world.retry_s)


def _urls(function: DeployedFunction) -> list[str]:
    host = scf_url_host if function.spec.platform == "scf" else fc_url_host
    return [
        f"https://{host(one.url_id, function.spec.region)}" for one in function.triggers.values() if one.kind == "http"
    ]
