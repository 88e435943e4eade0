"""The events of `events/`: each function is called in six ways, on two platforms by three kinds of trigger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from shared.triggers import Trigger, read
from shared.workbench.bundle.operations import operations
from shared.workbench.report.events import Result
from shared.workbench.results.shown import read_event, reason_text
from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.demo.scenes import Scene
from tests.cloud.functions.platform_names import FC, SCF
from tests.cloud.invocation.runtime import InvocationResult, run_function
from tests.cloud.state.checkout import ROOT
from tests.cloud.state.world import load_world

OPERATIONS = tuple(operations())
_TRIGGERS = (Trigger.HTTP, Trigger.TIMER, Trigger.QUEUE)


@dataclass(frozen=True)
class ExampleEvent:
    """One event of one function, and the command in it."""

    function: str
    platform: str
    trigger: Trigger
    event: bytes
    command: dict[str, Any]

    @property
    def credential(self) -> tuple[str, str]:
        """The resource and the account."""
        resource = self.command.get("InstanceId") or self.command["RegistryId"]
        account = self.command.get("AccountName") or self.command.get("Name", "root")
        return resource, account.removeprefix("tcr$")

    @property
    def new_password(self) -> str | None:
        """The new password in the command; None if the cloud generates one."""
        declared = operations()[self.function].command
        return self.command.get(declared.model_fields[declared.new_field].alias or declared.new_field)


def example_events(function: str) -> Iterator[ExampleEvent]:
    """Every event of a function. Each fits the default world in its first state."""
    fields = import_module(f"functions.{function}").main_handler.fields
    for platform in (SCF, FC):
        for trigger in _TRIGGERS:
            raw = (ROOT / "events" / function / f"{platform}-{trigger.value}.json").read_bytes()
            event = json.loads(raw) if platform == SCF else raw
            message = read(event, fields=fields, request_id="demo").messages[0]
            assert isinstance(message.data, dict)
            yield ExampleEvent(function, platform, trigger, raw, message.data)


def accepts(cloud: Standin, credential: tuple[str, str], password: str) -> bool:
    """Whether the real server of the resource accepts the password now."""
    resource, account = credential
    if resource in cloud.registry:
        return registry_accepts(cloud.registry[resource], f"tcr${account}", password)
    return redis_accepts(cloud.redis[resource], password, None if account == "root" else account)


def call_in_six_ways(scene: Scene, cloud: Standin, function: str, results: str, hosts: set[str]) -> None:
    """Show one line: in how many ways the function changed a real password. Adds the called hosts to `hosts`."""
    settings = {"KEYTURN_RESULTS": results, **endpoints(cloud)}
    seconds, bad, ways = 0.0, list[str](), 0
    for way in example_events(function):
        scene.doing = f"{function} {way.platform} {way.trigger.value}"
        # Every event fits the world's first state. A Tair account shows its change long enough for a slow machine to
        # see it, because a reset has no other proof.
        cloud.reset(settle_s=1.0)
        returned = run_function(function, way.event, way.platform, timeout_s=60.0, settings=settings)
        seconds += returned.seconds
        ways += 1
        if problem := _problem(cloud, way, returned):
            bad.append(f"{way.platform} {way.trigger.value}: {problem}")
        hosts |= {call["Host"] for call in cloud.calls()}
    told = ". ".join(bad) or "old password refused, new one accepted"
    scene.tell(f"  {function:<44} in {ways} ways: {told} ({seconds / ways:.1f} s each)", not bad)


def _problem(cloud: Standin, way: ExampleEvent, returned: InvocationResult) -> str:
    """What is wrong with the result or the server; empty if the password really changed."""
    if returned.error is not None:
        return f"it raised; its log:\n{returned.log}"
    event = returned.body["Result"] if way.trigger is Trigger.HTTP else returned.value["Results"][0]
    if event["data"]["Outcome"] != "changed":
        return f"{event['data']['Outcome']}: {why_of(event)}"
    new = way.new_password or returned.body["Password"]  # the registry made one, and showed it once, in this reply
    if accepts(cloud, way.credential, _first_passwords()[way.credential]):
        return "the old password still works"
    return "" if accepts(cloud, way.credential, new) else "the new password is refused"


def why_of(event: Mapping[str, Any]) -> str:
    """Why a result is not in force, as `make results` says it."""
    result = read_event(event)
    return (reason_text(result) if isinstance(result, Result) else "") or "no error is named"


@cache
def _first_passwords() -> dict[tuple[str, str], str]:
    """The passwords that the default world starts with."""
    world = load_world()
    return {
        (resource, account): held.password
        for kind in (world.redis, world.tcr, world.tair)
        for resource, owner in kind.items()
        for account, held in owner.accounts.items()
    }


def endpoints(cloud: Standin) -> dict[str, str]:
    """The settings that send both clouds' calls to a stand-in."""
    return {"KEYTURN_TENCENT_ENDPOINT": cloud.endpoint, "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint}
