"""What both control planes promise to `deploy`, and how a call of theirs may fail."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from shared.clouds.error_classification import never_sent
from shared.runtime.tls import CERTIFICATE_REFUSED
from shared.workbench.apis.callers import missing_right, passes
from shared.workbench.apis.certificates import refused_certificate
from shared.workbench.bundle.description import FunctionSpec
from shared.workbench.deploy.plan import FunctionState

SHOWN_WITHIN_S = 20.0
"""How long a tag, an address or a new setting may take to show."""

_TRIES = 5
_SETTLE_S = 300.0
_READY_WITHIN_S = 20.0  # of refusals by a function that shows itself at rest
_STALE_S = 5.0  # for so long a state that says Failed may be that of before

_REASON_LENGTH = 200  # characters

_T = TypeVar("_T")


class CallFailed(Exception):
    """A call was refused or not answered. `may_have_happened`: it may have had its effect. `status`: HTTP's, if known.

    Never holds the vendor's own text, but for the reason that a platform gives for a function that failed.
    """

    def __init__(
        self,
        action: str,
        code: str,
        request_id: str = "",
        *,
        may_have_happened: bool = False,
        status: int = 0,
        service: Literal["scf", "fc", ""] = "",
    ) -> None:
        super().__init__(f"{action}: {code}" + (f" (request {request_id})" if request_id else ""))
        self.action = action
        self.code = code
        self.status = status
        self.may_have_happened = may_have_happened
        self._service = service
        self.hint = ""
        """What to do about a code that is not known, as far as the step tells."""

    @classmethod
    def of_client(cls, action: str, failure: BaseException) -> CallFailed:
        """What a client's failure means that is no answer of the platform."""
        if told := refused_certificate(failure):
            refused = cls(action, CERTIFICATE_REFUSED)
            refused.hint = told
            return refused
        sent = not never_sent(failure)
        return cls(action, "NoAnswer" if sent else "NoConnection", may_have_happened=sent)

    @property
    def passes(self) -> bool:
        """Whether the failure is about the moment: the rate of calls, or the service itself."""
        return self.status == 429 or self.status >= 500 or passes(self.code)

    @property
    def advice(self) -> str:
        """What a person can do about it, where that is known."""
        cloud = "alibaba" if self._service == "fc" else "tencent"
        if self._service and (right := missing_right(cloud, self._service, self.action, self.code)):
            return right
        found = (text for word, text in _ADVICE.items() if word in self.code)
        return next(found, self.hint)


OPEN_EVENTBRIDGE = (
    "a trigger on an SMQ queue needs EventBridge: `make bootstrap CLOUD=alibaba` makes its service-linked roles, and"
    " names the console's page where it is activated"
)

NO_ROOM = (
    "the account has no room for so many instances in this region: lower `instances`, here or of functions beside it,"
    " or have the quota raised; of the whole, SCF keeps 12,800 MB and FC a tenth for functions without a bound"
)

_ADVICE = {
    "EventBridge": OPEN_EVENTBRIDGE,
    "ServiceLinkedRole": OPEN_EVENTBRIDGE,
    "AttachedTagKeyNotFound": "make the tag key `keyturn` in the tag console first: deploy knows its functions by it",
    "AuthFailure": "look at the deploying identity's keys and at this machine's clock",
    "InvalidAccessKeyId": "look at the deploying identity's keys",
    "SignatureDoesNotMatch": "look at the deploying identity's keys",
    "Role": "`make bootstrap` makes the role; `make plan` writes its policy to dist/",
    "RequestSizeLimitExceeded": "the zip is too large for a request: make it smaller",
    "NoConnection": "look at the network, and at KEYTURN_TENCENT_ENDPOINT or KEYTURN_ALIBABA_ENDPOINT if it is set",
    "ReservedConcurrencyMemory": NO_ROOM,
    "ReservedExceedTotal": NO_ROOM,
}


@dataclass(frozen=True)
class Package:
    """A function's zip."""

    path: Path
    digest: str

    @classmethod
    def of(cls, path: Path) -> Package:
        """Raises: OSError."""
        return cls(path, hashlib.sha256(path.read_bytes()).hexdigest())

    @property
    def encoded(self) -> str:
        """The zip as both platforms take it: base64. Raises: OSError."""
        return base64.b64encode(self.path.read_bytes()).decode()

    @property
    def is_as_built(self) -> bool:
        """Whether the zip is the one that `make package` wrote, as far as its digest lies beside it."""
        written = self.path.with_suffix(".zip.sha256")
        return not written.exists() or written.read_text(encoding="utf-8").split()[:1] == [self.digest]


def zip_path(spec: FunctionSpec, folder: Path) -> Path:
    """Where a function's zip is in its platform's folder of dist/."""
    version = spec.runtime.lower().removeprefix("python")
    return folder / f"{spec.module}{'' if version == '3.10' else '-py' + version.replace('.', '')}.zip"


class ControlPlane(Protocol):
    """One platform's API for functions, in one region. Every method but `wanted` and `read` changes one thing.

    Raises: CallFailed, from each but `wanted`.
    """

    def wanted(self, spec: FunctionSpec, package: Package) -> FunctionState:
        """A function as it will read back once it is deployed."""

    def read(self, names: set[str]) -> list[FunctionState]:
        """The functions of these names and all that are ours, once none of them is being changed any more."""

    def read_function(self, name: str) -> FunctionState | None:
        """One function, whosever it is, once it is not being changed any more; None: there is none."""

    def reported_digest(self, name: str) -> str:
        """The digest of a function's code that the platform itself reports; empty if it reports none."""

    def settle(self, name: str) -> None:
        """Return when the function is at rest and its last change has worked."""

    def create(self, spec: FunctionSpec, package: Package) -> None: ...
    def change_code(self, spec: FunctionSpec, package: Package) -> None: ...
    def change_settings(self, spec: FunctionSpec, package: Package) -> None: ...
    def change_retries(self, spec: FunctionSpec) -> None: ...
    def change_instances(self, spec: FunctionSpec) -> None: ...
    def create_trigger(self, spec: FunctionSpec, name: str) -> None: ...
    def change_trigger(self, spec: FunctionSpec, name: str) -> None: ...
    def delete_trigger(self, function: str, name: str, kind: str) -> None: ...
    def delete(self, function: str) -> None:
        """Remove it and its bound of instances; returns when it is gone."""


def deployed_variables(spec: FunctionSpec) -> dict[str, str]:
    """The variables that are deployed: an empty one means unset, and neither platform says that it takes it."""
    return {name: value for name, value in spec.environment.items() if value}


def call_with_retries(call: Callable[[], Any], throttled: Callable[[CallFailed], bool], *, reads: bool) -> Any:
    """Make a call again where it was put off, or only read and was lost. Raises: CallFailed."""
    for tries in range(1, _TRIES):
        try:
            return call()
        except CallFailed as error:
            if not (throttled(error) or (reads and error.may_have_happened)):
                raise
        time.sleep(0.2 * 2**tries)
    return call()


class Patience:
    """How long one run waits for what shows late; once that was in vain, it waits for nothing more of the kind."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s

    def until(self, ask: Callable[[], _T], shows: Callable[[_T], bool]) -> _T:
        """Ask until the answer shows what is waited for; the last answer, whatever it shows."""
        for _ in _moments(self._limit_s):
            answer = ask()
            if shows(answer):
                return answer
        self._limit_s = 0.0
        return answer


def change_when_ready(
    change: Callable[[], object], not_ready: Callable[[CallFailed], bool], wait_until_idle: Callable[[], object]
) -> None:
    """Make a change again where the function's state refuses it, which may be so for seconds after it is at rest.

    Raises: CallFailed.
    """
    until, wait_s = time.monotonic() + _READY_WITHIN_S, 0.1
    while True:
        try:
            change()
        except CallFailed as error:
            if not not_ready(error) or time.monotonic() > until:
                raise
        else:
            return
        started = time.monotonic()
        wait_until_idle()
        until += time.monotonic() - started
        time.sleep(wait_s)
        wait_s = min(2.0, wait_s * 1.5)


@dataclass(frozen=True)
class FunctionStatus:
    """What a platform says of a function's state: its own word for it, and the reason's code and text, if it has one.

    The text is the platform's own, about the zip and the settings that were sent; it is shown shortened.
    """

    state: str
    reason: str = ""
    text: str = ""
    shown: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The answer in which the platform says it."""

    def __str__(self) -> str:
        told = ": ".join(part for part in (self.reason, shortened(self.text)) if part)
        return f"{self.state} ({told})" if told else self.state


def shortened(text: str) -> str:
    """A platform's text as one short line that moves no cursor."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _REASON_LENGTH else line[: _REASON_LENGTH - 3] + "..."


GONE = FunctionStatus("gone")
"""No such function is there any more."""


def wait_until_idle(status: Callable[[], FunctionStatus], busy: frozenset[str]) -> FunctionStatus:
    """Ask until nothing is under way; the state then. Raises: CallFailed if that takes too long."""
    for _ in _moments(_SETTLE_S):
        found = status()
        if found.state not in busy:
            return found
    raise CallFailed("GetFunction", f"the function is still {found}")


def wait_until_active(status: Callable[[], FunctionStatus], busy: frozenset[str]) -> None:
    """Ask until a function is active. Raises: CallFailed naming the state that it came to instead."""
    found = Patience(_STALE_S).until(lambda: wait_until_idle(status, busy), lambda one: one.state == "Active")
    if found.state != "Active":
        raise CallFailed("GetFunction", f"the function is {found}")


def wait_until_gone(status: Callable[[], FunctionStatus]) -> None:
    """Ask until a function that was deleted is gone. Raises: CallFailed: it stays."""
    for _ in _moments(_SETTLE_S):
        found = Patience(_STALE_S).until(status, lambda one: one.state != "DeleteFailed")
        if found == GONE:
            return
        if found.state == "DeleteFailed":
            break
    raise CallFailed("GetFunction", f"the function is still {found}")


def _moments(limit_s: float) -> Iterator[None]:
    """Now, and again after growing pauses, until the time is over."""
    until, wait_s = time.monotonic() + limit_s, 0.1
    yield
    while time.monotonic() < until:
        time.sleep(wait_s)
        wait_s = min(2.0, wait_s * 1.5)
        yield


def variables_as_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables as settings of their own, so that each is compared and shown by itself."""
    return {f"env {name}": value for name, value in sorted(environ.items())}
