"""What both control planes promise to `deploy`, and how a call of theirs may fail."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from shared.workbench.bundle.description import FunctionSpec
from shared.workbench.deploy.plan import FunctionState

_TRIES = 5
_SETTLE_S = 300.0


class CallFailed(Exception):
    """A call was refused or not answered. `may_have_happened`: it may have had its effect.

    Never holds the vendor's own text.
    """

    def __init__(self, action: str, code: str, request_id: str = "", *, may_have_happened: bool = False) -> None:
        super().__init__(f"{action}: {code}" + (f" (request {request_id})" if request_id else ""))
        self.action = action
        self.code = code
        self.may_have_happened = may_have_happened

    @property
    def advice(self) -> str:
        """What a person can do about it, where that is known."""
        found = (text for word, text in _ADVICE.items() if word in self.code)
        return next(found, "")


_ADVICE = {
    "AttachedTagKeyNotFound": "make the tag key `keyturn` in the tag console first: deploy knows its functions by it",
    "UnauthorizedOperation": "the deploying identity lacks a right: `make plan` prints what functions need",
    "NoPermission": "the deploying identity lacks a right",
    "AccessDenied": "the deploying identity lacks a right, that of passing the role included",
    "AuthFailure": "look at the deploying identity's keys and at this machine's clock",
    "InvalidAccessKeyId": "look at the deploying identity's keys",
    "SignatureDoesNotMatch": "look at the deploying identity's keys",
    "Role": "make the role first, with the policies that `make plan` prints",
    "RequestSizeLimitExceeded": "the zip is too large for a request: make it smaller",
    "NoConnection": "look at the network",
}


@dataclass(frozen=True)
class Package:
    """A function's zip."""

    path: Path
    digest: str

    @classmethod
    def of(cls, path: Path) -> Package:
        """Raises: OSError."""
        return cls(path, hashlib.sha256(path.read_bytes()).hexdigest()[:32])


class ControlPlane(Protocol):
    """One platform's API for functions, in one region. Every method but `wanted` and `read` changes one thing.

    Raises: CallFailed, from each but `wanted`.
    """

    def wanted(self, spec: FunctionSpec, package: Package) -> FunctionState:
        """A function as it will read back once it is deployed."""

    def read(self, names: set[str]) -> list[FunctionState]:
        """The functions of these names and all that are ours, once none of them is being changed any more."""

    def settle(self, name: str) -> None:
        """Return when the function is active."""

    def create(self, spec: FunctionSpec, package: Package) -> None: ...
    def change_code(self, spec: FunctionSpec, package: Package) -> None: ...
    def change_settings(self, spec: FunctionSpec, package: Package) -> None: ...
    def change_retries(self, spec: FunctionSpec) -> None: ...
    def create_trigger(self, spec: FunctionSpec, name: str) -> None: ...
    def change_trigger(self, spec: FunctionSpec, name: str) -> None: ...
    def delete_trigger(self, function: str, name: str, kind: str) -> None: ...
    def delete(self, function: str) -> None: ...


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


def wait_until_idle(status: Callable[[], str], busy: frozenset[str]) -> str:
    """Ask until nothing is under way; the state then. Raises: CallFailed if that takes too long."""
    until, wait_s = time.monotonic() + _SETTLE_S, 0.1
    while (state := status()) in busy:
        if time.monotonic() > until:
            raise CallFailed("GetFunction", f"the function is still {state}")
        time.sleep(wait_s)
        wait_s = min(2.0, wait_s * 1.5)
    return state


def wait_until_active(status: Callable[[], str], busy: frozenset[str]) -> None:
    """Ask until a function is active. Raises: CallFailed naming the state that it came to instead."""
    if (state := wait_until_idle(status, busy)) != "Active":
        raise CallFailed("GetFunction", f"the function is {state}")


def variables_as_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables as settings of their own, so that each is compared and shown by itself."""
    return {f"env {name}": value for name, value in sorted(environ.items())}
