"""What an error that stands for a code carries: its class, the code, the request id and whether a repeat may help."""

from __future__ import annotations

import pytest

from shared.clouds.alibaba.error_codes import ALIBABA_CODES
from shared.clouds.error_classification import CodeTable, error_from_code, is_listed
from shared.clouds.tencent.error_codes import TENCENT_CODES
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater

E, T, A = ErrorClass, TENCENT_CODES, ALIBABA_CODES


@pytest.mark.parametrize(
    ("table", "code", "kind", "error_class", "retryable", "advice"),
    [
        (T, "RequestLimitExceeded", RetryLater, E.THROTTLED, True, "lower KEYTURN_RATE"),
        (T, "ResourceUnavailable.InstanceLockedError", RetryLater, E.BUSY, True, "has a task in flight"),
        (T, "FailedOperation.AccessKmsError", RetryLater, E.UNAVAILABLE, True, "the service is not available"),
        (T, "ResourceNotFound.X", Refused, E.NOT_FOUND, False, "no such instance or account"),
        (T, "AuthFailure.X", Refused, E.FORBIDDEN, False, "the role may not do this"),
        (T, "AuthFailure.TokenFailure", Refused, E.FORBIDDEN, True, "the role may not do this"),
        (T, "OperationDenied", Refused, E.FAILED, False, "does not accept the change"),
        (T, "MissingParameter", Refused, E.INVALID_COMMAND, False, "does not accept a parameter"),
        (T, "InvalidParameterValue.PasswordError", OldSecretRefused, E.WRONG_OLD_SECRET, False, "the old secret"),
        (T, "InternalError", Ambiguous, E.AMBIGUOUS, False, "does not prove"),
        (A, "Throttling.User", RetryLater, E.THROTTLED, True, "lower KEYTURN_RATE"),
        (A, "InvalidAccountPassword.Format", Refused, E.INVALID_COMMAND, False, "does not accept this new secret"),
        (A, "WrongPassword", OldSecretRefused, E.WRONG_OLD_SECRET, False, "the old secret"),
    ],
)
def test_an_error_carries_what_its_code_proves(
    table: CodeTable, code: str, kind: type[KeyturnError], error_class: ErrorClass, retryable: bool, advice: str
) -> None:
    error = error_from_code(table, "ModifyX", code, "r-1")
    assert type(error) is kind
    assert (error.error_class, error.code, error.request_id) == (error_class, code, "r-1")
    assert error.retryable is retryable
    assert error.message.startswith("ModifyX was ")
    assert code in error.message
    assert advice in error.message
    assert not isinstance(error, Refused) or error.of_value is ("new secret" in advice)


@pytest.mark.parametrize(
    ("table", "code", "status", "refused", "passing"),
    [
        (T, "NobodyKnowsThis", None, True, False),
        (T, "NobodyKnowsThis.Locked", None, True, True),
        (T, "InternalX", None, False, False),
        (T, "FailedOperation", None, False, False),
        (T, "DryRunOperation", None, True, True),  # listed, as proving nothing
        (T, "not a code", None, False, False),
        (A, "NobodyKnowsThis", 400, True, False),
        (A, "NobodyKnowsThis", 399, False, False),
        (A, "NobodyKnowsThis", 499, True, False),
        (A, "NobodyKnowsThis", 500, False, False),
        (A, "NobodyKnowsThis", 403, True, True),
        (A, "NobodyKnowsThis", 401, True, True),
        (A, "NobodyKnowsThis", 408, True, True),
        (A, "NobodyKnowsThis", 429, True, True),
        (A, "SystemBusy", 400, True, True),
        (A, "not a code", 400, False, False),
        (A, "Forbidden.RAM", 500, False, False),
        (A, "Forbidden.RAM", 499, None, None),
    ],
)
def test_what_an_unclear_answer_says(
    table: CodeTable, code: str, status: int | None, refused: bool | None, passing: bool | None
) -> None:
    error = error_from_code(table, "ModifyX", code, "r-1", status)
    assert error.request_id == "r-1"
    if isinstance(error, Ambiguous):
        assert (error.refused, error.passing) == (refused, passing)
    else:
        assert refused is None


@pytest.mark.parametrize(
    ("code", "listed"), [("AuthFailure", True), ("WrongPassword", True), ("InternalError", False), ("Nobody", False)]
)
def test_a_code_is_listed_where_it_proves_something(code: str, listed: bool) -> None:
    assert is_listed(TENCENT_CODES, code) is listed
