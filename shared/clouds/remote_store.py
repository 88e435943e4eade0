"""The common part of both clouds' stores: calls that may be repeated, and errors that name the store.

Every write to a store can be repeated with the same arguments. So `Session.read`, which repeats calls, makes the
writes, too. If the outcome is still unclear, the error is `RetryLater`: it says only that the store did not answer,
and nothing about the credential.
"""

from __future__ import annotations

from typing import Any

from shared.clouds.session import Session
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.runtime.tls import CERTIFICATE_REFUSED
from shared.stores.store import NO_TEXT, STORE_FULL, VERSION_EXISTS
from shared.stores.versions import is_keyturn_version

_E = ErrorClass
_ADVICE = {
    _E.NOT_FOUND: "the store holds no such secret or version in this region and site",
    _E.FORBIDDEN: "the role may not do this to the secret: check the function's role, its policy and its keys",
    _E.FAILED: "the secret does not accept this call: see the cloud's page for the code",
    _E.INVALID_COMMAND: "the store does not accept the name or the version: check the reference",
    _E.BUSY: "send the command again later",
    _E.THROTTLED: "the store throttles this call: send the command again later, or lower KEYTURN_RATE",
    _E.UNAVAILABLE: "the store gave no answer that can be read: send the command again later",
}
_BY_CODE = {
    "ResourceUnavailable.ResourceDisabled": "the secret is disabled: enable it, then send the command again",
    "ResourceUnavailable.ResourcePendingDeleted": "the secret waits for its deletion: restore and enable it first",
    "Rejected.ResourceInDeleteWindow": "the secret waits for its deletion: restore it first",
    "Rejected.Unavailable": "the secret's key or KMS instance is not usable: enable it first",
    "Rejected.Disabled": "the secret's key is disabled: enable it first",
    "OperationDenied.AutoRotatedResource": "a cloud product manages this secret, only it may write: name another one",
}


class RemoteStore:
    """One secret in a cloud's store. `name`: as results show it."""

    def __init__(self, name: str, session: Session) -> None:
        self.name = name
        self._session = session

    def _call(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Make one call, and repeat it until it is answered or no try is left. Raises: RetryLater, Refused."""
        try:
            return self._session.read(action, parameters)
        except KeyturnError as failure:
            error = failure
        raise self._told(action, error) from None

    def _told(self, action: str, error: KeyturnError) -> KeyturnError:
        code = error.code or error.error_class.value
        advice = _BY_CODE.get(code, _ADVICE.get(error.error_class, ""))
        if code == CERTIFICATE_REFUSED:  # this error is not about the secret
            advice = error.message
        text = f"{self.name}: {action} ended with {code}: {advice}"
        kind = Refused if isinstance(error, Refused) else RetryLater
        told = kind(error.error_class, text, code=error.code, request_id=error.request_id)
        told.retryable = error.retryable
        return told

    def _full(self, what: str) -> RetryLater:
        text = f"{self.name}: {what} and none may be removed, nothing was written: resolve these versions first"
        return RetryLater(_E.BUSY, text, code=STORE_FULL)

    def _exists(self, version: str) -> Refused:
        text = f"{self.name}: version {version} holds another secret, nothing was written: give a new CommandId"
        return Refused(_E.FAILED, text, code=VERSION_EXISTS)

    def _check_name(self, version: str) -> None:
        """Check that keyturn named a version; others are the user's. Raises: Refused (invalid_command)."""
        if not is_keyturn_version(version):
            text = f"{self.name}: keyturn did not name version {version}, so keyturn does not touch it: check the name"
            raise Refused(_E.INVALID_COMMAND, text, code="InvalidVersion")

    def _unreadable(self, action: str) -> RetryLater:
        text = f"{self.name}: {action} was not answered in full: {_ADVICE[_E.UNAVAILABLE]}"
        return RetryLater(_E.UNAVAILABLE, text)

    def _missing(self, version: str) -> Refused:
        return Refused(_E.NOT_FOUND, f"{self.name}: no version {version}: check the name", code="NotFound")

    def _secret(self, value: object, *, binary: bool = False) -> Secret:
        """The text in a version. Raises: Refused (failed) if the version holds something else."""
        if isinstance(value, str) and value and not binary:
            return Secret(value)
        held = "binary data" if binary else "no text"
        raise Refused(_E.FAILED, f"{self.name}: the version holds {held}: store the secret as text", code=NO_TEXT)
