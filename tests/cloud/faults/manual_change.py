"""Changes without a call of the API, as a person makes them in a console or with other tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from tests.cloud.wire import service

_NAMES = {"tair": "r-kvstore"}


@runtime_checkable
class TakesManualChanges(Protocol):
    """A service in which a person can change something by hand."""

    async def outside(self, resource: str, account: str, password: str, *, task: bool) -> None:
        """Change a password, or the value of the version `account` in a store.

        Raises: ValueError: it does not exist.
        """


class ManualChange(BaseModel):
    """The body of `POST /_standin/outside`.

    `Task`: Redis lists a finished task for the change, as for one in a console.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    Service: Literal["redis", "tcr", "tair", "ssm", "kms"]
    Resource: str
    Account: str
    Password: str
    Task: bool = True

    async def happen(self, services: Sequence[service.Service]) -> None:
        """Make the change now. Raises: ValueError."""
        name = _NAMES.get(self.Service, self.Service)
        for one in services:
            if one.name == name and isinstance(one, TakesManualChanges):
                await one.outside(self.Resource, self.Account, self.Password, task=self.Task)
