"""What a function file declares about its operation. Everything else about an operation derives from it.

A declaration is a value without side effects. Handlers receive declarations and import no function file. A function
file's name is `<cloud>_<service>_<action in snake case>`, so that an operation is found by its names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic

from shared.changes.credential import CredentialChange, Follower
from shared.commands.command import C
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess

if TYPE_CHECKING:
    from typing import Protocol

    from shared.rotation.fleet import Fleet

    class FollowerClass(Protocol):
        """The class that reads a service's pending changes, and what its reads need."""

        @property
        def can_reconcile(self) -> bool:
            """Whether reads can show what a call did whose answer was lost."""

        @property
        def rights(self) -> tuple[str, ...]:
            """Every cloud action that it calls."""

        def __call__(self, access: CloudAccess, subject: Subject) -> Follower: ...


@dataclass(frozen=True, eq=False)
class Rotation:
    """How plan_rotation finds the credentials of an operation, and what it writes into their commands."""

    fleet: Callable[[CloudAccess, str], Fleet]  # the resources of a region
    rights: tuple[str, ...]  # every cloud action that listing calls
    parameters: Mapping[str, Any] = field(default_factory=dict)  # required by the API beside names and secrets


@dataclass(frozen=True, eq=False)
class Operation(Generic[C]):
    """One change of one kind of credential: the API's action, the command it takes, the adapter that makes the call."""

    action: str  # as results name it
    cloud: str
    service: str
    command: type[C]
    change: Callable[[C, Subject, CloudAccess], CredentialChange]
    rights: tuple[str, ...]  # every cloud action that the change calls
    follower: FollowerClass | None = None  # None: its changes have no task or status to follow
    rotation: Rotation | None = None  # None: plan_rotation does not plan it

    def __post_init__(self) -> None:
        self.command.model_rebuild()  # here, so that no two threads build it at once

    @property
    def function(self) -> str:
        """The name of its function and of that function's file."""
        return function_name(self.cloud, self.service, self.action)

    @property
    def reconciles(self) -> bool:
        """Whether reads can show what a call did whose answer was lost."""
        return self.follower is not None and self.follower.can_reconcile


def function_name(cloud: str, service: str, action: str) -> str:
    """The name of an operation's function, such as `tencent_redis_modify_instance_account`."""
    return f"{cloud}_{service}_{re.sub(r'(?<!^)(?=[A-Z])', '_', action).lower()}"
