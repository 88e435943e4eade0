"""What an account lacks before a deploy, for `plan` to say: each with its remedy. Nothing is changed."""

from __future__ import annotations

from functools import partial

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import waited_out
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.account import Account
from shared.workbench.bootstrap.named_queues import wrong_queues
from shared.workbench.bootstrap.needs import LogPlace, needs
from shared.workbench.bootstrap.resources import title
from shared.workbench.bootstrap.settings import LOGS, log_place_is_there
from shared.workbench.bundle.description import Description
from shared.workbench.deploy.access import Missing, looked


def missing_things(description: Description, caller: TencentApi | AlibabaApi) -> tuple[Missing, ...]:
    """Everything that is known not to be there, consents first.

    What these keys may not look at is left out: a deployer may lack the right, and the step that needs it will tell. A
    place for lines is missed only where the settings name it.
    """
    wanted = needs(description, "")
    account = Account(caller, "", description, wanted, {})
    found: list[Missing] = []
    waits = set()
    for consent in wanted.consents:
        if looked(f"consent to {consent.service}", partial(account.is_given, consent), found) is False:
            found.append(Missing(f"consent to {consent.service}", f"in the console: {consent.page}"))
            waits.add(consent.service)
    for one in account.resources():
        if one.after in waits or one.name == str(wanted.logs):
            continue
        how = looked(title(one), partial(waited_out, one.look), found)
        if how is None or how.condition == "there" or title(one) in wanted.optional:
            continue
        why = f" ({how.why})" if how.why else ""
        remedy = how.why if how.condition == "foreign" else f"make bootstrap CLOUD={wanted.cloud}{why}"
        found.append(Missing(title(one), remedy))
    for logs in dict.fromkeys(spec.logs for spec in description.functions if spec.logs):
        place = LogPlace(logs.group, logs.topic)
        is_there = partial(log_place_is_there, caller, place)
        if looked(f"logs: {place}", partial(waited_out, is_there), found) is False:
            names = " ".join(LOGS[description.cloud])
            remedy = f"make bootstrap CLOUD={description.cloud}, and take its settings"
            found.append(Missing(f"logs: {names} name {place}, which is not there", remedy))
    if isinstance(caller, TencentApi):
        found += wrong_queues(caller, description)
    return tuple(found)
