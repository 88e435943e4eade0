"""What is known of one firing: the pages of its report and the results of its commands, whatever their order."""

from __future__ import annotations

from dataclasses import dataclass

from shared.results.outcome import Outcome
from shared.workbench.report.events import Result, RotationPage, RotationRow
from shared.workbench.results.shown import IN_FORCE

_SHOWN = 5  # the number of places shown whose listing failed
_SKEW_S = 5.0  # between the clocks of two functions
_STRENGTH = (Outcome.PENDING, Outcome.WOULD_CHANGE, Outcome.NOT_CHANGED, Outcome.UNKNOWN, *IN_FORCE)


@dataclass(frozen=True)
class Listed:
    """The result of a listing: the counts, and why some places could not be listed (empty: all were)."""

    counts: tuple[int, ...]
    error: str


class FiringTally:
    """Counts the results of one firing, or of the firings of all its places.

    A command counts by its strongest result.
    """

    def __init__(self, *firings: str) -> None:
        self.firings = firings
        self._pages: dict[tuple[str, int], RotationPage] = {}
        self._results: dict[str, list[Result]] = {}  # CommandId -> results, of any firing

    def add(self, event: Result | RotationPage) -> None:
        """Add an event of the results queue. It may belong to any firing."""
        if isinstance(event, Result):
            self._results.setdefault(event.command_id, []).append(event)
        elif event.firing in self.firings:
            self._pages[event.firing, event.page] = event

    @property
    def last(self) -> Listed | None:
        """The last page's counts of the whole firing, or the sum over all places. None: the firing still runs."""
        if len(self._lasts) < len(self.firings):
            return None
        errors = [self._error(page) for page in self._lasts if page.error]
        more = [f"and {len(errors) - _SHOWN:,} more"] if len(errors) > _SHOWN else []
        counts = tuple(map(sum, zip(*(page.counts for page in self._lasts), strict=True)))
        return Listed(counts, "; ".join(errors[:_SHOWN] + more))

    @property
    def _lasts(self) -> list[RotationPage]:
        return [page for _, page in sorted(self._pages.items()) if page.last]

    def _error(self, page: RotationPage) -> str:
        place = f"{page.role or 'the own account'} in {page.source.rpartition('/')[2]}: " if self.firings[1:] else ""
        return f"{place}{page.error}"

    @property
    def is_silent(self) -> bool:
        """Whether no page has arrived."""
        return not self._pages

    @property
    def is_listed(self) -> bool:
        """Whether every page has arrived."""
        return self.last is not None and len(self._pages) == sum(page.page + 1 for page in self._lasts)

    @property
    def pages(self) -> list[RotationPage]:
        """The pages that have arrived, in their order."""
        return [page for _, page in sorted(self._pages.items())]

    @property
    def rows(self) -> list[RotationRow]:
        """The credentials on the pages."""
        return [row for number in sorted(self._pages) for row in self._pages[number].rows]

    @property
    def results(self) -> list[Result]:
        """The strongest result of each command of this firing, as far as its pages have arrived."""
        since = min((page.fired for page in self._pages.values()), default=0.0) - _SKEW_S
        rows = [(page, row) for _, page in sorted(self._pages.items()) for row in page.rows if row.command_id]
        of_each = (
            [one for one in self._results.get(row.command_id or "", ()) if one.time >= since and _is_of(one, page, row)]
            for page, row in rows
        )
        return [max(some, key=_strength) for some in of_each if some]

    @property
    def ended(self) -> int:
        """How many of its commands have ended."""
        return sum(one.outcome is not Outcome.PENDING for one in self.results)

    @property
    def in_force(self) -> int:
        """How many of its commands are in force."""
        return sum(one.outcome in IN_FORCE and not one.dry_run for one in self.results)


def _is_of(result: Result, page: RotationPage, row: RotationRow) -> bool:
    """Whether a result belongs to this row's command.

    The result of a command that could not be read names no credential.
    """
    service, resource, account = result.subject.split("/", 2)
    if (resource, account) == ("-", "-"):
        return result.outcome is Outcome.NOT_CHANGED
    is_there = (result.source, service, resource) == (page.source, page.service, row.resource)
    return is_there and account in (*row.account.split(","), "-")


def _strength(result: Result) -> int:
    return _STRENGTH.index(result.outcome)
