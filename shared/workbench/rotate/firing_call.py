"""Starts a firing of plan_rotation by a signed call of the deployed function."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.rotation.policy import FUNCTION, PlanRotation
from shared.rotation.spreading import name_of_place
from shared.runtime.errors import ErrorClass
from shared.runtime.spelling import meant
from shared.workbench.bundle.description import Description
from shared.workbench.bundle.timer_text import policy_text
from shared.workbench.deploy.access import Refused
from shared.workbench.deploy.call import address_of, function_called, refused_at_the_door, signed_call
from shared.workbench.report.events import COUNTS, visible_text

_BEFORE_ANYTHING = (ErrorClass.INVALID_COMMAND.value, ErrorClass.FORBIDDEN.value)
"""The classes of errors after which the function has listed nothing yet."""
_ANY_AGE_DAYS = 1e-6  # a tenth of a second: every age that a list can show is larger


class FiringFailed(Exception):
    """The function did not report what it listed. The text is the function's, or the platform's.

    `may_have_run`: the firing may have begun all the same, for example if the platform stopped the function.
    """

    def __init__(self, text: str, *, may_have_run: bool = False) -> None:
        super().__init__(text)
        self.may_have_run = may_have_run


@dataclass(frozen=True)
class Fired:
    """The function's reply: counts in the order of COUNTS, and whether another invocation continues."""

    firing: str
    counts: tuple[int, ...]
    continues: bool
    places: int = 0  # pairs of region and account that are listed separately; 0: the policy has only one

    @property
    def firings(self) -> tuple[str, ...]:
        """The names of the firings whose pages report on it."""
        return tuple(name_of_place(self.firing, n + 1) for n in range(self.places)) or (self.firing,)


class PolicyCaller:
    """Starts firings of one policy of serverless.yml.

    Raises: Refused (there is no such policy, the policy is wrong, or nothing is deployed), CallFailed.
    """

    def __init__(
        self,
        description: Description,
        policy: str,
        environ: Mapping[str, str],
        *,
        any_age: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`any_age`: every credential of the policy is due, however young."""
        known = description.policies
        if policy not in known:
            raise Refused(_no_policy(description, policy))
        try:
            self._command: dict[str, Any] = json.loads(policy_text(policy, known[policy]))
        except ValueError as error:
            raise Refused(f"policy {policy}: {error}") from None
        if any_age:
            self._command["MaxAgeDays"] = _ANY_AGE_DAYS
        self._description, self._environ, self._now = description, environ, now
        self._url = address_of(description, function_called(description, FUNCTION).name, environ)

    @property
    def in_other_accounts(self) -> bool:
        """Whether the policy's credentials and stores belong to accounts whose roles the function assumes."""
        return bool(self._command.get("Role") or self._command.get("Roles"))

    @property
    def reads_no_store(self) -> bool:
        """Whether a report of the ages looks into no store: Tencent Cloud shows the ages itself."""
        return bool(self._command.get("Store")) and str(self._command.get("Function")).startswith("tencent_")

    def store_of(self, resource: str, account: str) -> str:
        """The place where the policy stores a credential's secret."""
        return str(self._command.get("Store", "")).replace("{resource}", resource).replace("{account}", account)

    def fire(self, mode: Literal["rotate", "report"]) -> Fired:
        """Start one firing.

        When this returns, it has begun or ended. Raises: FiringFailed, NoAnswer, deploy's Refused.
        """
        moment = time.strftime("%m%dT%H%M%S", time.gmtime(self._now()))
        # Two people may start firings in the same second. The name has at most 64 characters, as a CommandId has.
        firing = f"{mode}-{self._command['Policy']}-{moment}-{secrets.token_hex(2)}"
        body = json.dumps({**self._command, "Mode": mode, "CommandId": firing}).encode()
        status, text = signed_call(self._description, self._url, body, self._environ)
        try:
            reply = json.loads(text)
        except (ValueError, RecursionError):
            reply = None
        counts = _counts_of(reply)
        if counts is None:
            advice = refused_at_the_door(self._description, status, text)
            error = _error_of(reply)
            text = _failure(status, reply, error) + (f": {advice}" if advice else "")
            raise FiringFailed(text, may_have_run=not advice and error.get("Class") not in _BEFORE_ANYTHING)
        plan = PlanRotation.model_validate(self._command)
        return Fired(firing, counts, reply.get("Continues") is True, len(plan.places) if plan.is_spread else 0)


def _no_policy(description: Description, policy: str) -> str:
    """The message about a policy that this platform does not have."""
    if function := description.policies_elsewhere.get(policy):
        cloud = function.partition("_")[0]
        return f"POLICY={policy} is for {cloud}: make rotate POLICY={policy} CLOUD={cloud}"
    names = ", ".join(sorted(description.policies)) or "none for the functions of this platform"
    if not policy:
        return f"which policy? POLICY= is one of those under custom.policies in serverless.yml: {names}"
    near = meant(policy, description.policies)
    return f"there is no policy {visible_text(policy)} under custom.policies{near or ';'} known are: {names}"


def _counts_of(reply: object) -> tuple[int, ...] | None:
    """The counts in a reply, in the order of COUNTS. None: the reply has no valid counts."""
    rotation = reply.get("Rotation") if isinstance(reply, dict) else None
    if not isinstance(rotation, dict):
        return None
    counts = tuple(rotation.get(name, 0) for name in COUNTS)
    return counts if all(type(one) is int and one >= 0 for one in counts) else None


def _error_of(reply: object) -> dict[str, Any]:
    """The function's own error. Empty: the reply names none."""
    result = reply.get("Result") if isinstance(reply, dict) else None
    data = result.get("data") if isinstance(result, dict) else None
    error = data.get("Error") if isinstance(data, dict) else None
    return error if isinstance(error, dict) else {}


def _failure(status: int, reply: object, error: Mapping[str, Any]) -> str:
    """The message about a reply without counts: the function's error, or the platform's code."""
    found = reply if isinstance(reply, dict) else {}
    if error:
        told = (error.get("Code") or error.get("Class") or "an error without a name", error.get("Message") or "")
        return visible_text(": ".join(str(one) for one in told if one))[:500]
    if isinstance(found.get("Result"), dict):
        return f"HTTP {status} without counts: the deployed plan_rotation is older than this checkout. Deploy it again"
    if 200 <= status < 300:
        return (
            f"HTTP {status} without counts: the reply is not from plan_rotation. The function's log says what happened"
        )
    code = found.get("Code") or found.get("code") or found.get("errorCode") or ""
    return visible_text(f"HTTP {status} {code}".strip())[:200]
