"""What FC keeps of a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.cloud.functions.host import DeployedFunction
from tests.cloud.functions.instance_process import FunctionSpec
from tests.cloud.state.accounts import ALIBABA_ACCOUNT


@dataclass
class FunctionRecord:
    """A function as its API shows it; `host` runs it."""

    host: DeployedFunction
    configuration: dict[str, Any]
    tags: list[dict[str, str]]
    size: int
    checksum: str
    asynchronous: dict[str, Any] | None = None
    busy_until: float = 0.0
    failed: str = ""
    """Which of `state` and `lastUpdateStatus` says Failed once the change is over."""
    made_at: float = 0.0
    changed_at: float = 0.0
    added: str = ""
    reserved: int | None = None
    """Instances at once; None: as many as the account has."""


def arn_of(spec: FunctionSpec) -> str:
    """What names a function to the other services."""
    return f"acs:fc:{spec.region}:{ALIBABA_ACCOUNT}:functions/{spec.name}"
