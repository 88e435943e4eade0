"""The HTTP reply: status, headers and body of one command and of a list, and whose password it shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.handlers.replies import http, http_reply
from shared.handlers.request import Handled
from shared.results.event_types import RotationCounts
from shared.results.outcome import CommandContext, Conclusion, Outcome, Subject
from shared.results.result_event import result_event
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.triggers import Delivery, Trigger

CONTEXT = CommandContext(Subject("tencent", "ap-guangzhou", "redis", "crs-one", "app"), "SetPassword", "c-1", "then")
ONE, MANY = Delivery(Trigger.HTTP, ()), Delivery(Trigger.HTTP, (), many=True)


def handled(outcome: Outcome = Outcome.CHANGED, error: KeyturnError | None = None, **what: Any) -> Handled:
    return Handled(result_event(CONTEXT, Conclusion(outcome, error)), **what)


def body(reply: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(reply["body"])
    return read


def test_one_result_has_its_own_status_and_no_password() -> None:
    one = handled()
    reply = http_reply(ONE, [one])
    assert reply["statusCode"] == 200
    assert reply["isBase64Encoded"] is False
    assert reply["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}
    assert body(reply) == {"Result": one.event, "Delivered": True}
    assert ": " not in reply["body"].replace("s: ", "")


def test_text_stays_as_it_is() -> None:
    assert http(200, {"Result": "schlüssel"})["body"] == '{"Result":"schlüssel"}'


def test_a_password_goes_to_its_caller() -> None:
    reply = http_reply(ONE, [handled(password=Secret("New-Passw0rd1"), delivered=False)])
    assert (body(reply)["Password"], body(reply)["Delivered"]) == ("New-Passw0rd1", False)


def test_a_command_that_was_handed_on_is_accepted() -> None:
    reply = http_reply(ONE, [Handled(None, handed=True)])
    assert (reply["statusCode"], body(reply)["Result"], reply["headers"]["Retry-After"]) == (202, None, "5")


def test_a_list_has_a_list_of_results_in_order() -> None:
    reply = http_reply(MANY, [handled(), handled(Outcome.ALREADY_CHANGED)])
    assert reply["statusCode"] == 200
    assert [one["data"]["Outcome"] for one in body(reply)["Results"]] == ["changed", "already_changed"]
    assert body(reply)["Delivered"] is True
    assert "Passwords" not in body(reply)


def test_a_list_of_which_one_went_otherwise_says_so() -> None:
    assert http_reply(MANY, [handled(), Handled(None)])["statusCode"] == 207
    undelivered = http_reply(MANY, [handled(), handled(delivered=False)])
    assert (undelivered["statusCode"], body(undelivered)["Delivered"]) == (200, False)


def test_passwords_stand_beside_their_results() -> None:
    reply = http_reply(MANY, [handled(), handled(password=Secret("New-Passw0rd1"))])
    assert body(reply)["Passwords"] == [None, "New-Passw0rd1"]


COUNTS: RotationCounts = {"Listed": 3, "Due": 1, "Sent": 1, "NotDue": 2, "Unknown": 0, "NotAllowed": 0}


def test_a_firing_s_counts_stand_beside_its_result() -> None:
    reply = http_reply(ONE, [Handled(None, rotation=COUNTS, continues=True)])
    assert (reply["statusCode"], body(reply)) == (
        202,
        {"Result": None, "Delivered": True, "Rotation": COUNTS, "Continues": True},
    )
    many = http_reply(MANY, [handled(), Handled(None, rotation=COUNTS)])
    assert (body(many)["Rotations"], body(many)["Continues"]) == ([None, COUNTS], False)
    assert not {"Rotation", "Rotations", "Continues"} & body(http_reply(MANY, [handled(), handled()])).keys()


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (Refused(ErrorClass.INVALID_COMMAND, "-"), 400, False),
        (Refused(ErrorClass.FORBIDDEN, "-"), 403, False),
        (Refused(ErrorClass.WRONG_OLD_SECRET, "-"), 409, False),
        (RetryLater(ErrorClass.BUSY, "-"), 409, True),
        (RetryLater(ErrorClass.THROTTLED, "-"), 429, True),
        (Refused(ErrorClass.FAILED, "-"), 500, False),
        (RetryLater(ErrorClass.UNAVAILABLE, "-"), 503, True),
    ],
)
def test_who_may_come_again_is_told_when(error: KeyturnError, status: int, retry: bool) -> None:
    reply = http_reply(ONE, [handled(Outcome.NOT_CHANGED, error)])
    assert reply["statusCode"] == status
    assert reply["headers"].get("Retry-After") == ("5" if retry else None)
    assert "Allow" not in reply["headers"]


def test_a_method_that_is_not_taken_names_the_one_that_is() -> None:
    reply = http(405, {"Result": None})
    assert (reply["headers"]["Allow"], "Retry-After" in reply["headers"]) == ("POST", False)


@pytest.mark.parametrize("told", [{}, {"Result": None}, {"Result": {}}, {"Result": {"data": {"Error": None}}}])
def test_a_conflict_without_an_error_is_not_busy(told: dict[str, Any]) -> None:
    assert "Retry-After" not in http(409, told)["headers"]
