"""Claims about CKafka's HTTP API, by a message to a DataHub task that nobody reads."""

from __future__ import annotations

from shared.workbench.verify.apis import CallLost
from shared.workbench.verify.check import Untried
from shared.workbench.verify.findings import Finding, finding, said
from shared.workbench.verify.tencent.desk import TencentCheck, TencentDesk

_HOSTS = {"domestic": "ckafka.tencentcloudapi.com", "intl": "ckafka.intl.tencentcloudapi.com"}
_NOWHERE = "datahub-0verify0"
_NO_ANSWER = "no answer"


def _temporary_keys(desk: TencentDesk) -> Finding:
    part = desk.need(desk.sandbox.ckafka, "ckafka")
    if not desk.api.keys.get("token"):
        raise Untried("your keys are not temporary: run it with those of a role")
    desk.agree("a message to the DataHub task, which stays until its topic drops it")
    code = _send(desk, part.datahub, _HOSTS[desk.api.site])
    return finding(not code, "taken", f"a message with temporary keys: {said(code)}")


def _hosts(desk: TencentDesk) -> Finding:
    """The account's own site knows the account, the other does not; both are there."""
    (other,) = _HOSTS.keys() - {desk.api.site}
    codes = {site: _send(desk, _NOWHERE, _HOSTS[site]) for site in (desk.api.site, other)}
    own, elsewhere = codes.values()
    held = own.startswith(("ResourceNotFound", "InvalidParameter")) and elsewhere.startswith("AuthFailure")
    seen = f"a task that is not there, at the host of this site: {said(own)}; at the other: {said(elsewhere)}"
    return finding(held, "not found, and an unknown account", seen)


def _send(desk: TencentDesk, datahub: str, host: str) -> str:
    """The code that refuses a message; empty where it was taken."""
    given = {"DataHubId": datahub, "Message": [{"Key": "verify", "Body": "keyturn verify"}]}
    try:
        return desk.api.refusal("ckafka", "SendMessage", given, endpoint_host=host)
    except CallLost:
        return _NO_ANSWER


READS: tuple[TencentCheck, ...] = (TencentCheck("Q2", _hosts),)
CHANGES: tuple[TencentCheck, ...] = (TencentCheck("Q1", _temporary_keys),)
