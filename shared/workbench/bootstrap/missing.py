"""What an account lacks before a deploy, for `plan` to say: each with its remedy. Nothing is changed."""

from __future__ import annotations

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.callers import CallerRefused
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.account import Account
from shared.workbench.bootstrap.named_queues import wrong_queues
from shared.workbench.bootstrap.needs import needs
from shared.workbench.bootstrap.resources import title
from shared.workbench.bundle.description import Description
from shared.workbench.deploy.access import Missing


def missing_things(description: Description, caller: TencentApi | AlibabaApi) -> tuple[Missing, ...]:
    """Everything that is known not to be there, consents first.

    What these keys may not look at is left out: a deployer may lack the right, and the step that needs it will tell. A
    place for lines is missed only where the settings name it.
    """
    wanted = needs(description, "")
    account = Account(caller, "", description, wanted, {})
    found, waits = [], set()
    for consent in wanted.consents:
        try:
            given = account.is_given(consent)
        except (CallLost, CallerRefused):
            continue
        if not given:
            found.append(Missing(f"consent to {consent.service}", f"in the console: {consent.page}"))
            waits.add(consent.service)
    for one in account.resources():
        if one.after in waits or one.name == str(wanted.logs):
            continue
        try:
            how = one.look()
        except (CallRefused, CallLost, CallerRefused):
            continue
        if how.condition == "foreign":
            found.append(Missing(title(one), how.why))
        elif how.condition != "there" and one.name not in wanted.optional:
            why = f" ({how.why})" if how.why else ""
            found.append(Missing(title(one), f"make bootstrap CLOUD={wanted.cloud}{why}"))
    if isinstance(caller, TencentApi):
        found += wrong_queues(caller, description)
    return tuple(found)
