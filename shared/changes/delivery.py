"""What one delivery of a command works with. It stays the same from the first step to the last."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.changes.options import ChangeOptions, ChangePorts
from shared.changes.timing import KEEP_S, LEAST_S, RESERVE_S
from shared.runtime.deadline import Deadline


@dataclass(frozen=True, eq=False)
class Delivery:
    """The options of a change, its deadline, and its ports to the rest of keyturn."""

    options: ChangeOptions
    deadline: Deadline
    ports: ChangePorts = field(default_factory=ChangePorts)

    @property
    def reserve_s(self) -> float:
        """Seconds that are kept back for the store and for publishing."""
        return RESERVE_S + (KEEP_S if self.options.keeps else 0.0)

    def left_s(self) -> float:
        """Seconds that are left before the reserve begins; zero or less: none."""
        return self.deadline.left() - self.reserve_s

    def left_to_call_s(self, called: bool) -> float:
        """Seconds before it is too late for a call. `called`: a call was made before, so the store is written."""
        keep_s = 0.0 if not self.options.keeps else KEEP_S if called else 2 * KEEP_S
        return self.deadline.left() - (LEAST_S + keep_s)
