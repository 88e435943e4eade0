"""The exceptions of keyturn, named for what the caller can do next. None holds a secret or a vendor's text."""

from __future__ import annotations

import re
from enum import Enum
from typing import TypeVar

E = TypeVar("E", bound="KeyturnError")


class ErrorClass(str, Enum):
    """The values of a result's `Error.Class`. They do not change between versions."""

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
    """An error that a person can act on. Its message says what happened, to which resource, and what to do next."""

    def __init__(
        self, error_class: ErrorClass, message: str, *, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message
        self.code = code
        self.request_id = request_id
        self.retryable = False  # whether the same command may work if it is sent again

    def reword(self, message: str) -> None:
        """Replace the message."""
        self.args, self.message = (message,), message


class Refused(KeyturnError):
    """The call had no effect, and repeating it cannot help."""

    of_value: bool = False  # a rule of the cloud refuses this new secret; another value may work


class RetryLater(KeyturnError):
    """The call had no effect, and it may work later: busy, throttled, unavailable."""

    def __init__(
        self, error_class: ErrorClass, message: str, *, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(error_class, message, code=code, request_id=request_id)
        self.retryable = True
        self.after_s = 0.0  # wait at least so many seconds


class OldSecretRefused(KeyturnError):
    """The cloud refused the old secret. A typo and a redelivery look the same, so this proves nothing by itself."""

    def without_fence(self) -> Ambiguous:
        """The error for a call that sent no old secret. No table says what the code means in such a call."""
        return Ambiguous(self.message, code=self.code, request_id=self.request_id, refused=True)


class Ambiguous(KeyturnError):
    """The call may have had its effect. Find out before you repeat anything."""

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
        self.refused = refused  # the API answered with a client error (4xx) whose code is in no table
        # The name or status of that error points to a state that passes: throttling, availability, locks, permission.
        self.passing = passing


class SettingsError(ValueError):
    """A setting is missing or malformed. The text names the variable and the rule, never the value."""


UNREADABLE_CODE = "UnreadableCode"


def clean_code(code: object) -> str:
    """The code if it looks like one (a word), else UNREADABLE_CODE: a server may send any text in its place."""
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z][\w.\-]{0,99}", code, re.ASCII) else UNREADABLE_CODE
