"""What a change is told of its command, and what it reaches the rest of keyturn by."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.changes.credential import CredentialChange, StateBefore, Task
from shared.changes.settling import LostCall
from shared.results.outcome import Conclusion


@dataclass(frozen=True, eq=False)
class ChangeOptions:
    """What the command asks of the way, and what is known of it, beside the change itself."""

    dry_run: bool = False
    login: bool = False
    # A caller who waits and chose no CommandId: a refused old secret is then most likely a typo.
    unnamed_caller: bool = False
    keeps: bool = False  # a store is written to before the call, and again after it
    fresh: bool = False  # the new secret was made for this delivery, so that it cannot be in force yet
    finished: bool = False  # an earlier delivery was proven to have done it all: only look whether it is so still
    contested: bool = False  # and a later change of the credential was begun since


@dataclass(frozen=True, eq=False)
class PendingChange:
    """What follow_change is given: a task, or a call whose answer was lost."""

    conclusion: Conclusion
    before: StateBefore
    task: Task | None = None
    unclear: bool = False  # an earlier call of the change may still take effect, whatever becomes of the task
    settling: LostCall | None = None


@dataclass(eq=False)
class ChangePorts:
    """What a change reaches the rest by. Those that keep a secret raise RetryLater or Refused."""

    hand_on: Callable[[PendingChange], bool] | None = None  # give it to follow_change; True once confirmed
    settles: bool = True  # whether it may be given a call whose answer was lost too, or a task alone
    write_ahead: Callable[[], None] | None = None  # keep the new secret before any call
    check_store: Callable[[], None] | None = None  # look at the store anew where the last look is old; before each call
    # Another new secret, kept, after a rule refused the first.
    another_value: Callable[[], CredentialChange] | None = None
    note_repeat: Callable[[], None] | None = None  # note in the store that a call is still out
    olds: int = 0  # further old secrets, should the first be refused
    old_at: Callable[[int], CredentialChange | None] | None = None  # the same change by one of them; None: it was tried
    old_in_force: Callable[[int], list[str]] | None = None  # told which of them was the right one
    # Whether other secrets of the credential, an earlier delivery's too, may be in force for all that is known.
    others_maybe_in_force: Callable[[], bool] | None = None
    clock: Callable[[], float] = time.time  # wall clock, Unix seconds
    sleep: Callable[[float], None] = time.sleep
