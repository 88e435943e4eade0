"""What each code of the vendors' tables proves about a change."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from shared.clouds.alibaba.error_codes import ALIBABA_CODES
from shared.clouds.error_classification import (
    CodeTable,
    Proves,
    error_from_code,
    find_code,
    is_listed,
    names_old_secret,
    tells_of_passing_state,
)
from shared.clouds.tencent.error_codes import TENCENT_CODES
from shared.runtime.errors import Ambiguous, ErrorClass, OldSecretRefused, Refused, RetryLater
from tests.cloud.actions import published_codes
from tests.clouds.expected_codes import (
    ALIBABA_CODES_EXPECTED,
    TENCENT_OLD_SECRET,
    TENCENT_PROVES_LATER,
    TENCENT_PROVES_NOTHING,
)


def sdk_codes(product: str) -> set[str]:
    module = importlib.import_module(f"tencentcloud.{product}.errorcodes")
    return {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def proof(table: CodeTable, code: str) -> Proves:
    row = find_code(table, code)
    return row.proof if row else Proves.NOTHING


@pytest.mark.parametrize("product", sorted(TENCENT_PROVES_NOTHING))
def test_every_code_of_the_tencent_sdks_is_listed_with_what_it_proves(product: str) -> None:
    codes = sdk_codes(product)
    assert {code for code in codes if find_code(TENCENT_CODES, code) is None} == set()
    proofs = {code: proof(TENCENT_CODES, code) for code in codes}
    assert {code for code, one in proofs.items() if one is Proves.NOTHING} == TENCENT_PROVES_NOTHING[product]
    assert {code for code, one in proofs.items() if one is Proves.LATER} == TENCENT_PROVES_LATER[product]
    assert {code for code, one in proofs.items() if one is Proves.OLD_SECRET} == codes & TENCENT_OLD_SECRET
    others = set(proofs.values()) - {Proves.NOTHING, Proves.LATER, Proves.OLD_SECRET}
    assert others == {Proves.FOR_GOOD}


@pytest.mark.parametrize("code", sorted(ALIBABA_CODES_EXPECTED))
def test_every_published_code_of_alibaba_proves_what_its_source_says(code: str) -> None:
    row = find_code(ALIBABA_CODES, code)
    assert row is not None
    assert (row.proof, row.error_class) == ALIBABA_CODES_EXPECTED[code]


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


def test_what_the_pages_of_added_actions_print_is_in_the_tables() -> None:
    for name, codes in published_codes().items():
        table = TENCENT_CODES if name.startswith("tencent") else ALIBABA_CODES
        unknown = [code for code in codes if find_code(table, code) is None]
        assert not unknown, f"tests/cloud/actions/{name}.py: CODES {unknown}: shared/clouds/*/error_codes.py"


def test_the_extracts_of_the_vendors_pages_are_all_in_the_tables() -> None:
    """The per-action lists, as the pages print them, kept beside the tests."""
    pages = json.loads((Path(__file__).parents[1] / "fixtures" / "action_codes.json").read_text())
    for cloud, table in (("tencent", TENCENT_CODES), ("alibaba", ALIBABA_CODES)):
        for action, codes in pages[cloud].items():
            assert [code for code in codes if find_code(table, code) is None] == [], action
