"""Changes that no call makes: what somebody does by hand, in a console or with other tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from tests.cloud.wire import service

_NAMES = {"tair": "r-kvstore"}


@runtime_checkable
class TakesManualChanges(Protocol):
    """A service in which something can be changed by hand."""

    async def outside(self, resource: str, account: str, password: str, *, task: bool) -> None:
        """Change a password, or of a store the value of the version `account`. Raises: ValueError: no such thing."""


class ManualChange(BaseModel):
    """What `POST /_standin/outside` takes. `Task`: Redis lists a finished flow of it, as if done in a console."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    Service: Literal["redis", "tcr", "tair", "ssm", "kms"]
    Resource: str
    Account: str
    Password: str
    Task: bool = True

    async def happen(self, services: Sequence[service.Service]) -> None:
        """Change it now. Raises: ValueError."""
        name = _NAMES.get(self.Service, self.Service)
        for one in services:
            if one.name == name and isinstance(one, TakesManualChanges):
                await one.outside(self.Resource, self.Account, self.Password, task=self.Task)
