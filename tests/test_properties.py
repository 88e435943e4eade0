"""Any order of commands, faults, kills and redeliveries: what a delivery's result says is what the server then does."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests import shapes
from tests.campaign.cases import FAULTS, ONCE, TRIGGERS, Case
from tests.campaign.operations import TARGETS, Target
from tests.campaign.platform import drain, events_of, invoke, invoke_and_kill
from tests.cloud.client import Standin
from tests.cloud.runtime import SCF

_IN_FORCE = ("changed", "already_changed")
_LIMIT_S = 4.0
# A task that hangs locks its instance for good, which is the campaign's business.
_FAULTS = st.sampled_from(["", "", *(fault for fault in FAULTS if fault != "hang_task")])
_NAMES = st.sampled_from(["account", "password", "registry", "tair"])
_POINTS = st.sampled_from(["looked", "call built", "call answered", "ended", "result sent"])


@dataclass(frozen=True)
class Sent:
    """A command as its sender keeps it, to send it again."""

    target: Target
    event: bytes
    new: str


class Rotations(RuleBasedStateMachine):
    """One sender, who knows which secret opens each credential, and a cloud that drops, stalls and throttles."""

    standin: ClassVar[Standin]
    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._rng = random.Random(7)
        self._count = 0

    def teardown(self) -> None:
        self._folder.cleanup()

    @initialize(commands=st.booleans(), refuses=st.booleans())
    def begin(self, commands: bool, refuses: bool) -> None:
        self.standin.reset(old_equals_new="refuse" if refuses else "accept")
        folder = Path(self._folder.name)
        self.settings = {
            "KEYTURN_RESULTS": f"sqlite://{folder / 'results.db'}",
            "KEYTURN_TENCENT_ENDPOINT": self.standin.endpoint,
            "KEYTURN_ALIBABA_ENDPOINT": self.standin.endpoint,
        }
        if commands:
            self.settings["KEYTURN_COMMANDS"] = f"sqlite://{folder / 'commands.db'}"
        self.in_force = {name: target.old for name, target in TARGETS.items()}

    @rule(target=sent, name=_NAMES, trigger=st.sampled_from(TRIGGERS), fault=_FAULTS, right=st.sampled_from([1, 1, 0]))
    def send(self, name: str, trigger: str, fault: str, right: int) -> Sent:
        """A new command, with the secret in force as the old one, or with a wrong one."""
        command = self._command(name, trigger, self.in_force[name] if right else "Wrong-Passw0rd")
        outcome = self._deliver(command, fault)
        if not right and command.target.fenced:
            assert outcome in ("not_changed", "unknown")
        return command

    @rule(command=sent, fault=_FAULTS)
    def send_again(self, command: Sent, fault: str) -> None:
        """The same event once more, however long ago it was."""
        self._deliver(command, fault)

    @rule(target=sent, name=_NAMES, point=_POINTS)
    def send_and_be_killed(self, name: str, point: str) -> Sent:
        """The platform kills the process somewhere on its way, then delivers the event again."""
        command = self._command(name, "queue", self.in_force[name])
        where = Case(name, "queue", mode=ONCE, kill=point).kill_point
        target = command.target
        invoke_and_kill(
            target.function,
            command.event,
            target.platform,
            self.settings,
            point=where,
            standin=self.standin,
            action=target.action,
        )
        assert self._deliver(command, "", killed=True) != "not_changed"
        return command

    @invariant()
    def the_sender_knows_what_opens(self) -> None:
        """One secret opens each credential, and it is the one that the results speak of."""
        for name in ("account", "password", "registry", "tair") if hasattr(self, "in_force") else ():
            target = TARGETS[name]
            assert target.holds(self.standin, self.in_force[name]), f"{name}: what should be in force is refused"
            if self.in_force[name] != target.old:
                assert not target.holds(self.standin, target.old), f"{name}: the first secret still opens"

    def _command(self, name: str, trigger: str, old: str) -> Sent:
        target = TARGETS[name]
        self._count += 1
        new, key = target.make_new(self._rng), f"command-{self._count}"
        made = shapes.event(
            target.command(old, new), target.platform, trigger, name=key, headers={"idempotency-key": key}
        )
        return Sent(target, json.dumps(made).encode() if target.platform == SCF else made, new)

    def _deliver(self, command: Sent, fault: str, *, killed: bool = False) -> str:
        """One delivery to its end; its outcome, once the server was seen to agree with it."""
        target, before = command.target, self.in_force[command.target.name]
        if fault:
            self.standin.faults([{"Action": target.action, "Fault": fault, "Times": 1}])
        self._count += 1
        settings = self.settings | {"KEYTURN_RATE": f"{20 + self._count / 1000}"}  # a pace of its own
        returned = invoke(target.function, command.event, target.platform, settings, timeout_s=_LIMIT_S)
        drained = drain(settings, ages=True)
        self.standin.clear()
        assert [one.error for one in (returned, *drained.returned) if one.error] == []
        (own,) = events_of(returned)
        ends = [one["data"] for one in (own, *drained.events) if one["data"]["StartedAt"] == own["data"]["StartedAt"]]
        (end,) = (one for one in ends if one["Outcome"] != "pending")
        outcome: str = end["Outcome"]
        opens = target.holds(self.standin, command.new)
        if outcome in _IN_FORCE:
            assert opens, f"{outcome}, and the new secret is refused: {end}"
        elif outcome == "not_changed" and not killed and command.new != before:
            assert not opens, f"not_changed, and the new secret opens: {end}"
        if opens:
            self.in_force[target.name] = command.new
        return outcome


@pytest.mark.long
def test_results_agree_with_the_servers_in_any_order_of_events(standin: Standin) -> None:
    bounded = settings(
        max_examples=5,
        phases=(Phase.generate,),  # a story of nine steps is short enough, and shrinking it takes minutes
        stateful_step_count=9,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    machine = type("Here", (Rotations,), {"standin": standin})
    run_state_machine_as_test(machine, settings=bounded)  # type: ignore[no-untyped-call]
