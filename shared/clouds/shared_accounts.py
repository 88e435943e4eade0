"""One read of a resource's accounts for all the commands of one invocation that look at it before their calls.

What was read serves an account to which nothing was sent since, for as long as a look allows a call. The list is read
anew where a task that nobody of this invocation began may have changed any account, and where the list of tasks may be
late. Only the look before a call may rest on it: what becomes of a call is asked of the cloud each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from shared.changes.timing import FRESH_S
from shared.runtime.cloud_access import CloudAccess

Row = Mapping[str, Any]
ReadPage = Callable[[int], tuple[list[Row], int | None]]
"""The rows of the page at an offset, and the next one's offset: None at the end. Raises: RetryLater, Refused."""


class Look:
    """What a look at one account showed."""

    def __init__(self, account: Row | None, read_at: float, *, shared: bool) -> None:
        self.account = account
        self.read_at = read_at  # when the read began, by the invocation's clock
        self.shared = shared  # read for another look


class _Read:
    """One read of the list, as far as anybody had to read on."""

    def __init__(self, number: int, at: float, tasks: frozenset[int]) -> None:
        self.number, self.at, self.tasks = number, at, tasks
        self.rows: list[Row] = []
        self.next: int | None = 0


class SharedAccounts:
    """The accounts of one resource, in one invocation, whose commands go in order: not for two threads at once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._order = count(1)  # of reads, calls and tasks
        self._sent: dict[str, int] = {}  # the last change of an account
        self._begun: dict[int, int] = {}  # tasks that this invocation's calls began
        self._kept: _Read | None = None

    def sent(self, account: str) -> None:
        """A change of the account is about to be sent, or was answered or lost: what was read before is too old."""
        self._sent[account] = next(self._order)

    def begun(self, task_id: int) -> None:
        """A task is that of a change that this invocation made."""
        self._begun[task_id] = next(self._order)

    def look(
        self,
        account: str,
        is_it: Callable[[Row], bool],
        read_page: ReadPage,
        tasks: frozenset[int] | None = None,
        *,
        anew: bool,
        quiet: bool = True,
    ) -> Look:
        """The account's row; `anew`: by a read of its own.

        `tasks` were listed just before, None for a service that has none; `quiet`: none of them is at work.

        Raises: as `read_page`.
        """
        read, self._kept = self._kept, None  # a read that fails serves nobody
        shared = read is not None and not anew and self._serves(read, account, tasks)
        if read is None or not shared:
            read = _Read(next(self._order), self._clock(), tasks or frozenset())
        row = _find(read, is_it, read_page)
        self._kept = read if quiet else None
        return Look(row, read.at, shared=shared)

    def _serves(self, read: _Read, account: str, tasks: frozenset[int] | None) -> bool:
        """Whether what was read is what a read would show now, of this account."""
        if self._clock() - read.at >= FRESH_S or self._sent.get(account, 0) > read.number:
            return False
        if tasks is None:
            return True
        # A list of tasks may be late: only one that shows a task of our own since the read shows others' as well.
        ours_since = {task for task, began in self._begun.items() if began > read.number}
        return bool(ours_since) and ours_since <= tasks and (tasks - read.tasks).issubset(self._begun)


def _find(read: _Read, is_it: Callable[[Row], bool], read_page: ReadPage) -> Row | None:
    """The first row that is it, of those that were read, then of those behind them. Raises: as `read_page`."""
    row = next(filter(is_it, read.rows), None)
    while row is None and read.next is not None:
        found, read.next = read_page(read.next)
        read.rows += found
        row = next(filter(is_it, found), None)
    return row


def accounts_of(access: CloudAccess, *resource: str) -> SharedAccounts:
    """What the commands of this invocation share of a resource, as the role sees it that they work by."""
    name = ("accounts", *resource, access.site, access.role or "")
    shared: SharedAccounts = access.shared.setdefault(name, SharedAccounts(access.deadline.clock))
    return shared
