"""What a case promises of the store that keeps its secret: asked of the store and the real server, by other clients.

Invariants, by the letters that violations carry:
(h) at every look, the store's current secret or a pending one opens the real server;
(i) where `changed`, `already_changed` or `not_changed` stands, the current one does and nothing is pending: a version
    is left pending only where `unknown` stands, or nothing was said yet;
(j) what a result says under `Stored` is what the store shows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from darabonba.exceptions import DaraException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.cloud.client import Standin
from tests.cloud.proof import opens
from tests.stores import Held, held

from .cases import ALWAYS, Case
from .operations import Target

_TRIES = 4


def look(standin: Standin, place: str) -> Held:
    """What `ssm://name` or `kms://name` holds now; waits where the calls of those who are tested took the rate."""
    for _ in range(_TRIES):
        if (found := _held(standin, place)) is not None:
            return found
        time.sleep(1.0)
    return held(standin, place)


def _held(standin: Standin, place: str) -> Held | None:
    try:
        return held(standin, place)
    except (TencentCloudSDKException, DaraException):
        return None


@dataclass
class Shelf:
    """One case's store, and every secret that was ever seen in it."""

    case: Case
    target: Target
    standin: Standin
    seen: set[str] = field(default_factory=set)

    def look(self) -> Held:
        """What it holds now; the case's faults are over for this."""
        self.standin.clear()
        found = look(self.standin, self.target.place)
        for value in (found.current, *found.pending.values()):
            self.seen |= _inside(value)
        return found

    def opens(self, value: str) -> bool:
        """Whether the real server takes it; where two accounts take turns, for the one that it names."""
        if not self.target.turns:
            return self.target.holds(self.standin, value)
        turn = json.loads(value)
        return opens(self.standin.redis[self.target.resource], turn["Password"], turn["AccountName"])

    def check(self, standing: str, last: dict[str, Any] | None, broke: Callable[[str, str], None]) -> None:
        """`standing`: in force, unknown, not_changed, or empty where nothing was said yet."""
        found = self.look()
        current = self.opens(found.current)
        pending = [id_ for id_, value in found.pending.items() if self.opens(value)]
        if self.target.place.startswith("kms"):
            # A label that a crash left on the current version: nothing but that version may be in force.
            found = Held(found.current, {id_: one for id_, one in found.pending.items() if one != found.current})
        case = self.case
        lossy = self.target.base == "random" and standing in ("", "unknown")  # made by a call whose answer was lost
        if not current and not pending and not lossy:
            broke("h", f"{standing or 'nothing'} stands, and no secret in the store opens the server")
        if standing == "in force" and not current:
            broke("i", f"in force stands, and the current secret does not open the server; pending: {pending}")
        told = standing in ("in force", "not_changed") and not (case.kill and standing == "not_changed")
        stuck = last is not None and "could not be discarded" in " ".join(last["Evidence"])
        if told and found.pending and not stuck:
            broke("i", f"{standing} stands, and {sorted(found.pending)} are pending")
        if standing == "not_changed" and not current and not case.kill:
            broke("i", "not_changed stands, and the current secret does not open the server")
        if last is not None:
            self._told(last, found, broke)
        if self.target.turns and standing == "in force":
            self._both_open(found.current, broke)

    def _told(self, last: dict[str, Any], found: Held, broke: Callable[[str, str], None]) -> None:
        stored = last["Stored"]
        if stored is None:
            if last["Outcome"] in ("changed", "already_changed"):
                broke("j", f"{last['Outcome']} without Stored")
            return
        if stored["Name"] != self.target.place or stored["Version"] != last["CommandId"]:
            broke("j", f"Stored names {stored['Name']} {stored['Version']}")
        # A step whose answers are all lost is made, and cannot be known to be.
        lost = self.case.also[1] == "drop_after" or (self.case.fault == "drop_after" and self.case.mode == ALWAYS)
        if (stored["Stage"] == "pending") != (stored["Version"] in found.pending) and not lost:
            broke("j", f"Stored says {stored['Stage']} with {last['Outcome']}, pending are {sorted(found.pending)}")

    def _both_open(self, value: str, broke: Callable[[str, str], None]) -> None:
        previous = json.loads(value).get("Previous") or {}
        address = self.standin.redis[self.target.resource]
        if not previous or not opens(address, previous["Password"], previous["AccountName"]):
            broke("h", "clients that still hold the other account's secret are locked out")


def _inside(value: str) -> set[str]:
    """The secrets in a stored value: itself, or those of a turn."""
    try:
        turn = json.loads(value)
    except ValueError:
        return {value}
    if not isinstance(turn, dict):
        return {value}
    return {one["Password"] for one in (turn, turn.get("Previous") or {}) if "Password" in one}
