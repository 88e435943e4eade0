"""What can go wrong, named for what the caller can do next. None of these carries a secret or a vendor's text."""

from __future__ import annotations

import re
from enum import Enum
from typing import TypeVar

E = TypeVar("E", bound="KeyturnError")


class ErrorClass(str, Enum):
    """The stable classes of a result's `Error.Class`."""

    INVALID_COMMAND = "invalid_command"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    WRONG_OLD_SECRET = "wrong_old_secret"  # noqa: S105 - a class name
    BUSY = "busy"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    AMBIGUOUS = "ambiguous"
    FAILED = "failed"
    EXHAUSTED = "exhausted"


class KeyturnError(Exception):
    """Something a person can act on: what happened, to which resource, what to do next."""

    def __init__(
        self, error_class: ErrorClass, message: str, *, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message
        self.code = code
        self.request_id = request_id
        self.retryable = False  # whether the same command may work when it is sent again

    def reword(self, message: str) -> None:
        """Say the same with another text."""
        self.args, self.message = (message,), message


class Refused(KeyturnError):
    """Surely nothing happened, and repeating the same call cannot help."""

    of_value: bool = False  # the cloud's rule refuses the new secret: another one may be taken


class RetryLater(KeyturnError):
    """Surely nothing happened, and the same call may work later: busy, throttled, unavailable."""

    def __init__(
        self, error_class: ErrorClass, message: str, *, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(error_class, message, code=code, request_id=request_id)
        self.retryable = True
        self.after_s = 0.0  # not before so many seconds


class OldSecretRefused(KeyturnError):
    """The cloud refused the old secret. A typo and a redelivery look the same, so this proves nothing by itself."""

    def without_fence(self) -> Ambiguous:
        """What it is where no old secret was sent: no table tells what the code means there."""
        return Ambiguous(self.message, code=self.code, request_id=self.request_id, refused=True)


class Ambiguous(KeyturnError):
    """The call may have had its effect. Find out before anything is repeated."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        request_id: str | None = None,
        refused: bool = False,
        passing: bool = False,
    ) -> None:
        super().__init__(ErrorClass.AMBIGUOUS, message, code=code, request_id=request_id)
        self.refused = refused  # the API answered with a client error (4xx) whose code no table names
        # Such an error tells, by its name or status, of what passes: throttling, availability, locks, permission.
        self.passing = passing


class SettingsError(ValueError):
    """A setting is missing or malformed. The text names the variable and the rule, never the value."""


UNREADABLE_CODE = "UnreadableCode"


def clean_code(code: object) -> str:
    """An error code fit to be shown: codes are words, and anything else a server sends is not one."""
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z][\w.\-]{0,99}", code, re.ASCII) else UNREADABLE_CODE
