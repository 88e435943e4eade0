"""What a fleet is to a rotation: resources in pages, their accounts, and when each secret last changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Resource:
    """One instance or registry."""

    id: str
    tags: Mapping[str, str] = field(default_factory=dict)
    obstacle: str | None = None  # the state in which its credentials cannot be changed, in the cloud's own words


@dataclass(frozen=True)
class Account:
    """One account: its name without a service's prefix, and its secret's last change, if the service tells."""

    name: str
    changed: str | None = None  # the text that the service shows
    changed_at: datetime | None = None  # the same as a moment


@dataclass(frozen=True)
class Page:
    """Some of a fleet's resources, in the service's own order."""

    resources: list[Resource]
    last: bool


class Fleet(Protocol):
    """The resources of one service in one region. Threads may ask it at once."""

    page_size: int
    assumes: str  # how it reads the service's times, for the report

    def page(self, offset: int, tags: Mapping[str, str]) -> Page:
        """The page that begins at `offset`, a multiple of the page size. `tags` narrow it where the service can.

        Raises: RetryLater, Refused.
        """

    def accounts(self, resource: str) -> list[Account]:
        """Every account of a resource. Raises: RetryLater, Refused."""
