"""Worlds with a second account on each cloud, which owns what the default world gives to the functions' own."""

from __future__ import annotations

from typing import Any

from tests.cloud.identity.documents import account_trust
from tests.cloud.state.accounts import ALIBABA_ACCOUNT, TENCENT_UIN

TENCENT_ROLE = "qcs::cam::uin/200000000002:roleName/keyturn"
ALIBABA_ROLE = "acs:ram::2000000000000002:role/keyturn"
ROLES = {"tencent": TENCENT_ROLE, "alibaba": ALIBABA_ROLE}
HUB = {"tencent": f"qcs::cam::uin/{TENCENT_UIN}:root", "alibaba": f"acs:ram::{ALIBABA_ACCOUNT}:root"}


def two_accounts(*owns: str, trusted: bool = True) -> dict[str, Any]:
    """The second account's role `keyturn` may do everything there; `trusted`: the functions' account may assume it."""
    trust = {cloud: {"trust": account_trust(cloud, one)} for cloud, one in HUB.items()} if trusted else {}  # type: ignore[arg-type]
    numbers = {"tencent": "200000000002", "alibaba": "2000000000000002"}
    accounts = {
        cloud: {number: {"owns": owns, "roles": {"keyturn": trust.get(cloud, {})}}} for cloud, number in numbers.items()
    }
    return {"accounts": accounts}
