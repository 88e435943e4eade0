"""What the stores of both clouds share: a failed call is told with the store's name and what to do about it."""

from __future__ import annotations

import pytest

from shared.clouds.remote_store import RemoteStore
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from tests.clouds.scripted import Script, ScriptedTencent, access, raised

E = ErrorClass


def store(error: KeyturnError) -> RemoteStore:
    return RemoteStore("ssm://one", ScriptedTencent(Script({"PutX": error}), access(0.0)))


@pytest.mark.parametrize(
    ("error", "kind", "error_class", "advice"),
    [
        (Refused(E.NOT_FOUND, "x", code="C"), Refused, E.NOT_FOUND, "holds no such secret or version"),
        (Refused(E.FORBIDDEN, "x", code="C"), Refused, E.FORBIDDEN, "the role may not do this"),
        (Refused(E.FAILED, "x", code="C"), Refused, E.FAILED, "the secret does not accept this call"),
        (Refused(E.INVALID_COMMAND, "x", code="C"), Refused, E.INVALID_COMMAND, "check the reference"),
        (Refused(E.WRONG_OLD_SECRET, "x", code="C"), Refused, E.WRONG_OLD_SECRET, "ended with C: "),
        (RetryLater(E.BUSY, "x", code="C"), RetryLater, E.BUSY, "send the command again later"),
        (RetryLater(E.THROTTLED, "x", code="C"), RetryLater, E.THROTTLED, "lower KEYTURN_RATE"),
        (RetryLater(E.UNAVAILABLE, "x", code="C"), RetryLater, E.UNAVAILABLE, "gave no answer that can be read"),
        (Ambiguous("x", code="C"), RetryLater, E.UNAVAILABLE, "gave no answer that can be read"),
        (OldSecretRefused(E.WRONG_OLD_SECRET, "x", code="C"), Refused, E.FAILED, "the secret does not accept this"),
    ],
)
def test_an_error_names_the_store_the_call_and_what_to_do(
    error: KeyturnError, kind: type[KeyturnError], error_class: ErrorClass, advice: str
) -> None:
    error.request_id = "r"
    told = raised(kind, lambda: store(error)._call("PutX", A=1))
    assert (told.error_class, told.code, told.request_id) == (error_class, "C", "r")
    assert told.message.startswith("ssm://one: PutX ended with C: ")
    assert advice in told.message
    assert told.retryable is (kind is RetryLater)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("ResourceUnavailable.ResourceDisabled", "the secret is disabled"),
        ("ResourceUnavailable.ResourcePendingDeleted", "restore and enable it"),
        ("Rejected.ResourceInDeleteWindow", "restore it first"),
        ("Rejected.Unavailable", "KMS instance is not usable"),
        ("Rejected.Disabled", "the secret's key is disabled"),
    ],
)
def test_some_codes_have_an_advice_of_their_own(code: str, advice: str) -> None:
    told = raised(Refused, lambda: store(Refused(E.FAILED, "x", code=code))._call("PutX"))
    assert advice in told.message


def test_an_error_without_a_code_is_told_by_its_class_and_fresh_keys_may_help() -> None:
    error = Refused(E.FORBIDDEN, "x")
    error.retryable = True
    told = raised(Refused, lambda: store(error)._call("PutX"))
    assert (told.code, told.retryable) == (None, True)
    assert "ended with forbidden" in told.message


def test_what_a_store_itself_finds_has_its_class_and_code() -> None:
    made = store(Refused(E.FAILED, "x"))
    found = [made._full("it has 10 versions"), made._exists("v"), made._unreadable("ListX"), made._missing("v")]
    assert [(type(one), one.error_class, one.code) for one in found] == [
        (RetryLater, E.BUSY, "StoreFull"),
        (Refused, E.FAILED, "VersionExists"),
        (RetryLater, E.UNAVAILABLE, None),
        (Refused, E.NOT_FOUND, "NotFound"),
    ]
    assert all(one.message.startswith("ssm://one: ") for one in found)
    told = raised(Refused, lambda: made._secret(""))
    assert (told.error_class, told.code) == (E.FAILED, "NoText")
    assert made._secret("v").reveal() == "v"
