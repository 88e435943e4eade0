"""What a cloud's error code proves about a change.

Each cloud has one table (`error_codes.py` in its folder). A row says what its code proves, and the source. A code in
no table proves nothing: the change may have had its effect. The same holds for every answer with a status of 500 or
more, whatever its code, because a server may fail after the effect (aliyun/alibaba-cloud-sdk-go#39).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

from shared.runtime.errors import (
    UNREADABLE_CODE,
    Ambiguous,
    ErrorClass,
    KeyturnError,
    OldSecretRefused,
    Refused,
    RetryLater,
    clean_code,
)
from shared.runtime.tls import CERTIFICATE_REFUSED, certificate_problem

_E = ErrorClass


class Proves(Enum):
    """What a code proves."""

    LATER = "nothing happened, and the same call may work later"
    FOR_GOOD = "nothing happened, and the same call cannot work"
    FRESH_KEYS = "nothing happened, and the same call may work with the keys of the next invocation"
    NEW_VALUE = "nothing happened, because the new secret breaks a rule of the cloud"
    OLD_SECRET = "the old secret was refused"  # noqa: S105 - a sentence
    NOTHING = "nothing: the change may have had its effect"


@dataclass(frozen=True)
class CodeRow:
    """One line of a cloud's table. `code` is a full code, or a pattern in which `*` stands for any text."""

    code: str
    proof: Proves
    error_class: ErrorClass
    source: str


def code_rows(proof: Proves, error_class: ErrorClass, source: str, codes: str) -> list[CodeRow]:
    """Make one row for each code in `codes`; spaces separate the codes."""
    return [CodeRow(code, proof, error_class, source) for code in codes.split()]


class CodeTable:
    """One cloud's codes. A full code goes before every pattern. Patterns are tried in their order."""

    def __init__(self, groups: Iterable[list[CodeRow]]) -> None:
        self.rows = [row for group in groups for row in group]
        self._exact = {row.code: row for row in self.rows if "*" not in row.code}
        self._patterns = [row for row in self.rows if "*" in row.code]

    def exact(self, code: str) -> CodeRow | None:
        """The row with exactly this code."""
        return self._exact.get(code)

    def by_pattern(self, code: str) -> CodeRow | None:
        """The first row whose pattern matches."""
        return next((row for row in self._patterns if fnmatchcase(code, row.code)), None)


_ADVICE = {
    _E.THROTTLED: "the cloud throttles this API: send it again later, or lower KEYTURN_RATE",
    _E.UNAVAILABLE: "the service is not available: send it again later",
    _E.BUSY: "the instance is locked, not running, or has a task in flight: send it again later",
    _E.NOT_FOUND: "no such instance or account in this region and site: check the names, Region and Site",
    _E.FORBIDDEN: "the role may not do this: check the function's role, its policy and its keys",
    _E.FAILED: "this instance or account does not accept the change: see the cloud's page for the code",
    _E.INVALID_COMMAND: "the cloud does not accept a parameter: check the command against the API page",
}


def error_from_code(
    table: CodeTable, action: str, code: object, request_id: str | None, status: int | None = None
) -> KeyturnError:
    """The error for an answer with this code.

    `status`: the HTTP status, if the cloud uses it. Tencent answers errors with 200, so there it is None.
    Returns: RetryLater, Refused, OldSecretRefused or Ambiguous.
    """
    name = clean_code(code)
    row = None if status is not None and status >= 500 else find_code(table, name)
    if row is None or row.proof is Proves.NOTHING:
        return _unclear(action, name, request_id, status, listed=row is not None)
    if row.proof is Proves.OLD_SECRET:
        text = f"{action} was refused with {name}, which is about the old secret"
        return OldSecretRefused(row.error_class, text, code=name, request_id=request_id)
    advice = _ADVICE[row.error_class]
    if row.proof is Proves.NEW_VALUE:
        advice = "the cloud does not accept this new secret: see its page for the rule"
    text = f"{action} was refused with {name}, nothing happened: {advice}"
    if row.proof is Proves.LATER:
        return RetryLater(row.error_class, text, code=name, request_id=request_id)
    refused = Refused(row.error_class, text, code=name, request_id=request_id)
    refused.retryable = row.proof is Proves.FRESH_KEYS
    refused.of_value = row.proof is Proves.NEW_VALUE
    return refused


def find_code(table: CodeTable, code: str) -> CodeRow | None:
    """The row for a code: its own row, else a new one if its name is about the old secret, else the first pattern's."""
    if (row := table.exact(code)) is not None:
        return row
    if names_old_secret(code):
        return CodeRow(code, Proves.OLD_SECRET, _E.WRONG_OLD_SECRET, "the code's name")
    return table.by_pattern(code)


def is_listed(table: CodeTable, code: str) -> bool:
    """Whether the table says what this code proves."""
    row = find_code(table, code)
    return row is not None and row.proof is not Proves.NOTHING


def _unclear(action: str, name: str, request_id: str | None, status: int | None, *, listed: bool) -> Ambiguous:
    refused = not _SERVER_SIDE.search(name) if status is None else 400 <= status < 500
    refused = refused and name != UNREADABLE_CODE
    passing = listed or tells_of_passing_state(name, status)
    text = f"{action} was answered with {name}, which does not prove that nothing happened"
    return Ambiguous(text, code=name, request_id=request_id, refused=refused, passing=refused and passing)


# --- what the name of a code says, if no table has the code

# Names of the server's own failures, if there is no status. Such a failure may follow an effect.
_SERVER_SIDE = re.compile(r"Internal|FailedOperation|System|Server|Service|Unknown|Fail|Fault")
_PASSING = re.compile(
    # load and time
    r"throttl|too_?many|limit|quota|frequen|flow_?control|qps|busy|overload|time_?out|timed|times|expire|later|retry"
    # the state of an account, an instance or a service
    r"|lock|freez|frozen|disable|inactive|suspend|isolat|overdue|arrear|debt|state|status|process|progress|pending"
    r"|concurren|conflict|task|flow|migrat|upgrad|maint|unavailable|not_?available|in_?use|connect|network"
    # the caller
    r"|permission|auth|forbid|denied|deny|not_?allowed|risk|signature|nonce|token|access_?key|credential|timestamp"
    # the server itself
    r"|internal|system|server|service|unknown",
    re.IGNORECASE,
)
_PASSING_STATUS = frozenset({401, 403, 408, 429})


def tells_of_passing_state(code: str, status: int | None = None) -> bool:
    """Whether the code's name or the status points to a passing state or to the caller, not to what the call sent."""
    return bool(_PASSING.search(code)) or (status is not None and (status in _PASSING_STATUS or status >= 500))


_PASSWORD = r"(?:pass_?word|passwd|pwd)"  # noqa: S105 - a pattern
_OLD_PASSWORD = re.compile(
    rf"(?:old|original|origin|current|previous|former)_?(?:account|instance|db|user|login)?_?{_PASSWORD}", re.IGNORECASE
)
_WRONG = re.compile(r"wrong|incorrect|mis_?match|dis_?match|un_?match|not_?match|not_?correct", re.IGNORECASE)
_OF_NEW = re.compile(
    r"new|confirm|same|equal|identical|duplicat|repeat|re_?use|already_?used|histor|differ|must", re.IGNORECASE
)
_OF_FORM = re.compile(r"format|malformed|length|rule|polic|complex|weak|strength|simple|short|long|char", re.IGNORECASE)


def names_old_secret(code: str) -> bool:
    """Whether the name of a code says that the old password, or the account's, is wrong. Examples:
    `InvalidOldPassword.Value`, `WrongPassword`, `PasswordMismatch`.

    A name that also mentions throttling, permission, an account's state, the signature or the new password is no such
    name.
    """
    if not re.search(_PASSWORD, code, re.IGNORECASE) or code.startswith("Missing") or _OF_NEW.search(code):
        return False
    if _PASSING.search(code):
        return False
    return bool(_OLD_PASSWORD.search(code) or (_WRONG.search(code) and not _OF_FORM.search(code)))


# --- a call that was never sent

_CERTIFICATE = "SSLCertVerificationError"
# These errors say that there was no connection, so no request was sent.
_NEVER_SENT = {
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ConnectTimeout",
    "ConnectionRefusedError",
    "gaierror",
}
_HANDSHAKE = ("ssl", "do_handshake")  # the client sends a request only after this


def never_sent(failure: BaseException) -> bool:
    """Whether a client's failure proves that no request was sent: no address, no connection in time, or no TLS."""
    return any(_precedes_request(cause) for cause in _causes(failure))


def error_if_never_sent(
    action: str, failure: BaseException, handled: BaseException | None = None
) -> KeyturnError | None:
    """The error for a client's failure that proves that no request was sent. None: the failure does not prove it.

    `handled`: the exception that was being handled when the call began. It says nothing about the call.

    Returns: Refused (failed) for a certificate that is not trusted, as waiting does not help; else RetryLater.
    """
    causes = _causes(failure, handled)
    if not any(map(_precedes_request, causes)):
        return None
    for cause in causes:
        if type(cause).__name__ == _CERTIFICATE and _is_of_handshake(cause):
            problem = certificate_problem(getattr(cause, "verify_code", None))
            text = f"{action} was not sent: the certificate of {_host(causes)} {problem}"
            return Refused(_E.FAILED, text, code=CERTIFICATE_REFUSED)
    text = f"{action} was not sent, there was no connection: check the network, then send it again"
    if (failed := next(filter(_is_of_handshake, causes), None)) is not None:
        why = clean_code(getattr(failed, "reason", None) or type(failed).__name__)
        text = f"{action} was not sent, TLS with {_host(causes)} failed ({why}): check the endpoint's port"
    return RetryLater(_E.UNAVAILABLE, text, code="NoConnection")


def _causes(failure: BaseException, handled: BaseException | None = None) -> list[BaseException]:
    """A client's failure and all its causes.

    urllib3 and the SDKs nest the cause in `reason`, in `inner_exception`, in arguments or in the exception context.
    """
    waiting: list[object] = [failure]
    found: dict[int, BaseException] = {}
    while waiting:
        error = waiting.pop()
        # The context also holds what was handled before this call. keyturn's own errors always are such.
        if not isinstance(error, BaseException) or error is handled or isinstance(error, KeyturnError):
            continue
        if id(error) in found:
            continue
        found[id(error)] = error
        waiting += [error.__cause__, error.__context__, *error.args]
        waiting += [getattr(error, "reason", None), getattr(error, "inner_exception", None)]
    return list(found.values())


def _precedes_request(cause: BaseException) -> bool:
    return type(cause).__name__ in _NEVER_SENT or _is_of_handshake(cause)


def _is_of_handshake(cause: BaseException) -> bool:
    """Whether it was raised during the TLS handshake. The same class may also be raised while an answer is read."""
    trace = cause.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == _HANDSHAKE:
            return True
        trace = trace.tb_next
    return False


def _host(causes: Iterable[BaseException]) -> str:
    """The host that the client connected to, as urllib3's errors name it."""
    hosts = (getattr(getattr(cause, "pool", None), "host", None) for cause in causes)
    return next((host for host in hosts if isinstance(host, str)), "the server")
