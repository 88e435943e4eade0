"""What both clouds' sessions share: a paced call, a read that may be repeated, a change that may not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from shared.clouds.session import PATIENCE_S
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from tests.clouds.scripted import Answer, Clock, Script, ScriptedAlibaba, ScriptedTencent, access, raised

_NAMES = count()


@pytest.fixture
def action() -> Iterator[str]:
    """An action of this test's own: a pace is kept for each."""
    yield f"Action{next(_NAMES)}"


def session(action: str, answers: Answer | list[Answer], left_s: float = 60.0) -> tuple[ScriptedTencent, Clock]:
    clock = Clock()
    return ScriptedTencent(Script({action: answers}), access(left_s, clock=clock)), clock


def throttled() -> RetryLater:
    return RetryLater(ErrorClass.THROTTLED, "x", code="RequestLimitExceeded", request_id="r")


@pytest.mark.parametrize(
    ("left_s", "read_s", "change_s"),
    [
        (1000.0, 5.0, 10.0),  # each has a longest
        (15.0, 5.0, 7.5),
        (12.0, 4.0, 6.0),
        (17.0, 5.0, 9.0),  # 8 s are kept at most
        (0.6, 0.3, None),  # a read gets a moment
        (2.0, 2.0 / 3, 1.0),  # half of the time is kept
    ],
)
def test_how_long_a_call_may_take(action: str, left_s: float, read_s: float, change_s: float | None) -> None:
    made, _ = session(action, {"RequestId": "r"}, left_s)
    made.read(action, {"A": 1})
    assert made.script.calls[0].timeout_s == pytest.approx(read_s)
    assert made.script.calls[0].secrets == {}
    if change_s is not None:
        made.change(action, {"A": 1}, {"Password": "p"})
        assert made.script.calls[1].timeout_s == pytest.approx(change_s)
        assert (made.script.calls[1].ids, made.script.calls[1].secrets) == ({"A": 1}, {"Password": "p"})


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (RetryLater(ErrorClass.BUSY, "x", code="C", request_id="r"), 4),
        (RetryLater(ErrorClass.UNAVAILABLE, "x", code="C", request_id="r"), 4),
        (Ambiguous("x", code="C", request_id="r"), 4),
        (Ambiguous("x", code="C", request_id="r", refused=True, passing=True), 4),
        (Ambiguous("x", code="C", request_id="r", refused=True), 1),
        (OldSecretRefused(ErrorClass.WRONG_OLD_SECRET, "x", code="C", request_id="r"), 1),
        (Refused(ErrorClass.NOT_FOUND, "x", code="C", request_id="r"), 1),
    ],
)
def test_a_read_is_repeated_where_that_may_help(action: str, error: KeyturnError, tries: int) -> None:
    made, clock = session(action, error)
    kind = Refused if isinstance(error, OldSecretRefused | Refused) else RetryLater
    told = raised(kind, lambda: made.read(action, {}))
    assert (told.code, told.request_id) == ("C", "r")
    assert made.script.actions == [action] * tries
    assert len(clock.slept) == tries - 1
    expected = {Ambiguous: ErrorClass.UNAVAILABLE, OldSecretRefused: ErrorClass.FAILED}
    assert told.error_class is expected.get(type(error), error.error_class)


def test_a_read_that_is_answered_at_last_is_answered(action: str) -> None:
    made, _ = session(action, [Ambiguous("x"), RetryLater(ErrorClass.BUSY, "x"), {"A": 1}])
    assert made.read(action, {}) == {"A": 1}
    assert len(made.script.calls) == 3


def test_a_read_is_not_repeated_without_time_to_wait(action: str) -> None:
    made, clock = session(action, RetryLater(ErrorClass.BUSY, "x"), 0.0)
    raised(RetryLater, lambda: made.read(action, {}))
    assert (len(made.script.calls), clock.slept) == (1, [])


@pytest.mark.parametrize("left_s", [0.0, 1.4, 1.5])
def test_a_change_is_not_sent_with_too_little_time_behind_it(action: str, left_s: float) -> None:
    made, _ = session(action, {}, left_s)
    error = raised(RetryLater, lambda: made.change(action, {}))
    assert (error.error_class, error.code) == (ErrorClass.UNAVAILABLE, "TooLittleTime")
    assert not made.script.calls
    made, _ = session(action, {}, 1.6)
    made.change(action, {})


@pytest.mark.parametrize(
    ("secrets", "kind"),
    [
        ({"OldPassword": "o", "Password": "p"}, OldSecretRefused),
        ({"OldAccountPassword": "o"}, OldSecretRefused),
        ({"Password": "p"}, Ambiguous),
        ({"NewOldPassword": "p"}, Ambiguous),
        (None, Ambiguous),
    ],
)
def test_an_old_secret_is_refused_only_where_one_was_sent(
    action: str, secrets: dict[str, str] | None, kind: type[KeyturnError]
) -> None:
    made, _ = session(action, OldSecretRefused(ErrorClass.WRONG_OLD_SECRET, "x", code="C", request_id="r"))
    error = raised(kind, lambda: made.change(action, {}, secrets))
    assert (error.code, error.request_id) == ("C", "r")
    assert not isinstance(error, Ambiguous) or (error.refused, error.passing) == (True, False)
    assert len(made.script.calls) == 1


@pytest.mark.parametrize(
    "error",
    [
        Ambiguous("x"),
        RetryLater(ErrorClass.BUSY, "x"),
        RetryLater(ErrorClass.UNAVAILABLE, "x"),
        Refused(ErrorClass.FAILED, "x"),
    ],
)
def test_a_change_is_made_once(action: str, error: KeyturnError) -> None:
    made, _ = session(action, error)
    assert raised(type(error), lambda: made.change(action, {})) is error
    assert len(made.script.calls) == 1


def test_a_throttled_call_is_made_again_for_a_while(action: str) -> None:
    made, clock = session(action, [throttled(), throttled(), {"A": 1}])
    assert made.change(action, {}) == {"A": 1}
    assert len(made.script.calls) == 3

    def slowly(_: dict[str, object]) -> dict[str, object]:
        clock.now += 0.9
        raise throttled()

    made.script.answers[action] = slowly
    made.script.calls.clear()
    began = clock.now
    assert raised(RetryLater, lambda: made.change(action, {})).error_class is ErrorClass.THROTTLED
    # The patience begins with the first throttled answer.
    assert len(made.script.calls) == 4
    assert clock.now - began - 0.9 >= PATIENCE_S == 2.0


def test_a_throttled_call_is_not_made_after_the_deadline(action: str) -> None:
    made, clock = session(action, throttled(), 2.0)

    def late(_: dict[str, object]) -> dict[str, object]:
        clock.now += 0.6
        raise throttled()

    made.script.answers[action] = late
    raised(RetryLater, lambda: made.change(action, {}))
    assert len(made.script.calls) == 1


@pytest.mark.parametrize("region", ["moon-1", "cn-hangzhou", ""])
def test_a_region_of_no_table_is_refused_before_anything_is_sent(action: str, region: str) -> None:
    script = Script({action: {}})
    made = ScriptedTencent(script, access(), region)
    for call in (made.read, made.change):
        assert raised(Refused, lambda call=call: call(action, {})).code == "UnknownRegion"  # type: ignore[misc]
    alibaba = ScriptedAlibaba(script, access(), "ap-guangzhou")
    assert raised(Refused, lambda: alibaba.read(action, {})).code == "UnknownRegion"
    assert not script.calls
