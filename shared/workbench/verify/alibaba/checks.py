"""Every check on Alibaba Cloud (checks that only read come first), and how each kind of change is undone."""

from __future__ import annotations

from collections.abc import Mapping

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.verify.alibaba import (
    function,
    functions,
    lists,
    logins,
    passwords,
    queues,
    secret,
    secrets,
    tair,
    wire,
)
from shared.workbench.verify.alibaba.desk import AlibabaCheck
from shared.workbench.verify.put_back import Changed, PutBack

CHECKS: tuple[AlibabaCheck, ...] = (
    *wire.CHECKS,
    *lists.CHECKS,
    *logins.CHECKS,
    *queues.CHECKS,
    *secrets.CHECKS,
    *functions.CHECKS,
    *passwords.CHECKS,
)


def ways(api: AlibabaApi, environ: Mapping[str, str]) -> Mapping[str, PutBack]:
    """Kind of a change -> the function that undoes it."""

    def password(what: Changed) -> None:
        account = tair.TairAccount(api, what.ids["instance"], what.ids["account"])
        account.put_back(environ[what.variable], what.password)

    def current_secret(what: Changed) -> None:
        secret.KmsSecret(api, what.ids["secret"], what.ids["mark"]).put_back(what.ids["version"], what.password)

    return {
        tair.KIND: password,
        secret.KIND: current_secret,
        function.KIND: lambda what: function.FcFunction(api, what.ids["function"], what.ids["mark"]).remove(),
        queues.KIND: lambda what: queues.remove_messages(api, what),
    }
