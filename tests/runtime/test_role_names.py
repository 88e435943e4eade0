"""Roles of other accounts: how they are written, and which of them KEYTURN_ASSUME lets through."""

from __future__ import annotations

import re

import pytest

from shared.runtime.errors import SettingsError
from shared.runtime.role_names import ALIBABA_ROLE, TENCENT_ROLE, may_assume, role_parts, session_name
from shared.runtime.settings import read_settings

CAM, RAM = "qcs::cam::uin/200000000002:roleName/keyturn", "acs:ram::2000000000000002:role/keyturn"


@pytest.mark.parametrize(
    ("setting", "role", "lets"),
    [
        (CAM, CAM, True),
        (RAM, RAM, True),
        (f" {RAM} , {CAM} ,", CAM, True),
        (CAM, RAM, False),
        (CAM, CAM + "2", False),
        ("qcs::cam::uin/*:roleName/keyturn", CAM, True),
        ("qcs::cam::uin/*:roleName/keyturn", CAM + "2", False),
        ("qcs::cam::uin/200000000002:roleName/*", CAM, True),
        ("qcs::cam::uin/3*:roleName/*", CAM, False),
        ("acs:ram::*:role/key*", RAM, True),
        ("acs:ram::*:role/key*", CAM, False),
        ("acs:ram::*:role/*", "acs:ram::1:role/a/b", False),
    ],
)
def test_a_role_is_let_through_part_by_part(setting: str, role: str, lets: bool) -> None:
    assert may_assume(read_settings({"KEYTURN_ASSUME": setting}).assume, role) is lets


@pytest.mark.parametrize("setting", [None, "", "   "])
def test_nothing_set_lets_no_role_through(setting: str | None) -> None:
    settings = read_settings({} if setting is None else {"KEYTURN_ASSUME": setting})
    assert settings.assume == () and not may_assume(settings.assume, CAM)


@pytest.mark.parametrize(
    "setting",
    [
        ",",
        "*",
        "keyturn",
        "qcs::cam::*",
        "acs:ram::*",
        "acs:ram:*:1:role/keyturn",
        "qcs::cam::uin/1:role/4611686018427397919",
        "qcs::cam::uin/1:roleName/",
        "qcs::cam::uin/1:roleName/a/b",
        f"{CAM},{RAM},secret-word",
    ],
)
def test_what_is_no_role_is_refused_without_an_echo(setting: str) -> None:
    with pytest.raises(SettingsError, match=r"^KEYTURN_ASSUME: must be roles") as refused:
        read_settings({"KEYTURN_ASSUME": setting})
    assert "secret-word" not in str(refused.value)


def test_what_a_command_may_name_is_read_and_a_pattern_is_no_role() -> None:
    for form, role in ((TENCENT_ROLE, CAM), (ALIBABA_ROLE, RAM)):
        assert re.fullmatch(form, role) and role_parts(role) is not None
        assert not re.fullmatch(form, role.replace("keyturn", "*"))


def test_a_session_s_name_fits_both_clouds() -> None:
    for function in ("plan_rotation", "tencent_tcr_modify_service_account_password", "x" * 90):
        assert re.fullmatch(r"keyturn-[a-z_]{2,56}", session_name(function))
