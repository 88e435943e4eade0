"""Faults of calls, on purpose. A fault is matched after the caller is known. It is used up when a call meets it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from typing_extensions import Self

from tests.cloud.wire.service import Call

BEFORE = ("drop_before", "throttle", "lock", "expire_token", "wrong_type", "echo")
"""A call meets these before the action runs, so nothing is applied."""
TASK = ("fail_task", "hang_task", "no_task_id")
"""The service plays these faults itself, or they change the answer."""
AFTER = ("drop_after", "stall", "cut_body", "html_500", "not_json")
"""The action runs, but its answer is lost or damaged."""
TIMED = ("late", "lag", "slow")
"""These last for some seconds, see Fault."""

Name = Literal[
    "drop_before", "throttle", "lock", "expire_token", "wrong_type", "fail_task", "hang_task", "no_task_id",
    "drop_after", "stall", "cut_body", "html_500", "not_json", "echo", "late", "lag", "slow", "code", "twice",
]  # fmt: skip


class Fault(BaseModel):
    """The next `Times` calls of `Action` (`*` for any), on `InstanceId` if given, meet `Fault`.

    - `late`: the client gets no answer. The request arrives `Seconds` of world time later and then has the effect that
      the world allows at that time. `calls` shows it with the code `late` when it was sent, and again when it arrives.
    - `lag`: for `Seconds` of world time from now on, whatever `Times` says, reads repeat their last answer. A read
      without a last answer shows the state at the time when the fault was set.
    - `slow`: the request is applied after `Seconds` of real time and then answered. The client may have gone by then.
      With `When` `after` it is applied at once, and answered so late.
    - `code`: the call is refused with `Code`, `before` anything happens or `after` it was applied. `Status` is HTTP's;
      the default is 400 on Alibaba and 200 on Tencent.
    - `twice`: the request arrives twice in a row. The first answer is lost, the client gets the second.
    """

    model_config = ConfigDict(extra="forbid")

    Action: str
    Fault: Name
    Times: Annotated[int, Field(ge=1)] = 1
    InstanceId: str = ""
    Seconds: Annotated[float, Field(ge=0, le=366 * 86_400, allow_inf_nan=False)] = 0.0
    Code: str = ""
    Status: Annotated[int, Field(ge=100, le=599)] | None = None
    When: Literal["before", "after"] = "before"

    @model_validator(mode="after")
    def _takes_its_own_fields_alone(self) -> Self:
        given = self.model_fields_set
        if (self.Fault in TIMED) != ("Seconds" in given):
            raise ValueError(f"Seconds requires one of {', '.join(TIMED)}")
        if (self.Fault == "code") != bool(self.Code) or ("Status" in given and self.Fault != "code"):
            raise ValueError("Code and Status require the fault code, and the fault code requires Code")
        if "When" in given and self.Fault not in ("code", "slow"):
            raise ValueError("When requires the fault code or slow")
        return self

    def matches(self, call: Call) -> bool:
        """Whether the fault is for this call."""
        return self.Action in ("*", call.action) and self.InstanceId in ("", call.instance_id)


_FAULTS: TypeAdapter[list[Fault]] = TypeAdapter(list[Fault])


class WaitingFaults:
    """The faults that no call has met yet, the oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, body: bytes) -> list[Fault]:
        """Add a JSON list of faults; returns those that do not wait for a call: each `lag`. Raises: ValueError."""
        given = _FAULTS.validate_json(body)
        self._waiting += [fault for fault in given if fault.Fault != "lag"]
        return [fault for fault in given if fault.Fault == "lag"]

    def __len__(self) -> int:
        return len(self._waiting)

    def clear(self) -> None:
        """Forget them all."""
        self._waiting = []

    def take_for(self, call: Call) -> Fault | None:
        """The fault that this call meets."""
        for fault in self._waiting:
            if fault.matches(call):
                fault.Times -= 1
                if fault.Times == 0:
                    self._waiting.remove(fault)
                return fault
        return None
