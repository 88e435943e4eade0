"""A function as FC keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.cloud.functions.host import DeployedFunction
from tests.cloud.functions.instance_process import FunctionSpec
from tests.cloud.state.accounts import ALIBABA_ACCOUNT


@dataclass
class FunctionRecord:
    """A function as FC's API shows it; `host` runs it."""

    host: DeployedFunction
    configuration: dict[str, Any]
    tags: list[dict[str, str]]
    size: int
    checksum: str
    asynchronous: dict[str, Any] | None = None
    busy_until: float = 0.0
    failed: str = ""
    """The field that shows Failed after the change: `state` or `lastUpdateStatus`."""
    made_at: float = 0.0
    changed_at: float = 0.0
    added: str = ""
    reserved: int | None = None
    """The most instances at once. None: no limit of its own."""


def arn_of(spec: FunctionSpec) -> str:
    """The ARN of a function, by which other services name it."""
    return f"acs:fc:{spec.region}:{ALIBABA_ACCOUNT}:functions/{spec.name}"
