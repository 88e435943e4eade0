"""What can go wrong on purpose. A fault is matched once the caller is known, and used up when met."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from .service import Call

BEFORE = ("drop_before", "throttle", "lock", "expire_token", "wrong_type", "echo")
"""Met before the action runs: nothing is applied."""
TASK = ("fail_task", "hang_task", "no_task_id")
"""The service's own to stage, or the answer's."""
AFTER = ("drop_after", "stall", "cut_body", "html_500", "not_json")
"""The action runs; its answer is lost or spoilt."""

Name = Literal[
    "drop_before", "throttle", "lock", "expire_token", "wrong_type", "fail_task", "hang_task", "no_task_id",
    "drop_after", "stall", "cut_body", "html_500", "not_json", "echo",
]  # fmt: skip


class Fault(BaseModel):
    """The next `Times` calls of `Action` (`*` for any), on `InstanceId` if given, meet `Fault`."""

    model_config = ConfigDict(extra="forbid")

    Action: str
    Fault: Name
    Times: Annotated[int, Field(ge=1)] = 1
    InstanceId: str = ""


_FAULTS: TypeAdapter[list[Fault]] = TypeAdapter(list[Fault])


class Faults:
    """The faults still to be met, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, body: bytes) -> int:
        """Append a JSON list of faults; returns how many wait. Raises: ValueError."""
        self._waiting += _FAULTS.validate_json(body)
        return len(self._waiting)

    def clear(self) -> None:
        """Forget them all."""
        self._waiting = []

    def meet(self, call: Call) -> str:
        """The fault that this call meets, or an empty string."""
        for fault in self._waiting:
            if fault.Action in ("*", call.action) and fault.InstanceId in ("", call.instance_id):
                fault.Times -= 1
                if fault.Times == 0:
                    self._waiting.remove(fault)
                return fault.Fault
        return ""
