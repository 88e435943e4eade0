"""What each code of the vendors' tables proves about a change, and what a call does with it."""

from __future__ import annotations

import importlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from shared.clouds.alibaba.error_codes import ALIBABA_CODES
from shared.clouds.alibaba.session import AlibabaSession
from shared.clouds.error_classification import (
    CodeTable,
    Proves,
    error_from_code,
    find_code,
    is_listed,
    names_old_secret,
    tells_of_passing_state,
)
from shared.clouds.session import Session
from shared.clouds.tencent.error_codes import TENCENT_CODES
from shared.clouds.tencent.redis import _client_class
from shared.clouds.tencent.session import TencentSession
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.runtime.secret import Secret

# Every code of the SDKs' tables that proves nothing. All others prove what their row says.
_TENCENT_NOTHING = {
    "redis.v20180412": {
        "FailedOperation.AddInstanceInfoFailed",
        "FailedOperation.AssociateSecurityGroupsFailed",
        "FailedOperation.ClearInstanceInfoFailed",
        "FailedOperation.CommitFlowError",
        "FailedOperation.DisassociateSecurityGroupsFailed",
        "FailedOperation.FlowNotExists",
        "FailedOperation.GetSecurityGroupDetailFailed",
        "FailedOperation.PayFailed",
        "FailedOperation.RedoFlowFailed",
        "FailedOperation.ServiceAccessError",
        "FailedOperation.SetRuleLocationFailed",
        "FailedOperation.SystemError",
        "FailedOperation.Unknown",
        "FailedOperation.UpdateInstanceInfoFailed",
        "FailedOperation.UpdateSecurityGroupsFailed",
        "InternalError",
        "InternalError.CamAuthOssResponseReturnCodeError",
        "InternalError.DbOperationFailed",
        "InternalError.ExecHttpRequestError",
        "InternalError.InstanceNotFoundError",
        "InternalError.InternalError",
        "InternalError.ListInstancesError",
        "InternalError.NetWorkErr",
        "ResourceInsufficient",
        "ResourceUnavailable.CallOssError",
    },
    "tcr.v20190924": {
        "FailedOperation",
        "FailedOperation.DbError",
        "FailedOperation.DependenceError",
        "FailedOperation.EmptyCoreBody",
        "FailedOperation.ErrorGetDBDataError",
        "FailedOperation.ErrorTcrInvalidMediaType",
        "FailedOperation.ErrorTcrResourceConflict",
        "FailedOperation.ErrorTcrUnauthorized",
        "FailedOperation.GetDBDataError",
        "FailedOperation.GetSecurityPolicyFail",
        "FailedOperation.GetTcrClient",
        "FailedOperation.OperationCancel",
        "FailedOperation.PreconditionFailed",
        "FailedOperation.TradeFailed",
        "FailedOperation.ValidateRegistryNameFail",
        "FailedOperation.ValidateSupportedRegionFail",
        "InternalError",
        "InternalError.CreatePrivateZone",
        "InternalError.CreatePrivateZoneRecord",
        "InternalError.DbError",
        "InternalError.DeletePrivateZoneRecord",
        "InternalError.DescribeInternalEndpointDnsStatus",
        "InternalError.DescribePrivateZoneList",
        "InternalError.DescribePrivateZoneRecordList",
        "InternalError.DescribePrivateZoneServiceList",
        "InternalError.ErrConflict",
        "InternalError.ErrNotExist",
        "InternalError.ErrUnauthorized",
        "InternalError.ErrorConflict",
        "InternalError.ErrorOverLimit",
        "InternalError.ErrorTcrInternal",
        "InternalError.ErrorTcrInvalidMediaType",
        "InternalError.ErrorTcrResourceConflict",
        "InternalError.ErrorTcrUnauthorized",
        "InternalError.ModifyPrivateZoneVpc",
        "InternalError.Unknown",
        "ResourceInsufficient.ErrorVpcDnsStatus",
        "UnsupportedOperation.CreatePrivateZone",
        "UnsupportedOperation.CreatePrivateZoneRecord",
        "UnsupportedOperation.DeletePrivateZoneRecord",
        "UnsupportedOperation.DescribePrivateZoneList",
        "UnsupportedOperation.DescribePrivateZoneRecordList",
        "UnsupportedOperation.ModifyPrivateZoneRecord",
        "UnsupportedOperation.ModifyPrivateZoneVpc",
    },
    "ssm.v20190923": {
        "DryRunOperation",
        "FailedOperation",
        "InternalError",
        "ResourceInsufficient",
        "ResourceUnavailable",
        "ResourcesSoldOut",
    },
}
# Those that prove that nothing happened yet; and those about the old secret.
_TENCENT_LATER = {
    "redis.v20180412": {
        "FailedOperation.DtsStatusAbnormal",
        "LimitExceeded",
        "LimitExceeded.ReplicationGroupLocked",
        "ResourceInUse.InstanceBeenLocked",
        "ResourceUnavailable.BackupLockedError",
        "ResourceUnavailable.BackupStatusAbnormal",
        "ResourceUnavailable.BackupStatusInvalid",
        "ResourceUnavailable.GetSecurityError",
        "ResourceUnavailable.InstanceLockedError",
        "ResourceUnavailable.InstanceNotSupportOperation",
        "ResourceUnavailable.InstanceStateError",
        "ResourceUnavailable.InstanceStatusAbnormal",
        "ResourceUnavailable.InstanceStatusError",
        "ResourceUnavailable.InstanceUnLockedError",
        "UnsupportedOperation.Inspection",
    },
    "tcr.v20190924": {"ResourceInsufficient.ErrorInstanceNotRunning"},
    "ssm.v20190923": {"FailedOperation.AccessKmsError", "LimitExceeded", "RequestLimitExceeded", "ResourceInUse"},
}
_OLD_SECRET = {"InvalidParameterValue.PasswordError", "InvalidParameterValue.PasswordRuleError"}

# R-kvstore publishes no table for the change itself; these are its siblings', the common ones, the Terraform
# provider's and KMS's, each with what it proves.
_L, _G, _K, _V, _N = Proves.LATER, Proves.FOR_GOOD, Proves.FRESH_KEYS, Proves.NEW_VALUE, Proves.NOTHING
_E = ErrorClass
_ALIBABA = {
    "InvalidAccountName.Duplicate": (_G, _E.INVALID_COMMAND),
    "InvalidAccountName.Format": (_G, _E.INVALID_COMMAND),
    "InvalidAccountName.Forbid": (_G, _E.INVALID_COMMAND),
    "InvalidAccountName.NotFound": (_G, _E.NOT_FOUND),
    "InvalidAccountDescription.Format": (_G, _E.INVALID_COMMAND),
    "InvalidAccountPassword.Format": (_V, _E.INVALID_COMMAND),
    "InvalidNewAccountPassword.Format": (_V, _E.INVALID_COMMAND),
    "InvalidAccountPrivilege.Format": (_G, _E.INVALID_COMMAND),
    "InvalidAccountPrivilege.Malformed": (_G, _E.INVALID_COMMAND),
    "InvalidDBInstanceAccountMode.Format": (_G, _E.FAILED),
    "InvalidEngineVersion.Format": (_G, _E.FAILED),
    "IncorrectMinorVersion": (_G, _E.FAILED),
    "IncorrectAccount": (_G, _E.FAILED),
    "IncorrectEngineVersion": (_G, _E.FAILED),
    "AccountLimitExceeded": (_G, _E.FAILED),
    "InvalidInstanceId.NotFound": (_G, _E.NOT_FOUND),
    "TaskExists": (_L, _E.BUSY),
    "IncorrectDBInstanceState": (_L, _E.BUSY),
    "OperationDenied.DBInstanceStatus": (_L, _E.BUSY),
    "OperationDenied.DBStatus": (_L, _E.BUSY),
    "OperationDenied.DBClusterStatus": (_L, _E.BUSY),
    "OperationDenied.KVstoreInstanceStatus": (_L, _E.BUSY),
    "OperationDenied.PrimaryDBInstanceStatus": (_L, _E.BUSY),
    "OperationDenied.MasterDBInstanceState": (_L, _E.BUSY),
    "OperationDenied.ReadDBInstanceStatus": (_L, _E.BUSY),
    "OperationDenied.OrderProcessing": (_L, _E.BUSY),
    "OperationDenied.OutofUsage": (_G, _E.FAILED),
    "OperationDenied": (_G, _E.FAILED),
    "LockTimeout": (_L, _E.BUSY),
    "ConcurrentTaskExceeded": (_L, _E.BUSY),
    "Task.Conflict": (_L, _E.BUSY),
    "MissingParameter": (_G, _E.INVALID_COMMAND),
    "MissingOldAccountPassword": (_G, _E.INVALID_COMMAND),
    "InvalidParameter": (_G, _E.INVALID_COMMAND),
    "InvalidApi.NotFound": (_G, _E.FAILED),
    "InvalidProduct.NotFound": (_G, _E.FAILED),
    "InvalidProtocol.NeedSsl": (_G, _E.FAILED),
    "UnsupportedHTTPMethod": (_G, _E.FAILED),
    "InvalidAccessKeyId.NotFound": (_G, _E.FORBIDDEN),
    "InvalidAccessKeyId.Inactive": (_G, _E.FORBIDDEN),
    "InvalidSecurityToken.Expired": (_K, _E.FORBIDDEN),
    "InvalidTimeStamp.Format": (_K, _E.FORBIDDEN),
    "InvalidTimeStamp.Expired": (_K, _E.FORBIDDEN),
    "SignatureDoesNotMatch": (_G, _E.FORBIDDEN),
    "IncompleteSignature": (_G, _E.FORBIDDEN),
    "Forbidden": (_G, _E.FORBIDDEN),
    "Forbidden.RAM": (_G, _E.FORBIDDEN),
    "Forbidden.RiskControl": (_G, _E.FORBIDDEN),
    "Forbidden.NoPermission": (_G, _E.FORBIDDEN),
    "Forbidden.ResourceNotFound": (_G, _E.NOT_FOUND),
    "Throttling": (_L, _E.THROTTLED),
    "Throttling.User": (_L, _E.THROTTLED),
    "Throttling.Api": (_L, _E.THROTTLED),
    "Rejected.Throttling": (_L, _E.THROTTLED),
    "Rejected.LimitExceeded": (_L, _E.BUSY),
    "Rejected.ResourceExist": (_G, _E.FAILED),
    "Rejected.ResourceInDeleteWindow": (_G, _E.FAILED),
    "Rejected.Unavailable": (_G, _E.FAILED),
    "Rejected.Disabled": (_G, _E.FAILED),
    "UnsupportedOperation": (_G, _E.FAILED),
    "SignatureNonceUsed": (_N, _E.AMBIGUOUS),
    "InternalError": (_N, _E.AMBIGUOUS),
    "InternalFailure": (_N, _E.AMBIGUOUS),
    "ServiceUnavailable": (_N, _E.AMBIGUOUS),
    "ServiceUnavailableTemporary": (_N, _E.AMBIGUOUS),
    "InstanceConnectTimeoutFault": (_N, _E.AMBIGUOUS),
    "Database.ConnectError": (_N, _E.AMBIGUOUS),
    "IncorrectAccountStatus": (_N, _E.AMBIGUOUS),
    "InvalideStatus.Format": (_N, _E.AMBIGUOUS),
    "TooManyRequests": (_N, _E.AMBIGUOUS),
    "SystemBusy": (_N, _E.AMBIGUOUS),
}


def sdk_codes(product: str) -> set[str]:
    module = importlib.import_module(f"tencentcloud.{product}.errorcodes")
    return {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def proof(table: CodeTable, code: str) -> Proves:
    row = find_code(table, code)
    return row.proof if row else Proves.NOTHING


@pytest.mark.parametrize("product", sorted(_TENCENT_NOTHING))
def test_every_code_of_the_tencent_sdks_is_listed_with_what_it_proves(product: str) -> None:
    codes = sdk_codes(product)
    assert {code for code in codes if find_code(TENCENT_CODES, code) is None} == set()
    proofs = {code: proof(TENCENT_CODES, code) for code in codes}
    assert {code for code, one in proofs.items() if one is Proves.NOTHING} == _TENCENT_NOTHING[product]
    assert {code for code, one in proofs.items() if one is Proves.LATER} == _TENCENT_LATER[product]
    assert {code for code, one in proofs.items() if one is Proves.OLD_SECRET} == codes & _OLD_SECRET
    others = set(proofs.values()) - {Proves.NOTHING, Proves.LATER, Proves.OLD_SECRET}
    assert others == {Proves.FOR_GOOD}


@pytest.mark.parametrize("code", sorted(_ALIBABA))
def test_every_published_code_of_alibaba_proves_what_its_source_says(code: str) -> None:
    row = find_code(ALIBABA_CODES, code)
    assert row is not None
    assert (row.proof, row.error_class) == _ALIBABA[code]


@pytest.mark.parametrize("table", [TENCENT_CODES, ALIBABA_CODES])
def test_a_table_names_each_code_once_and_each_row_has_its_source(table: CodeTable) -> None:
    codes = [row.code for row in table.rows]
    assert sorted(codes) == sorted(set(codes))
    assert all(row.source for row in table.rows)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (TENCENT_CODES, "FailedOperation.FlowNotExists"),
        (TENCENT_CODES, "InternalError.ErrNotExist"),
        (TENCENT_CODES, "OperationDenied.RoleNotExist"),
        (TENCENT_CODES, "SomethingNew.ThingNotExist"),
        (ALIBABA_CODES, "Something.NotFoundYet"),
    ],
)
def test_a_code_that_only_ends_like_one_is_not_taken_for_a_missing_instance(table: CodeTable, code: str) -> None:
    row = find_code(table, code)
    assert row is None or row.error_class is not ErrorClass.NOT_FOUND


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("code", ["Throttling.User", "Forbidden.RAM", "ServiceUnavailable", "InvalidOldPassword", "X"])
def test_a_server_error_is_ambiguous_whatever_its_code(code: str, status: int) -> None:
    error = error_from_code(ALIBABA_CODES, "A", code, "r", status)
    assert isinstance(error, Ambiguous)
    assert not error.refused


@pytest.mark.parametrize(
    ("code", "status", "passing"),
    [
        ("TooManyRequests", 400, True),
        ("SystemBusy", 400, True),
        ("SignatureNonceUsed", 400, True),
        ("InstanceConnectTimeoutFault", 400, True),
        ("ResourceLocked", 400, True),
        ("NoAuthorization", 400, True),
        ("OperationDenied.Something", 400, True),
        ("EntityNotFitting", 429, True),
        ("EntityNotFitting", 408, True),
        ("EntityNotFitting", 403, True),
        ("EntityNotFitting", 401, True),
        ("EntityNotFitting", 400, False),
        ("InvalidNewPassword.Duplicate", 400, False),
    ],
)
def test_an_unlisted_refusal_is_ambiguous_and_says_whether_it_may_pass(code: str, status: int, passing: bool) -> None:
    error = error_from_code(ALIBABA_CODES, "A", code, "r", status)
    assert isinstance(error, Ambiguous)
    assert (error.refused, error.passing) == (True, passing)


@pytest.mark.parametrize(
    ("code", "refused", "passing"),
    [
        ("FailedOperation.SystemError", False, False),
        ("InternalError.SomethingNew", False, False),
        ("SystemBusy", False, False),
        ("TooManyRequests", True, True),
        ("EntityNotFitting", True, False),
        ("No code at all", False, False),
    ],
)
def test_tencent_which_answers_errors_with_200_is_read_by_the_code_alone(
    code: str, refused: bool, passing: bool
) -> None:
    error = error_from_code(TENCENT_CODES, "A", code, "r")
    assert isinstance(error, Ambiguous)
    assert (error.refused, error.passing) == (refused, passing)


@pytest.mark.parametrize(
    "code",
    [
        "InvalidOldPassword.Abcd",
        "InvalidOldAccountPassword.Abcd",
        "IncorrectOldPassword",
        "InvalidOldPassword.Format",
        "WrongPassword",
        "PasswordMismatch",
        "IncorrectPassword",
        "InvalidAccountPassword.Incorrect",
        "AccountPasswordNotMatch",
        "InvalidParameterValue.OldPasswordError",
    ],
)
@pytest.mark.parametrize("table", [TENCENT_CODES, ALIBABA_CODES])
def test_a_name_that_says_so_is_about_the_old_secret(table: CodeTable, code: str) -> None:
    assert isinstance(error_from_code(table, "A", code, "r", 403), OldSecretRefused)


@pytest.mark.parametrize(
    "code",
    [
        "MissingOldAccountPassword",
        "InvalidAccountPassword.Format",
        "InvalidAccountPassword",
        "InvalidNewPassword.Duplicate",
        "NewPasswordSameAsOldPassword",
        "OldPasswordExpired",
        "WrongPasswordTooManyTimes",
        "IncorrectPassword.AccountLocked",
        "PasswordRule.Mismatch",
        "PasswordConfirmMismatch",
        "SignatureDoesNotMatch",
        "OldPassword.PermissionDenied",
        "OldPasswordCheck.Throttled",
        "TooManyRequests",
    ],
)
def test_a_name_of_another_kind_is_not(code: str) -> None:
    assert not names_old_secret(code)


def test_a_rule_of_the_new_secret_is_marked_and_no_other_refusal_is() -> None:
    of_value = error_from_code(ALIBABA_CODES, "A", "InvalidAccountPassword.Format", "r", 400)
    other = error_from_code(ALIBABA_CODES, "A", "InvalidAccountName.Format", "r", 400)
    assert isinstance(of_value, Refused)
    assert isinstance(other, Refused)
    assert (of_value.of_value, other.of_value) == (True, False)


@pytest.mark.parametrize(
    ("table", "code"), [(TENCENT_CODES, "AuthFailure.TokenFailure"), (ALIBABA_CODES, "InvalidSecurityToken.Expired")]
)
def test_keys_that_have_run_out_make_a_refusal_worth_repeating(table: CodeTable, code: str) -> None:
    assert error_from_code(table, "A", code, "r", 400).retryable


def test_a_listed_throttling_with_429_proves_that_nothing_happened() -> None:
    assert isinstance(error_from_code(ALIBABA_CODES, "A", "Throttling.Api", "r", 429), RetryLater)
    assert is_listed(ALIBABA_CODES, "Throttling.Api")
    assert not is_listed(ALIBABA_CODES, "SignatureNonceUsed")
    assert tells_of_passing_state("Anything", 429)


# --- what a session does with them


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


def test_the_extracts_of_the_vendors_pages_are_all_in_the_tables() -> None:
    """The per-action lists, as the pages print them, kept beside the tests."""
    pages = json.loads((Path(__file__).parents[1] / "fixtures" / "action_codes.json").read_text())
    for cloud, table in (("tencent", TENCENT_CODES), ("alibaba", ALIBABA_CODES)):
        for action, codes in pages[cloud].items():
            assert [code for code in codes if find_code(table, code) is None] == [], action


# --- through the vendors' own clients


class _Answers(BaseHTTPRequestHandler):
    """Answers every call with the status and body that its server was given."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        status, body = self.server.answer  # type: ignore[attr-defined]
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(status: int, body: object) -> Iterator[CloudAccess]:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    server.answer = (status, body)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        keys = RoleKeys("id", Secret("some-role-key"), Secret("some-role-token"))
        yield CloudAccess(keys, endpoint, 1000.0, Deadline(time.monotonic() + 20))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
