"""What a call does with an error: by a session whose answers are written down, and through the vendors' own clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.clouds.alibaba.error_codes import ALIBABA_CODES
from shared.clouds.alibaba.session import AlibabaSession
from shared.clouds.error_classification import (
    error_from_code,
)
from shared.clouds.pace import Pace
from shared.clouds.session import Session
from shared.clouds.tencent.error_codes import TENCENT_CODES
from shared.clouds.tencent.redis import _client_class
from shared.clouds.tencent.session import TencentSession
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.runtime.secret import Secret
from tests.support.answering_server import answering


class _Script(Session):
    """A session whose answers are written down. Its clock moves only as the test says."""

    cloud = "tencent"

    def __init__(self, answers: list[KeyturnError | dict[str, Any]], left_s: float = 60.0) -> None:
        self.now, self.sent, self.import_s, self.call_s = 0.0, 0, 0.0, 0.0
        keys = RoleKeys("id", Secret("script-key"), None)
        deadline = Deadline(left_s, lambda: self.now)
        super().__init__(CloudAccess(keys, None, 1000.0, deadline, sleep=self._sleep), "ap-guangzhou")
        self.answers = answers

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _load(self) -> None:
        self.now += self.import_s

    def _send(self, action: str, ids: dict[str, Any], secrets: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        self.sent += 1
        self.now += self.call_s
        answer = self.answers.pop(0)
        if isinstance(answer, KeyturnError):
            raise answer
        return answer


def raised(call: Callable[[], object]) -> KeyturnError:
    with pytest.raises(KeyturnError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("left_s", [0.0, 0.1, 1.4])
def test_a_change_is_not_sent_when_too_little_time_is_left(left_s: float) -> None:
    session = _Script([{}], left_s)
    error = raised(lambda: session.change("Late", {}, {}))
    assert isinstance(error, RetryLater)
    assert session.sent == 0


def test_a_change_that_a_slow_import_made_late_is_not_sent() -> None:
    session = _Script([{}], 3.0)
    session.import_s = 5.0
    assert isinstance(raised(lambda: session.change("LateImport", {}, {})), RetryLater)
    assert session.sent == 0


def test_a_throttled_change_is_not_sent_again_after_the_deadline() -> None:
    throttled = error_from_code(ALIBABA_CODES, "A", "Throttling.User", "r", 400)
    session = _Script([throttled, {}], 1.6)
    session.call_s = 0.2
    assert isinstance(raised(lambda: session.change("LateAgain", {}, {})), RetryLater)
    assert session.sent == 1


@pytest.mark.parametrize(("left_s", "least_s", "most_s"), [(8.0, 2.0, 8.5), (80.0, 25.0, 45.0)])
def test_a_read_that_is_throttled_is_asked_again_for_a_part_of_the_time_that_is_left(
    left_s: float, least_s: float, most_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = _Script([error_from_code(ALIBABA_CODES, "A", "Throttling.User", "r", 400)] * 200, left_s)
    session.call_s = 0.5
    pace = Pace(1000.0, session.access.deadline.clock)
    monkeypatch.setattr("shared.clouds.session.pace_of", lambda *_: pace)
    assert raised(lambda: session.read("R", {})).error_class is ErrorClass.THROTTLED
    assert least_s < session.now < most_s


def test_a_code_about_the_old_secret_is_one_only_where_an_old_secret_was_sent() -> None:
    answer = error_from_code(TENCENT_CODES, "A", "InvalidParameterValue.PasswordError", "r")
    with_old = raised(lambda: _Script([answer]).change("X", {}, {"OldPassword": "o", "Password": "n"}))
    without = raised(lambda: _Script([answer]).change("X", {}, {"AccountPassword": "n"}))
    assert isinstance(with_old, OldSecretRefused)
    assert isinstance(without, Ambiguous)
    assert (without.refused, without.passing) == (True, False)


def test_a_read_asks_again_after_a_server_error_and_not_after_an_unlisted_refusal() -> None:
    server = error_from_code(ALIBABA_CODES, "A", "ServiceUnavailable", "r", 503)
    session = _Script([server, {"ok": 1}])
    assert session.read("R1", {}) == {"ok": 1}
    unlisted = error_from_code(ALIBABA_CODES, "A", "EntityNotFitting", "r", 400)
    session = _Script([unlisted, {"ok": 1}])
    error = raised(lambda: session.read("R2", {}))
    assert (type(error), error.error_class, session.sent) == (RetryLater, ErrorClass.UNAVAILABLE, 1)


@pytest.mark.parametrize(
    ("status", "code", "kind", "refused"),
    [
        (503, "ServiceUnavailable", Ambiguous, False),
        (500, "Forbidden.RAM", Ambiguous, False),
        (503, "Throttling.User", Ambiguous, False),
        (400, "TooManyRequests", Ambiguous, True),
        (400, "SignatureNonceUsed", Ambiguous, True),
        (403, "IncorrectOldPassword.Abcd", OldSecretRefused, None),
        (403, "OperationDenied.KVstoreInstanceStatus", RetryLater, None),
        (400, "InvalidAccountPassword.Format", Refused, None),
    ],
)
def test_alibabas_own_client_brings_code_and_status(
    status: int, code: str, kind: type[KeyturnError], refused: bool | None
) -> None:
    with answering(status, {"RequestId": "r-1", "HostId": "h", "Code": code, "Message": "m"}) as access:
        session = AlibabaSession(access, "cn-hangzhou")
        error = raised(lambda: session.change("ModifyAccountPassword", {}, {"OldAccountPassword": "o"}))
    assert (type(error), error.code) == (kind, code)
    assert getattr(error, "refused", None) is refused


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (503, "RequestLimitExceeded", Ambiguous),
        (200, "ServiceUnavailable", Ambiguous),
        (200, "FailedOperation.FlowNotExists", Ambiguous),
        (200, "RequestLimitExceeded.UinLimitExceeded", RetryLater),
        (200, "InvalidParameterValue.PasswordRuleError", OldSecretRefused),
    ],
)
def test_tencents_own_client_brings_the_code(status: int, code: str, kind: type[KeyturnError]) -> None:
    body = {"Response": {"Error": {"Code": code, "Message": "m"}, "RequestId": "r-1"}}
    with answering(status, body) as access:
        session = TencentSession(access, "ap-guangzhou", "domestic", "redis", _client_class)
        error = raised(lambda: session.change("ModifyInstancePassword", {}, {"OldPassword": "o"}))
    assert type(error) is kind
    if status == 200:
        assert error.code == code
