"""Roles of other accounts: how each cloud writes them, and which of them KEYTURN_ASSUME allows in commands.

Sources: RoleArn of Tencent's sts AssumeRole (2018-08-13, tencentcloud.com 1150/49456) and of Alibaba's (2015-04-01,
api.alibabacloud.com Sts AssumeRole). A Tencent role's name may hold a comma; keyturn's lists cannot name such a role.
"""

from __future__ import annotations

import re

from shared.runtime.wildcard import matches_wildcard

TENCENT_ROLE = r"qcs::cam::uin/[0-9]{1,20}:roleName/[A-Za-z0-9+=.@_-]{1,128}"
ALIBABA_ROLE = r"acs:ram::[0-9]{1,20}:role/[A-Za-z0-9._-]{1,64}"

_LONGEST_SESSION = 64  # Alibaba's; Tencent takes 128
_PARTS = {
    "tencent": r"qcs::cam::uin/([0-9*]{1,20}):roleName/([A-Za-z0-9+=.@_*-]{1,128})",
    "alibaba": r"acs:ram::([0-9*]{1,20}):role/([A-Za-z0-9._*-]{1,64})",
}


def session_name(function: str) -> str:
    """The name that the other account's log of calls shows for the function that assumed its role."""
    return f"keyturn-{function}"[:_LONGEST_SESSION]


def role_parts(text: str) -> tuple[str, str, str] | None:
    """Cloud, account and name of a role, or of a pattern with `*` in the account or the name. None: it is neither."""
    for cloud, form in _PARTS.items():
        if found := re.fullmatch(form, text):
            return cloud, found[1], found[2]
    return None


def may_assume(patterns: tuple[str, ...], role: str) -> bool:
    """Whether one of the patterns in KEYTURN_ASSUME matches a role."""
    asked = role_parts(role)
    named = [parts for pattern in patterns if (parts := role_parts(pattern))]
    return asked is not None and any(all(map(matches_wildcard, parts, asked)) for parts in named)
