"""The fleet that a rotation lists: resources in pages, their accounts, and when each secret last changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone, tzinfo
from typing import Protocol

from shared.runtime.times import parse_time

# An earlier time is an unset one: both clouds' services are younger.
_FIRST = datetime(2010, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Resource:
    """One instance or registry."""

    id: str
    tags: Mapping[str, str] = field(default_factory=dict)
    obstacle: str | None = None  # the state that prevents changes, in the cloud's words


@dataclass(frozen=True)
class Account:
    """One account: its name without the service's prefix, and its secret's last change if the service shows it."""

    name: str
    changed: str | None = None  # the text that the service shows
    changed_at: datetime | None = None  # the same time, parsed
    obstacle: str | None = None  # the state that prevents a change


@dataclass(frozen=True)
class Page:
    """Some of a fleet's resources, in the service's own order."""

    resources: list[Resource]
    last: bool


class Fleet(Protocol):
    """The resources of one service in one region. Several threads may use it at once."""

    page_size: int
    assumes: str  # how keyturn reads the service's times, for the report

    def page(self, offset: int, tags: Mapping[str, str]) -> Page:
        """The page that begins at `offset`, a multiple of the page size. The service filters by `tags` if it can.

        Raises: RetryLater, Refused.
        """

    def accounts(self, resource: str) -> list[Account]:
        """Every account of a resource. Raises: RetryLater, Refused."""


@dataclass(eq=False)
class FleetOfRole:
    """A fleet of another account. Its role is assumed at the first call, and not before."""

    page_size: int
    assumes: str
    assumed: Callable[[], Fleet]  # raises as `page`

    def page(self, offset: int, tags: Mapping[str, str]) -> Page:
        return self.assumed().page(offset, tags)

    def accounts(self, resource: str) -> list[Account]:
        return self.assumed().accounts(resource)


def moment_of(text: object, zone: tzinfo) -> datetime | None:
    """A service's text as a time in UTC. `zone`: for a text without a zone. None: no time, or an impossible one."""
    return _meant(parse_time(text, zone))


def moment_at(seconds: object) -> datetime | None:
    """Unix seconds as a time in UTC. None: no time, or an impossible one."""
    if not isinstance(seconds, int | float):
        return None
    try:
        return _meant(datetime.fromtimestamp(seconds, timezone.utc))
    except (ValueError, OverflowError, OSError):
        return None


def _meant(moment: datetime | None) -> datetime | None:
    return moment if moment and moment >= _FIRST else None
