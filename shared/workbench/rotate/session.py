"""One run of `make rotate`: shows the ages, asks, starts the rotation and shows its end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.runtime.errors import ErrorClass
from shared.workbench.bootstrap.first_secrets import CORRECTION
from shared.workbench.bundle.description import Description
from shared.workbench.environment.terminal import Terminal
from shared.workbench.report.events import RotationRow
from shared.workbench.results.deployed import log_search, open_results
from shared.workbench.results.errors import SourceError
from shared.workbench.results.shown import counts_text, missing_secret, row_line
from shared.workbench.results.source import Source
from shared.workbench.rotate.firing_call import Fired, PolicyCaller
from shared.workbench.rotate.tally import FiringTally
from shared.workbench.rotate.watching import Watcher, is_over

DONE, FAILED, WRONG_USE = 0, 1, 2
_BEFORE_S = 120.0  # reading starts so long before the call, because this machine's clock may be ahead
_NO_PAGE = "the report did not arrive: another consumer of the results queue took it, or results go to another queue"
_PAGE_SILENT_S, _NEXT_SILENT_S = 20.0, 60.0  # for pages of the called function, and of later invocations
_SHOWN = 5  # the number of commands that are shown
_MATCHES_NOTHING = (
    "no resource in its region has the tags and names that Resources and Accounts under custom.policies of"
    " serverless.yml ask for"
)
_LISTED, _DUE, _SENT, _UNKNOWN, _NOT_ALLOWED = 0, 1, 2, 4, 5
_LINES_SAY = "the log lines of plan_rotation say"


@dataclass(frozen=True)
class _Ages:
    """What a report says. `is_whole`: the whole fleet is listed. `has_pages`: the pages were read from the queue."""

    counts: tuple[int, ...]
    rows: list[RotationRow]
    is_whole: bool
    error: str
    has_pages: bool

    @property
    def lists_nothing(self) -> bool:
        """Whether the report shows no credential so far."""
        return self.counts[_LISTED] == 0 and (self.is_whole or bool(self.error))


class Session:
    """A rotation by one policy on one platform. Raises: Refused, CallFailed."""

    def __init__(
        self,
        description: Description,
        policy: str,
        environ: Mapping[str, str],
        terminal: Terminal,
        *,
        any_age: bool = False,
        borrow: bool = False,
        as_json: bool = False,
    ) -> None:
        """`any_age`: every credential of the policy is due, however young.

        `as_json`: print the events to standard output.
        """
        self._as_json = as_json
        self._description, self._policy, self._terminal, self._any_age = description, policy, terminal, any_age
        self._caller = PolicyCaller(description, policy, environ, any_age=any_age)
        self.has_fired = False
        self._source: Source | None = None
        try:
            self._source = open_results(description, environ, since=time.time() - _BEFORE_S, borrow=borrow)
        except SourceError as error:
            self._say_unread(str(error))
        if self._source is not None and self._source.note:
            terminal.say(terminal.dim(self._source.note))

    @property
    def after_no_answer(self) -> str:
        """What may have happened if a call got no answer."""
        if not self.has_fired:
            return "; nothing was sent"
        return "; commands may have been sent: a second run does not repeat a change"

    def ages(self) -> int:
        """Show how old each credential is. Exit 1: the policy matches no credential. Raises: FiringFailed, NoAnswer."""
        found = self._read_ages()
        self._say_ages(found, sorted(found.rows, key=lambda row: -(row.age_days or 0.0)))
        if found.is_whole and not (found.counts[_DUE] or found.lists_nothing):
            self._terminal.say(f"nothing is due{self._or_now()}")
        if self._caller.reads_no_store and not found.lists_nothing:
            how = f"`make bootstrap CLOUD={self._description.cloud}` lists the stores that hold none"
            if self._caller.in_other_accounts:
                how = "ask whoever keeps the role's account"
            self._terminal.say(f"not checked by a dry run: whether each store holds the first secret; {how}")
        return FAILED if found.error or found.lists_nothing else DONE

    def rotate(self) -> int:
        """Show the due credentials, ask, rotate and watch. Raises: NobodyToAsk, FiringFailed, NoAnswer."""
        found = self._read_ages()
        due = found.counts[_DUE]
        self._say_ages(found, [row for row in found.rows if row.due or row.age_days is None])
        if found.lists_nothing:
            return FAILED
        if found.is_whole and not due:
            text = f"nothing is due: no command is sent{self._or_now()}"
            if self._leaves_out(found.counts):
                text = "no password can be changed, though every one was asked for: the lines above say why"
                self._terminal.say(self._terminal.bad(text))
                return FAILED
            self._terminal.say(text)
            return FAILED if found.error else DONE
        if not self._terminal.agrees(f"Change {due:,}{'' if found.is_whole else ' or more'} passwords now?"):
            self._terminal.say("nothing was sent")
            return FAILED
        self.has_fired = True
        return self._watched(self._caller.fire("rotate"))

    def close(self) -> None:
        """Stop reading the queue."""
        if self._source is not None:
            self._source.close()

    def _read_ages(self) -> _Ages:
        """Get a report of the ages, with its pages if they can be read."""
        fired = self._caller.fire("report")
        tally = self._watch(fired, commands=False)
        if tally is not None and tally.is_silent and self._source is not None:
            self._leave(self._source.missed or _NO_PAGE)
            tally = None
        is_whole = not fired.continues or (tally is not None and tally.is_listed)
        return _Ages(
            self._counts(fired, tally), tally.rows if tally else [], is_whole, _error_of(tally), tally is not None
        )

    def _say_ages(self, found: _Ages, rows: Sequence[RotationRow]) -> None:
        self._say_rows(rows)
        more = "" if found.is_whole else " so far; the fleet is still being listed"
        self._terminal.say(f"{self._policy}: {counts_text(found.counts, sends=False)}{more}")
        if found.error:
            self._terminal.say(self._terminal.bad(found.error))
        elif found.lists_nothing:
            maybe = "" if found.has_pages else f", or they could not be listed: {_LINES_SAY} which"
            self._terminal.say(f"{self._policy} matches nothing: {_MATCHES_NOTHING}{maybe}")

    def _watched(self, fired: Fired) -> int:
        """Watch the rotation until it ends. Exit 0: every due password is in force."""
        sent, more = fired.counts[_SENT], "; more follow" if fired.continues else ""
        self._terminal.say(f"sent {sent:,} command{'s' if sent != 1 else ''}{more}")
        if not sent and not fired.continues:
            return self._none_sent(fired)
        tally = self._watch(fired, commands=True)
        counts = self._counts(fired, tally)
        if tally is None or not is_over(tally, commands=True):
            ended = tally.ended if tally else 0
            known = f"{ended:,} of {counts[_SENT]:,} are known to have ended"
            self._terminal.say(self._terminal.bad(f"{known}; the rotation continues without this command"))
            self._say_unread(self._source.missed if self._source else "")
            return FAILED
        error = _error_of(tally)
        good = tally.in_force == counts[_DUE] and not (error or self._leaves_out(counts))
        text = f"{tally.in_force:,} of {counts[_DUE]:,} due passwords are changed and in force"
        self._terminal.say(self._terminal.good(text) if good else self._terminal.bad(text))
        self._say_unkept([result.message or "" for result in tally.results])
        self._say_wrong(tally)
        if error:
            self._terminal.say(self._terminal.bad(error))
        if counts[_SENT] < counts[_DUE]:
            self._terminal.say(f"{counts[_DUE] - counts[_SENT]:,} commands were not sent: a second run sends them")
        return DONE if good else FAILED

    def _none_sent(self, fired: Fired) -> int:
        """The end of a firing that sent no command. Exit 0: nothing was due any more."""
        tally, due = self._watch(fired, commands=False), fired.counts[_DUE]
        if error := _error_of(tally):
            self._terminal.say(self._terminal.bad(error))
        if due:
            why = f"{_LINES_SAY} why, `outcome` of its `rotation` line; a second run sends them"
            self._terminal.say(self._terminal.bad(f"none of the {due:,} commands was sent: {why}"))
        elif not error:
            is_known = tally is not None and tally.last is not None
            maybe = "" if is_known else f", or the fleet could not be listed: {_LINES_SAY} which"
            self._terminal.say(f"nothing was due any more: another rotation came first{maybe}")
            return DONE if is_known else FAILED
        return FAILED

    def _watch(self, fired: Fired, *, commands: bool) -> FiringTally | None:
        """What the queue shows of a firing. None: the queue cannot be read."""
        if self._source is None:
            return None
        watcher = Watcher(self._source, self._terminal, as_json=self._as_json)
        try:
            if not commands:
                silent_s = _NEXT_SILENT_S if fired.continues else _PAGE_SILENT_S
                return watcher.watch(*fired.firings, silent_s=silent_s, commands=False)
            return watcher.watch(*fired.firings)
        except SourceError as error:
            self._leave(str(error))
            return None

    def _leave(self, why: str) -> None:
        """Stop reading a queue that does not show the expected events."""
        self._say_unread(why)
        self.close()
        self._source = None

    def _counts(self, fired: Fired, tally: FiringTally | None) -> tuple[int, ...]:
        """The counts of the whole firing if its last page is here, otherwise those of the reply."""
        return tally.last.counts if tally and tally.last else fired.counts

    def _leaves_out(self, counts: tuple[int, ...]) -> bool:
        """Whether `--now` asked for every age, but not everything that was found could be changed."""
        return self._any_age and counts[_UNKNOWN] + counts[_NOT_ALLOWED] > 0

    def _say_rows(self, rows: Sequence[RotationRow]) -> None:
        for row in rows:
            self._terminal.say(row_line(replace(row, why="asked for now") if self._any_age and row.due else row))
        self._say_unkept([row.why for row in rows])

    def _say_unkept(self, whys: Sequence[str]) -> None:
        """What puts the first secrets into the stores that these texts miss: a command for each."""
        places = list(dict.fromkeys(place for why in whys if (place := missing_secret(why))))
        how = f"make bootstrap CLOUD={self._description.cloud} SECRET="
        if self._caller.in_other_accounts:
            how = "whoever manages the role's account must put it there, because bootstrap cannot reach it: "
        for place in places[:_SHOWN]:
            self._terminal.say(f"its store holds no first secret: {how}{place}")
        if len(places) > _SHOWN:
            self._terminal.say(f"and {len(places) - _SHOWN:,} more stores")

    def _say_wrong(self, tally: FiringTally) -> None:
        """Show the stores whose secret the cloud refused as the old one, and how to correct them."""
        wrong = [one for one in tally.results if one.error_class == ErrorClass.WRONG_OLD_SECRET.value]
        places = dict.fromkeys(self._caller.store_of(*one.subject.split("/")[1:3]) for one in wrong)
        for place in list(places)[:_SHOWN]:
            how = CORRECTION.get(place.partition(":")[0], "")
            whose = " in the role's account" if self._caller.in_other_accounts else ""
            self._terminal.say(f"{place}{whose} does not hold the password in force; {how}")

    def _or_now(self) -> str:
        """How to rotate credentials that are not due. A first secret in a store counts as young."""
        return "" if self._any_age else "; NOW=1 rotates every credential of the policy, however young"

    def _say_unread(self, why: str) -> None:
        self._terminal.say(f"results cannot be shown here{': ' + why if why else ''}")
        self._terminal.say(log_search(self._description))


def _error_of(tally: FiringTally | None) -> str:
    """Why a firing ended early, by its last page. Empty: it did not, or the last page is not here."""
    return tally.last.error if tally and tally.last else ""
