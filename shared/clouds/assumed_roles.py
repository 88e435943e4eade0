"""Temporary keys of roles of other accounts. A warm instance keeps them until five minutes before they expire, or until
a cloud refuses them.

Only a command that names a role loads this module. The keys exist only in this process's memory, and no log line ever
holds them.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from functools import partial

from shared.runtime import redaction
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.role_names import session_name
from shared.runtime.secret import Secret
from shared.runtime.tls import CERTIFICATE_REFUSED

ASKED_S = 3600
"""By default every role of both clouds allows this. A role with a lower limit is refused, and the error says so."""
_KEPT_BACK_S = 300.0
_ENOUGH_S = 2.0  # with less time left, a failed call says nothing about STS
_FAILING_S = 5.0  # after a failure STS is not called for so long: a batch must not wait once for each command
_KEYS_AT_FAULT = re.compile("SecretId|TokenFailure|AccessKeyId|SecurityToken")  # in a code

_kept: dict[tuple[str, ...], tuple[RoleKeys, float]] = {}
_failed: dict[tuple[str, ...], tuple[ErrorClass, str, str | None, float]] = {}  # an error has frames with secrets
_locks: dict[tuple[str, ...], threading.Lock] = {}


def assumed(access: CloudAccess, cloud: str, region: str, role: str, function: str) -> CloudAccess:
    """The same access with the keys of a role that the function's own role assumes.

    Raises: RetryLater (try again later), Refused (the function's role may not assume it).
    """
    name = (cloud, access.site, access.endpoint or "", role, function)
    with _locks.setdefault(name, threading.Lock()):  # one call for all commands of a batch
        keys, until = _kept.get(name, (None, 0.0))
        if keys is None or time.time() >= until:
            _kept.pop(name, None)
            _raise_again(name)
            had_time = access.deadline.left() > _ENOUGH_S
            try:
                keys, until = _asked(access, cloud, region, role, session_name(function))
            except RetryLater as later:
                if had_time:
                    _failed[name] = later.error_class, later.message, later.code, time.monotonic() + _FAILING_S
                raise
            if time.time() < until:
                _kept[name] = keys, until
    for secret in (keys.key, keys.token):
        if secret is not None:  # keys from an earlier invocation must stay out of this one's log, too
            redaction.remember(secret.reveal())
    return replace(access, keys=keys, operator=None, role=role, keys_refused=partial(_forget, keys))


def _raise_again(name: tuple[str, ...]) -> None:
    """Raise the last call's error again, for a short time after it. Raises: RetryLater."""
    error_class, text, code, until = _failed.get(name, (ErrorClass.UNAVAILABLE, "", None, 0.0))
    left_s = until - time.monotonic()
    if left_s > 0.0:
        later = RetryLater(error_class, text, code=code)
        later.after_s = left_s
        raise later


def _forget(keys: RoleKeys, refused: KeyturnError) -> None:
    """Keys that a cloud does not know are not used again: they may be withdrawn, and another try asks for new ones."""
    if isinstance(refused, Refused) and _KEYS_AT_FAULT.search(refused.code or ""):
        refused.retryable = True
    if refused.retryable:
        for name in [name for name, (kept, _) in _kept.copy().items() if kept is keys]:
            _kept.pop(name, None)


def _asked(access: CloudAccess, cloud: str, region: str, role: str, session: str) -> tuple[RoleKeys, float]:
    """New keys, and the Unix time until which keyturn uses them. Raises: as `assumed`."""
    if cloud == "tencent":
        from shared.clouds.tencent.sts import assume_role
    else:
        from shared.clouds.alibaba.sts import assume_role
    asked_at = time.time()
    try:
        key_id, key, token, ends_at = assume_role(access, region, role, session, ASKED_S)
    except Refused as refused:
        if refused.code == CERTIFICATE_REFUSED:  # this error is not about the role
            raise
        refusal = refused
    else:
        if not all(isinstance(one, str) and one for one in (key_id, key, token)):
            text = "AssumeRole was not answered with keys, nothing was changed: send the command again later"
            raise RetryLater(ErrorClass.UNAVAILABLE, text, code="NoKeys")
        known = isinstance(ends_at, int | float)
        until = min(ends_at, asked_at + ASKED_S) - _KEPT_BACK_S if known else 0.0  # unknown end: used once, not kept
        return RoleKeys(key_id, Secret(key, lasting=True), Secret(token, lasting=True)), until
    text = (
        f"the role could not be assumed ({refusal.code}), nothing was changed: check that the role exists, that it"
        " trusts this function's role, and that this function's role has the right sts:AssumeRole on it"
    )
    told = Refused(ErrorClass.FORBIDDEN, text, code=refusal.code, request_id=refusal.request_id)
    told.retryable = refusal.retryable
    raise told
