"""How a cloud is reached in one invocation: with whose keys, where, how fast and until when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.runtime.deadline import Deadline
from shared.runtime.errors import KeyturnError
from shared.runtime.secret import Secret

SEVERAL = "several"
"""Stands before the name of a resource in what an invocation shares: several of its commands are for that resource."""


@dataclass(frozen=True, eq=False, repr=False)
class RoleKeys:
    """Temporary keys: of the function's own role, fresh at every invocation, or of one that it assumed."""

    id: str
    key: Secret
    token: Secret | None


@dataclass(frozen=True, eq=False, repr=False)
class CloudAccess:
    """How a cloud is reached in this invocation: whose keys, where, how fast and until when."""

    keys: RoleKeys
    endpoint: str | None
    calls_per_s: float
    deadline: Deadline
    operator: str | None = None  # the account that calls are made by, where the platform tells
    site: str = "domestic"
    sleep: Callable[[float], None] = field(default=time.sleep)
    role: str | None = None  # whose keys these are, if not the function's own role's
    keys_refused: Callable[[KeyturnError], None] | None = None  # told of each `forbidden` that a role's keys met
    ca_file: str | None = None  # trusted at an endpoint instead of the built-in set; see `shared.runtime.tls`
    shared: dict[tuple[str, ...], Any] = field(default_factory=dict)  # `Invocation.shared`
