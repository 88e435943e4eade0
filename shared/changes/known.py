"""What one delivery knows about its change. These are values: each answer makes a new one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from shared.changes.credential import Accepted, CredentialChange, Snapshot, StateBefore, Task
from shared.changes.transitions import Answer
from shared.results.outcome import Conclusion, Outcome
from shared.runtime.errors import ErrorClass, KeyturnError
from shared.runtime.secret import Secret


@dataclass(frozen=True, eq=False)
class Calls:
    """The calls of one delivery, and the questions that their answers leave open. Times in Unix seconds."""

    made: int = 0
    lost: int = 0  # without a clear answer
    last_lost: KeyturnError | None = None
    last_lost_sent: float = 0.0  # when that call was sent
    signed: float = 0.0  # no call that may still take effect was signed later
    hiding: tuple[str, ...] = ()  # codes of refused calls that may hide an effect
    last_unlisted: bool = False  # the last call was refused by a code that no table names
    busy: KeyturnError | None = None  # the refusal of the last call, if it was busy and no look came since
    lost_probes: int = 0  # the cloud may have treated them as changes to the same secret
    repeats: int = 0

    @property
    def unclear(self) -> int:
        """How many calls may have taken effect, or still may."""
        return self.lost + len(self.hiding)

    @property
    def one_unlisted_code(self) -> bool:
        return self.last_unlisted and len(set(self.hiding)) == 1

    def refused(self, error: KeyturnError, said: Answer, sent: float, now: float) -> Calls:
        """The calls after the last one was answered with an error."""
        busy = error if said is Answer.LATER and error.error_class is ErrorClass.BUSY else None
        seen = replace(self, busy=busy, last_unlisted=said is Answer.UNLISTED)
        if said is Answer.UNLISTED:
            return seen.hides(error, now)
        if said is Answer.LOST:
            return replace(seen, lost=self.lost + 1, last_lost=error, last_lost_sent=sent, signed=now)
        return seen

    def hides(self, error: KeyturnError, now: float) -> Calls:
        """The calls with the last one counted as a refusal that may hide an effect."""
        return replace(self, hiding=(*self.hiding, error.code or ""), signed=now)


@dataclass(frozen=True, eq=False)
class Known:
    """All that is known of a change at one moment."""

    credential: CredentialChange  # the change with the secrets that are tried now
    error: KeyturnError | None = None  # the last error, of a call or of a step before it
    evidence: tuple[str, ...] = ()
    calls: Calls = field(default_factory=Calls)
    # Before the call
    snapshot: Snapshot = field(default_factory=Snapshot)  # the last one
    looked_at: float = 0.0  # when it was taken, by the deadline's clock
    before: StateBefore = field(default_factory=StateBefore)  # the state before the first unclear call
    waits: int = 0
    waited_for: KeyturnError | None = None
    written_ahead: bool = False
    passed_tasks: frozenset[int] = frozenset()  # tasks that do not stop a repeat
    # After a refusal
    old_index: int = -1  # which further old secret is tried now; -1: none
    values: int = 0  # further new secrets that were made
    at_rest: bool = False
    others_pending: bool = False
    # After the acceptance
    request_id: str | None = None
    task: Task | None = None
    password: Secret | None = None  # shown once by the cloud, for the HTTP reply alone
    handed_on: Conclusion | None = None  # the conclusion that follow_change was given

    @property
    def unclear_calls(self) -> int:
        """How many calls, probes included, may have begun a task."""
        return self.calls.unclear + self.calls.lost_probes

    @property
    def before_unclear_calls(self) -> StateBefore:
        """The state before the unclear calls, with their number."""
        return replace(self.before, calls=self.unclear_calls)

    @property
    def new(self) -> Secret | None:
        return self.password or self.credential.new

    def but(self, **other: Any) -> Known:
        """A copy with other values. `dataclasses.replace` would be slower: it goes through every field.

        Raises: TypeError for a field that does not exist.
        """
        if not other.keys() <= vars(self).keys():
            raise TypeError(f"Known has no {sorted(other.keys() - vars(self).keys())}")
        made = object.__new__(Known)
        vars(made).update(vars(self), **other)
        return made

    def noted(self, *lines: str) -> Known:
        """A copy with further evidence."""
        return self.but(evidence=(*self.evidence, *lines))

    def failed(self, error: KeyturnError | None) -> Known:
        return self.but(error=error)

    def looked(self, snapshot: Snapshot, at: float) -> Known:
        return self.but(snapshot=snapshot, looked_at=at)

    def stood(self) -> StateBefore:
        """The state in the last snapshot, for a later comparison."""
        one = self.credential
        return StateBefore(self.snapshot.tasks, self.snapshot.time, one.asked, one.new is not None)

    def calling(self) -> Known:
        """A copy for the moment before a call is sent."""
        before = self.before if self.unclear_calls else self.stood()
        return self.but(before=before, calls=replace(self.calls, made=self.calls.made + 1))

    def refused(self, error: KeyturnError, said: Answer, sent: float, now: float) -> Known:
        """A copy after the call was answered with an error."""
        line = f"call {self.calls.made}: {error.code or error.error_class.value}"
        calls = self.calls.refused(error, said, sent, now)
        request_id = error.request_id or self.request_id
        return self.but(error=error, request_id=request_id, calls=calls).noted(line)

    def accepted(self, accepted: Accepted) -> Known:
        """A copy after the cloud accepted the change."""
        taken = self.but(request_id=accepted.request_id, password=accepted.password, task=accepted.task)
        return taken.noted(*accepted.evidence)

    def conclusion(self, outcome: Outcome, error: KeyturnError | None = None) -> Conclusion:
        """The conclusion, if the delivery ends now."""
        request_id = self.request_id or (error.request_id if error else None)
        task_id = self.task.task_id if self.task else None
        return Conclusion(outcome, error, list(self.evidence), request_id, task_id, self.calls.made)
