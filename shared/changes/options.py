"""The options of a change, and its ports to the rest of keyturn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.changes.credential import CredentialChange, StateBefore, Task
from shared.changes.settling import LostCall
from shared.results.outcome import Conclusion


@dataclass(frozen=True, eq=False)
class ChangeOptions:
    """What the command asks for beside the change itself, and what is known about the command."""

    dry_run: bool = False
    login: bool = False
    # A caller who waits and chose no CommandId: a refused old secret is then most likely a typo.
    unnamed_caller: bool = False
    keeps: bool = False  # a store is written to before the call, and again after it
    fresh: bool = False  # the new secret was made for this delivery, so that it cannot be in force yet
    finished: bool = False  # an earlier delivery made the change, as proven: only check that it is in force
    contested: bool = False  # and a later change of the credential began since


@dataclass(frozen=True, eq=False)
class PendingChange:
    """What follow_change takes over: a task, or a call whose answer was lost."""

    conclusion: Conclusion
    before: StateBefore
    task: Task | None = None
    unclear: bool = False  # an earlier call of the change may still take effect, however the task ends
    settling: LostCall | None = None


@dataclass(eq=False)
class ChangePorts:
    """The ports of a change to the rest of keyturn. Those that use a store raise RetryLater or Refused."""

    hand_on: Callable[[PendingChange], bool] | None = None  # give it to follow_change; True once confirmed
    settles: bool = True  # whether follow_change also takes a call whose answer was lost, not only a task
    write_ahead: Callable[[], None] | None = None  # write the new secret to its store, before any call
    check_store: Callable[[], None] | None = None  # before each call: look at the store again, if the last look is old
    # Generate and store another new secret, after a rule of the cloud refused the first.
    another_value: Callable[[], CredentialChange] | None = None
    note_repeat: Callable[[], None] | None = None  # note in the store that a call may still arrive
    olds: int = 0  # number of further old secrets, if the cloud refuses the first
    old_at: Callable[[int], CredentialChange | None] | None = None  # the change with one of them; None: already tried
    old_in_force: Callable[[int], list[str]] | None = None  # told which of them was the right one
    # Whether another secret of the credential may be in force, an earlier delivery's included.
    others_maybe_in_force: Callable[[], bool] | None = None
    clock: Callable[[], float] = time.time  # wall clock, Unix seconds
    sleep: Callable[[float], None] = time.sleep
