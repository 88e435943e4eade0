"""A function's reply, or its return value on a platform, as lines for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from shared.workbench.environment.terminal import Terminal
from shared.workbench.report.events import COUNTS, Malformed, NotOurs, Result
from shared.workbench.results.shown import FAILED, ROTATION, Event, counts_text, event_lines, first_word, read_event

_PASSWORD = "password"


@dataclass(frozen=True)
class FunctionReply:
    """What a function said: an event or none for each command, the secret beside it, and its rotations' counts."""

    events: tuple[Event | None, ...]
    passwords: tuple[str | None, ...]
    rotations: tuple[Mapping[str, Any], ...]
    is_delivered: bool
    """Whether a queue has all results."""

    @property
    def failed(self) -> int:
        """How many results say that what was asked is not known to be in force."""
        return sum(isinstance(one, Result) and one.outcome in FAILED for one in self.events)

    def lines(self, terminal: Terminal, *, with_passwords: bool) -> Iterator[str]:
        """A line an event, and below it its secret if that was asked for, never wrapped."""
        width = max((len(first_word(one)) for one in self.events if one is not None), default=0)
        width = max(width, len(_PASSWORD)) if with_passwords and any(self.passwords) else width
        for event, password in zip_longest(self.events, self.passwords):
            if event is not None:
                yield from event_lines(event, terminal, width=width)
            if with_passwords and password is not None:
                yield f"{_PASSWORD:<{width}}   {password}"
        for counts in self.rotations:
            told = tuple(_whole(counts.get(name)) for name in COUNTS)
            yield f"{ROTATION:<{width}}   {counts_text(told, sends=bool(counts.get('Sent')))}"


def read_reply(value: object) -> FunctionReply | None:
    """What a reply's JSON holds, bare or as a platform's HTTP answer; None if it is no reply of keyturn's."""
    if isinstance(value, Mapping) and isinstance(value.get("body"), str):
        try:
            value = json.loads(value["body"])
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, Mapping) or "Delivered" not in value:
        return None
    results, passwords, rotations = (
        value[f"{name}s"] if isinstance(value.get(f"{name}s"), list) else [value.get(name)]
        for name in ("Result", "Password", "Rotation")
    )
    try:
        events = tuple(None if one is None else read_event(one) for one in results)
    except (NotOurs, Malformed):
        return None
    return FunctionReply(
        events,
        tuple(one if isinstance(one, str) else None for one in passwords),
        tuple(one for one in rotations if isinstance(one, Mapping)),
        value["Delivered"] is True,
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
