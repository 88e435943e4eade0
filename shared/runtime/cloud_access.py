"""How one invocation reaches a cloud: with whose keys, at which host, how fast, and until when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.runtime.deadline import Deadline
from shared.runtime.errors import KeyturnError
from shared.runtime.secret import Secret

SEVERAL = "several"
"""Key of `Invocation.shared`: several of the invocation's commands are for the resource that the key names next."""


@dataclass(frozen=True, eq=False, repr=False)
class RoleKeys:
    """Temporary keys: of the function's own role, fresh at every invocation, or of a role that it assumed."""

    id: str
    key: Secret
    token: Secret | None


@dataclass(frozen=True, eq=False, repr=False)
class CloudAccess:
    """How this invocation reaches a cloud: with whose keys, at which host, how fast, and until when."""

    keys: RoleKeys
    endpoint: str | None
    calls_per_s: float
    deadline: Deadline
    operator: str | None = None  # the account that makes the calls, if the platform names it
    site: str = "domestic"
    sleep: Callable[[float], None] = field(default=time.sleep)
    role: str | None = None  # the assumed role whose keys these are; None: the function's own
    keys_refused: Callable[[KeyturnError], None] | None = None  # called with each `forbidden` that a role's keys get
    ca_file: str | None = None  # the CAs that an endpoint is checked against; see `shared.runtime.tls`
    shared: dict[tuple[str, ...], Any] = field(default_factory=dict)  # `Invocation.shared`
