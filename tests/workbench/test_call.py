"""`make call`: what it shows of a reply, and its exit code: one that did not succeed is not hidden by the others."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from shared.workbench.deploy.call import _show, unsuccessful
from shared.workbench.environment.terminal import WIDEST, Terminal
from shared.workbench.results.reply import read_reply
from shared.workbench.results.shown import event_lines, read_event
from tests.workbench.results_queue import event


def result(outcome: str, error: str | None = None) -> dict[str, Any]:
    return {"data": {"Outcome": outcome, "Error": {"Class": error} if error else None}}


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([result("changed"), result("already_changed"), result("would_change")], 0),
        ([result("changed"), result("pending"), None], 0),
        ([result("changed"), result("not_changed", "invalid_command"), result("unknown", "failed")], 2),
    ],
)
def test_results_that_tell_of_no_success_are_counted(results: list[Any], expected: int) -> None:
    assert unsuccessful(json.dumps({"Results": results, "Delivered": True})) == expected


@pytest.mark.parametrize("text", ["", "[]", '{"Results": 1}', '{"Results": [{}]}'])
def test_a_reply_that_cannot_be_read_is_no_success(text: str) -> None:
    assert unsuccessful(text) == 1


# --- what is shown ----------------------------------------------------------------------------------------------------


def shown(reply: object, *, with_passwords: bool = True) -> list[str]:
    read = read_reply(reply)
    assert read is not None
    return list(read.lines(Terminal(io.StringIO()), with_passwords=with_passwords))


def test_a_reply_is_a_line_and_its_secret_stands_on_the_next_one() -> None:
    told = event(1, TaskId=233815, StartedAt="2099-01-01T00:00:00Z", FinishedAt="2099-01-01T00:00:00.7Z")
    assert shown({"Result": told, "Delivered": True}) == ["changed   redis/crs-1/app   task 233815   0.7 s"]
    with_secret = {"Result": told, "Delivered": True, "Password": "a-secret of its own, " * 9}
    assert shown(with_secret)[1] == f"password   {with_secret['Password']}"  # in one piece
    assert shown(with_secret, with_passwords=False) == ["changed   redis/crs-1/app   task 233815   0.7 s"]


@pytest.mark.parametrize(("subject", "is_told"), [("redis/-/-", False), ("redis/crs-1/app", True)])
def test_only_a_result_that_a_queue_should_have_is_missed_there(
    subject: str, is_told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    _show(
        json.dumps({"Result": event(1, "not_changed") | {"subject": subject}, "Delivered": False}), 400, as_json=False
    )
    assert ("no results queue took this" in capsys.readouterr().err) == is_told


def test_each_result_of_several_has_its_own_secret_and_its_own_reason() -> None:
    error = {"Class": "not_found", "Code": "NoSuch", "Message": "is not there", "Retryable": False}
    results = [event(1), None, event(3, "not_changed", Error=error), event(4)]
    lines = shown({"Results": results, "Delivered": True, "Passwords": [None, None, None, "made-4"]})
    assert lines == [
        "changed       redis/crs-1/app   0.0 s",
        "not_changed   redis/crs-3/app   0.0 s",
        "    not_found (NoSuch): is not there. Next: check the names, `Region` and `Site`.",
        "changed       redis/crs-4/app   0.0 s",
        "password      made-4",
    ]


def refused(subject: str, error_class: str, message: str, code: str = "Code") -> str:
    error = {"Class": error_class, "Code": code, "Message": message, "Retryable": False}
    told = event(1, "not_changed", Error=error) | {"subject": subject}
    return " ".join(" ".join(shown({"Result": told, "Delivered": True})).split())


@pytest.mark.parametrize(("cloud", "place"), [("tencent", "ssm://redis-crs-1-app"), ("alibaba", "kms://tair-r-1-app")])
def test_a_store_without_a_secret_is_named_with_what_puts_one_there(cloud: str, place: str) -> None:
    said = refused("redis/crs-1/app", "not_found", f"{place}: GetSecretValue ended with ResourceNotFound: the store")
    assert f"Next: put the secret in force into {place}: `make bootstrap CLOUD={cloud} SECRET={place}`" in said
    assert "check the names" not in said
    assert "check the names" in refused("redis/crs-1/app", "not_found", "no such instance", "ResourceNotFound")


def test_a_wrong_old_secret_offers_the_reset_of_its_own_service() -> None:
    for subject, reset in (
        ("redis/crs-1/root", "tencent_redis_reset_password"),
        ("tair/r-1/app", "alibaba_tair_reset_account_password"),
    ):
        said = refused(subject, "wrong_old_secret", "the cloud refuses the old secret: check it")
        assert said.endswith(f"if nobody knows it, set a new one with `{reset}`.") and said.count("_reset_") == 1


def test_a_long_reason_is_wrapped_below_its_line() -> None:
    error = {"Class": "invalid_command", "Code": None, "Message": "word " * 60, "Retryable": False}
    lines = shown({"Result": event(1, "not_changed", Error=error), "Delivered": True})
    assert len(lines) > 3 and all(len(line) <= WIDEST for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])


class Screen(io.StringIO):
    """A terminal, as far as a stream knows."""

    def isatty(self) -> bool:
        return True


def test_there_is_colour_on_a_terminal_unless_a_person_wants_none() -> None:
    line = event_lines(read_event(event(1)), Terminal(Screen(), {"TERM": "xterm"}))[0]
    assert line.startswith("\x1b[32mchanged") and "\x1b[0m" in line
    red = event_lines(read_event(event(1, "unknown")), Terminal(Screen(), {"TERM": "xterm"}))[0]
    assert red.startswith("\x1b[31munknown")
    for stream, environ in ((Screen(), {"TERM": "xterm", "NO_COLOR": "1"}), (io.StringIO(), {"TERM": "xterm"})):
        assert event_lines(read_event(event(1)), Terminal(stream, environ))[0].startswith("changed  ")


def test_what_a_rotation_counted_is_shown() -> None:
    counts = {"Listed": 3, "Due": 1, "Sent": 1, "NotDue": 2, "Unknown": 0, "NotAllowed": 0}
    told = shown({"Result": None, "Delivered": True, "Rotation": counts, "Continues": False})
    assert told == ["rotation   3 listed, 1 due, 1 sent, 2 not due"]


@pytest.mark.parametrize("text", ["[]", "{}", '{"Delivered": true, "Result": {"type": "x"}}', '{"body": "<html>"}'])
def test_what_is_no_reply_is_none(text: str) -> None:
    assert read_reply(json.loads(text)) is None
