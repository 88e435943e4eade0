"""A command in a case of the campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.campaign.operations import ALL_TARGETS
from tests.campaign.record import Credential

_SERVICE = {"r-kvstore": "tair"}


@dataclass(frozen=True)
class CaseCommand:
    """The credential of a command, and the fields beside those of its target."""

    target: str
    more: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""  # the event's name, from which its CommandId is made; empty: the letter's own
    enveloped: bool = False  # by queue as a CloudEvent of keyturn's own form
    claims: Mapping[str, Any] = field(default_factory=dict)  # further attributes of that, which nobody signed

    def command(self, new: str) -> dict[str, Any]:
        """The command to send. A field that is None in `more` is left out."""
        target = ALL_TARGETS[self.target]
        whole = target.command(target.old, new) | dict(self.more)
        return {name: value for name, value in whole.items() if value is not None}

    @property
    def credential(self) -> Credential:
        """The command's credential, by its fields."""
        target, command = ALL_TARGETS[self.target], self.command("-")
        resource = command.get("InstanceId") or command.get("RegistryId")
        accounts = command.get("Alternate") or [command.get("AccountName") or command.get("Name") or target.account]
        place = (command.get("Deliver") or {}).get("Store", "")
        service = _SERVICE.get(target.service, target.service)
        return Credential(service, str(resource), tuple(accounts), place)
