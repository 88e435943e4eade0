"""Kind B, too: operations on a credential of another cloud account, for which keyturn assumes a role there.

The functions' own account does not see what the role's account owns: a call with the wrong keys gets `not_found`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.campaign.case import Case
from tests.campaign.cases_faults import ALWAYS, ONCE, SECOND, TRIGGERS, has_tasks, story, triggers_of
from tests.campaign.fault_kinds import FAULTS
from tests.campaign.operations import KEPT_TARGETS, TARGETS
from tests.support.other_accounts import ROLES, two_accounts

_STS_FAULTS = (
    "drop_before",
    "drop_after",
    "stall",
    "cut_body",
    "html_500",
    "not_json",
    "throttle",
    "expire_token",
    "echo",
)


def role_cases() -> Iterator[Case]:
    """Each fault of the change and of STS, and a role that gives no keys."""
    yield from _kept_cases()
    turn = 0
    for name, target in TARGETS.items():
        role = ROLES["alibaba" if target.service == "r-kvstore" else "tencent"]
        more, triggers = {"Role": role}, triggers_of(name)
        for action, fault in [(target.action, one) for one in FAULTS] + [("AssumeRole", one) for one in _STS_FAULTS]:
            for mode in (ONCE, ALWAYS, SECOND):
                turn += 1
                slow = has_tasks(name) and turn % 3 == 0
                put, trigger = {"Action": action, "Fault": fault}, triggers[turn % len(triggers)]
                yield story(
                    "B", f"{name} role {action}", name, trigger, put, mode,
                    more=more, world=two_accounts(target.resource), commands=turn % 4 != 0, slow=slow,
                )  # fmt: skip
        for number, trigger in enumerate(triggers):
            refused: dict[str, Any] = two_accounts(target.resource, trusted=False)
            yield story("B", f"{name} role refused", name, trigger, None, more=more, world=refused, commands=number > 0)


def _kept_cases() -> Iterator[Case]:
    """The same with a store in the other account; each fault in one mode."""
    turn = 0
    for name, target in KEPT_TARGETS.items():
        role = ROLES["alibaba" if target.service == "r-kvstore" else "tencent"]
        owned = two_accounts(target.resource, target.place.partition("://")[2])
        faults = [(target.action, one) for one in FAULTS] + [("AssumeRole", one) for one in _STS_FAULTS]
        for action, fault in faults:
            turn += 1
            put, trigger, mode = (
                {"Action": action, "Fault": fault},
                TRIGGERS[turn % 3],
                (ONCE, ALWAYS, SECOND)[turn % 3],
            )
            yield story(
                "B", f"{name} role {action}", name, trigger, put, mode,
                more={"Role": role}, world=owned, commands=turn % 4 != 0,
            )  # fmt: skip
