"""What a cloud's error code means for a change: nothing happened for good, nothing happened yet, or nobody knows.

Matched on the full code, then on patterns in order. Sources: the error tables of the five API pages, the vendors' own
tables (tencentcloud-sdk-python-redis 3.1.189 and -ssm 3.1.194 `errorcodes.py`; R-kvstore 2015-01-01 CreateAccount;
KMS 2016-01-20 CreateSecret and its page of quotas).
A code in no table is ambiguous: it is reconciled, never repeated blindly.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from shared.errors import Ambiguous, ErrorClass, KeyturnError, Refused, RetryLater

_E = ErrorClass
_LATER: dict[str, ErrorClass] = {
    "RequestLimitExceeded*": _E.THROTTLED,
    "LimitExceeded.RateLimitExceeded": _E.THROTTLED,
    "Throttling*": _E.THROTTLED,
    "Rejected.Throttling*": _E.THROTTLED,
    "ServiceUnavailable*": _E.UNAVAILABLE,
    "ResourceUnavailable.InstanceLockedError": _E.BUSY,
    "ResourceUnavailable.InstanceUnLockedError": _E.BUSY,  # its text says "locked by another flow"
    "ResourceUnavailable.InstanceStatusAbnormal": _E.BUSY,
    "ResourceUnavailable.InstanceStatusError": _E.BUSY,
    "ResourceUnavailable.InstanceStateError": _E.BUSY,
    "ResourceUnavailable.GetSecurityError": _E.BUSY,
    "ResourceInUse.InstanceBeenLocked": _E.BUSY,
    "ResourceInUse": _E.BUSY,
    "LimitExceeded.ReplicationGroupLocked": _E.BUSY,
    "UnsupportedOperation.Inspection": _E.BUSY,
    "FailedOperation.DtsStatusAbnormal": _E.BUSY,
    "IncorrectDBInstanceState*": _E.BUSY,
    "OperationDenied.DBInstanceStatus": _E.BUSY,
    "OperationDenied.DBStatus": _E.BUSY,
    "OperationDenied.DBClusterStatus": _E.BUSY,
    "LockTimeout": _E.BUSY,
    "ConcurrentTaskExceeded": _E.BUSY,
    "TaskExists": _E.BUSY,
    "Task.Conflict": _E.BUSY,
    "Rejected.LimitExceeded": _E.BUSY,  # versions or stages of a secret, which others may free
    "FailedOperation.AccessKmsError": _E.UNAVAILABLE,  # the secret store could not reach its keys
}
# In this order: the narrow before the wide. What this list says of InternalError.* stands before the ambiguous rest.
_FOR_GOOD: dict[str, ErrorClass] = {
    "*NotFound*": _E.NOT_FOUND,
    "*NotExist*": _E.NOT_FOUND,
    "ResourceUnavailable.InstanceDeleted": _E.NOT_FOUND,
    "ResourceUnavailable.InstanceIsolated": _E.FAILED,
    "ResourceUnavailable.NotPurchased": _E.FAILED,
    "ResourceUnavailable.ResourceDisabled": _E.FAILED,
    "ResourceUnavailable.ResourcePendingDeleted": _E.FAILED,
    "ResourceUnavailable.ResourceUninitialized": _E.FAILED,
    "ResourceInUse.SecretExists": _E.FAILED,
    "ResourceInUse.VersionIdExists": _E.FAILED,
    "FailedOperation.RotationForbidden": _E.FAILED,
    "Rejected.*": _E.FAILED,  # KMS; what may be sent again is in the list above
    "*PermissionDenied*": _E.FORBIDDEN,
    "InternalError.InstanceOperatePermissionError": _E.FORBIDDEN,
    "UnauthorizedOperation*": _E.FORBIDDEN,
    "AuthFailure*": _E.FORBIDDEN,
    "Forbidden*": _E.FORBIDDEN,
    "NoPermission*": _E.FORBIDDEN,
    "InvalidAccessKeyId*": _E.FORBIDDEN,
    "InvalidSecurityToken*": _E.FORBIDDEN,
    "InvalidTimeStamp*": _E.FORBIDDEN,
    "SignatureDoesNotMatch": _E.FORBIDDEN,
    "SignatureNonceUsed": _E.FORBIDDEN,
    "IncompleteSignature": _E.FORBIDDEN,
    "FailedOperation.UnSupportError": _E.FAILED,
    "UnsupportedOperation*": _E.FAILED,
    "UnsupportedRegion": _E.INVALID_COMMAND,
    "InvalidAction": _E.FAILED,
    "NoSuchVersion": _E.FAILED,
    "ActionOffline": _E.FAILED,
    "InvalidEngineVersion*": _E.FAILED,
    "IncorrectMinorVersion": _E.FAILED,
    "IncorrectAccount": _E.FAILED,
    "OperationDenied*": _E.FAILED,
    "InvalidAccountPassword*": _E.INVALID_COMMAND,
    "InvalidAccountName*": _E.INVALID_COMMAND,
    "*.Format": _E.INVALID_COMMAND,
    "InvalidParameter*": _E.INVALID_COMMAND,
    "Missing*": _E.INVALID_COMMAND,
    "UnknownParameter*": _E.INVALID_COMMAND,
}
# Refused for keys that have run out: the same command works with the fresh keys of the next invocation.
_STALE_KEYS = (
    "AuthFailure.TokenFailure",
    "AuthFailure.SignatureExpire",
    "InvalidSecurityToken.Expired",
    "InvalidTimeStamp*",
)

_ADVICE = {
    _E.THROTTLED: "the cloud throttles this API: send it again later, or lower KEYTURN_RATE",
    _E.UNAVAILABLE: "the service is not available: send it again later",
    _E.BUSY: "the instance is locked, not running, or has a task in flight: send it again later",
    _E.NOT_FOUND: "no such instance or account in this region and site: check the names, Region and Site",
    _E.FORBIDDEN: "the role may not do this: check the function's role, its policy and its keys",
    _E.FAILED: "this instance or account does not take the change: see the cloud's page for the code",
    _E.INVALID_COMMAND: "the cloud does not take a parameter: check the command against the API page",
}


def _match(code: str, table: dict[str, ErrorClass]) -> ErrorClass | None:
    return table.get(code) or next((c for pattern, c in table.items() if fnmatchcase(code, pattern)), None)


def clean_code(code: object) -> str:
    """An error code fit to be shown: codes are words, and anything else a server sends is not one."""
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z][\w.\-]{0,99}", code) else "UnreadableCode"


def refusal(action: str, code: object, request_id: str | None) -> KeyturnError:
    """The error that an answer with this code stands for: RetryLater, Refused or Ambiguous."""
    name = clean_code(code)
    if error_class := _match(name, _LATER):
        text = f"{action} was refused with {name}, nothing happened: {_ADVICE[error_class]}"
        return RetryLater(error_class, text, code=name, request_id=request_id)
    if error_class := _match(name, _FOR_GOOD):
        text = f"{action} was refused with {name}, nothing happened: {_ADVICE[error_class]}"
        refused = Refused(error_class, text, code=name, request_id=request_id)
        refused.retryable = any(fnmatchcase(name, pattern) for pattern in _STALE_KEYS)
        return refused
    return Ambiguous(f"{action} was answered with {name}", code=name, request_id=request_id)


def is_listed(code: str) -> bool:
    """Whether a table names this code."""
    return bool(_match(code, _LATER) or _match(code, _FOR_GOOD))


# What these say is that no connection came about, so no request left.
_NEVER_SENT = {
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ConnectTimeout",
    "ConnectionRefusedError",
    "SSLCertVerificationError",
    "gaierror",
}


def never_sent(failure: BaseException) -> bool:
    """Whether a client's failure proves that the request never left: refused, unresolved, no connection in time.

    urllib3 and the SDKs nest the cause in `reason`, in `inner_exception`, in arguments or in the exception context.
    """
    waiting: list[object] = [failure]
    seen: set[int] = set()
    while waiting:
        error = waiting.pop()
        # An error of ours in the context is the one that was being handled before this call.
        if not isinstance(error, BaseException) or id(error) in seen or isinstance(error, KeyturnError):
            continue
        seen.add(id(error))
        if type(error).__name__ in _NEVER_SENT:
            return True
        waiting += [error.__cause__, error.__context__, *error.args]
        waiting += [getattr(error, "reason", None), getattr(error, "inner_exception", None)]
    return False
