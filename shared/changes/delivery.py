"""What one delivery of a command works with, the same from its first step to its last."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.changes.options import ChangeOptions, ChangePorts
from shared.changes.timing import KEEP_S, LEAST_S, RESERVE_S
from shared.runtime.deadline import Deadline


@dataclass(frozen=True, eq=False)
class Delivery:
    """What the command asks of the way, when it must be over, and what the rest of keyturn is reached by."""

    options: ChangeOptions
    deadline: Deadline
    ports: ChangePorts = field(default_factory=ChangePorts)

    @property
    def reserve_s(self) -> float:
        """What is kept back for the store and for publishing, in seconds."""
        return RESERVE_S + (KEEP_S if self.options.keeps else 0.0)

    def left_s(self) -> float:
        """Seconds that are left before the reserve; none left: zero or less."""
        return self.deadline.left() - self.reserve_s

    def left_to_call_s(self, called: bool) -> float:
        """Seconds that are left before it is too late for a call; `called`: for another one, the store is written."""
        keep_s = 0.0 if not self.options.keeps else KEEP_S if called else 2 * KEEP_S
        return self.deadline.left() - (LEAST_S + keep_s)
