"""The record of one play: what was really applied, what was sent, what keyturn said. Judges read nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

SKEW_S = 0.1
"""By how much a busy machine may set a function's clock behind its world's."""
IN_FORCE = ("changed", "already_changed")
LAST = (*IN_FORCE, "not_changed", "unknown", "would_change")


def parse_time(text: str) -> float:
    """An RFC 3339 time, in Unix seconds."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@dataclass(frozen=True)
class Applied:
    """Something that really took effect: a password, or a stored version's value. Empty digest: it was deleted."""

    at: float  # world time
    service: str
    resource: str
    account: str  # of a store: the version
    digest: str
    by: str  # world, call or outside
    current: str | None = None  # of a store: its current version after it


@dataclass(frozen=True)
class Credential:
    """A credential, with the names of the stand-in's history."""

    service: str
    resource: str
    accounts: tuple[str, ...]  # two where they take turns
    place: str = ""  # the store that keeps it, `ssm://name`

    @property
    def kept(self) -> tuple[str, str]:
        """The service and name of the store in the history."""
        kind, _, name = self.place.partition("://")
        return kind, name


@dataclass(eq=False)
class Delivery:
    """One event that was given to a function, and its results."""

    number: int
    order: str  # events of one letter are the same event
    credential: Credential
    began: float  # world time
    ended: float = 0.0
    digest: str = ""  # of the new secret, where the command holds it
    killed: bool = False
    apart: bool = False  # beside others, in a process of its own
    fenced: bool = False
    replayed: bool = False  # a message of its own came twice, so that its result may
    tells: bool = True  # whether results say anything of a secret
    carries: bool = True  # a commands queue and a handoff key are set
    login: bool = False
    calls: list[str] = field(
        default_factory=list
    )  # `Code` of each call that changes the credential, as it was answered
    codes_after: bool = False  # some of them had their effect all the same
    met: set[str] = field(
        default_factory=set
    )  # what kinds of trouble were there: lost, blind, endless, store, probe, kill
    last_call: float = 0.0  # when this invocation heard a service for the last time
    results: list[dict[str, Any]] = field(default_factory=list)  # of its trace, the queue's order
    traces: set[str] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)  # digests of secrets that replies showed
    versions: set[str] = field(default_factory=set)  # of the store, written by it or by deliveries of the same event

    @property
    def last(self) -> list[dict[str, Any]]:
        """The terminal results."""
        return [one for one in self.results if one["data"]["Outcome"] in LAST]

    @property
    def may_cause(self) -> bool:
        """Whether one of its calls may have taken effect, or still may."""
        return self.codes_after or any(code in ("", "late") for code in self.calls)

    def __str__(self) -> str:
        return f"delivery {self.number} ({self.order})"


@dataclass(eq=False)
class Record:
    """The record of one play."""

    salt: str = ""
    applied: list[Applied] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)  # by digest: stored values that hold two accounts' secrets
    strays: list[dict[str, Any]] = field(default_factory=list)  # results that belong to no delivery
    ended: float = 0.0

    def digest(self, value: str) -> str:
        """The name of a value in the history: its digest."""
        return sha256((self.salt + value).encode()).hexdigest()

    def password_digests(self, credential: Credential, value: str) -> set[str]:
        """Digests of the passwords in a stored value: of the value itself, or of the account in use."""
        if len(credential.accounts) == 1:
            return {value}
        turn = self.turn(value)
        return {self.digest(turn[1])} if turn is not None else set()

    def turn(self, value: str) -> tuple[str, str] | None:
        """The account and password in a stored value of two alternating accounts; None: never seen, or another form."""
        try:
            body = json.loads(self.values.get(value, ""))
        except ValueError:
            return None
        if not isinstance(body, dict) or not {"AccountName", "Password"} <= body.keys():
            return None
        return body["AccountName"], body["Password"]

    def of(self, credential: Credential) -> list[Applied]:
        """What was applied to the credential's accounts, oldest first."""
        return [
            one
            for one in self.applied
            if (one.service, one.resource) == (credential.service, credential.resource)
            and one.account in credential.accounts
        ]

    def of_store(self, credential: Credential) -> list[Applied]:
        """What was applied to the credential's store, oldest first."""
        return [one for one in self.applied if credential.place and (one.service, one.resource) == credential.kept]

    def in_force(self, credential: Credential, account: str, at: float) -> Applied | None:
        """The account's password at a moment, and since when."""
        found = [one for one in self.of(credential) if one.account == account and one.at <= at + SKEW_S]
        return found[-1] if found else None

    def stored(self, credential: Credential, version: str, at: float) -> str:
        """The digest of a version's value at a moment; empty: there is no such version."""
        found = [one for one in self.of_store(credential) if one.account == version and one.at <= at + SKEW_S]
        return found[-1].digest if found else ""

    def around(self, credential: Credential, account: str, at: float) -> set[str]:
        """The account's passwords around a moment, within the tolerance of the clocks."""
        mine = [one for one in self.of(credential) if one.account == account]
        before = [one for one in mine if one.at <= at][-1:]
        return {one.digest for one in (*before, *(one for one in mine if at < one.at <= at + SKEW_S))}

    def opens(self, credential: Credential, digest: str, at: float) -> bool | None:
        """Whether a stored value was in force at a moment; None: its accounts are not known."""
        if len(credential.accounts) == 1:
            return digest in self.around(credential, credential.accounts[0], at)
        turn = self.turn(digest)
        if turn is None:
            return None
        return self.digest(turn[1]) in self.around(credential, turn[0], at)


def read_history(history: Mapping[str, Any]) -> list[Applied]:
    """Read the stand-in's own history."""
    return [
        Applied(
            parse_time(one["At"]),
            one["Service"],
            one["Resource"],
            one["Account"],
            one["Digest"],
            one["By"],
            one.get("Current"),
        )
        for one in history["History"]
    ]
