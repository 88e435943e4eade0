"""What an account lacks before a deploy, for `plan` to say: each with its remedy. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.callers import CallerRefused
from shared.workbench.apis.calls import CallLost, CallRefused, waited_out
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.account import Account
from shared.workbench.bootstrap.named_queues import wrong_queues
from shared.workbench.bootstrap.needs import LogPlace, needs
from shared.workbench.bootstrap.resources import title
from shared.workbench.bootstrap.settings import LOGS, log_place_is_there
from shared.workbench.bundle.description import Description
from shared.workbench.deploy.access import Missing, not_looked_at


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
        except CallerRefused:
            continue
        except (CallRefused, CallLost) as error:
            found.append(not_looked_at(f"consent to {consent.service}", error))
            continue
        if not given:
            found.append(Missing(f"consent to {consent.service}", f"in the console: {consent.page}"))
            waits.add(consent.service)
    for one in account.resources():
        if one.after in waits or one.name == str(wanted.logs):
            continue
        try:
            how = waited_out(one.look)
        except CallerRefused:
            continue
        except (CallRefused, CallLost) as error:
            found.append(not_looked_at(title(one), error))
            continue
        if title(one) in wanted.optional:
            continue
        if how.condition == "foreign":
            found.append(Missing(title(one), how.why))
        elif how.condition != "there":
            why = f" ({how.why})" if how.why else ""
            found.append(Missing(title(one), f"make bootstrap CLOUD={wanted.cloud}{why}"))
    found += _missing_logs(caller, description)
    if isinstance(caller, TencentApi):
        found += wrong_queues(caller, description)
    return tuple(found)


def _missing_logs(caller: TencentApi | AlibabaApi, description: Description) -> Iterator[Missing]:
    """Places for lines that the settings name and that are not there."""
    for logs in dict.fromkeys(spec.logs for spec in description.functions if spec.logs):
        place = LogPlace(logs.group, logs.topic)
        try:
            is_there = waited_out(partial(log_place_is_there, caller, place))
        except CallerRefused:
            continue
        except (CallRefused, CallLost) as error:
            yield not_looked_at(f"logs: {place}", error)
            continue
        if not is_there:
            names = " ".join(LOGS[description.cloud])
            remedy = f"make bootstrap CLOUD={description.cloud}, and take its settings"
            yield Missing(f"logs: {names} name {place}, which is not there", remedy)
