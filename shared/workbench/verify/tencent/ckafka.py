"""Claims about CKafka's HTTP API, checked with a message to a DataHub task that nobody reads."""

from __future__ import annotations

from shared.workbench.apis.callers import complaint
from shared.workbench.apis.calls import CallLost
from shared.workbench.verify.check import Untried
from shared.workbench.verify.findings import Finding, finding, said
from shared.workbench.verify.tencent.desk import TencentCheck, TencentDesk

_HOSTS = {"domestic": "ckafka.tencentcloudapi.com", "intl": "ckafka.intl.tencentcloudapi.com"}


def sent(desk: TencentDesk) -> str:
    """The code that refuses a message at the host of the account's site; empty if it was accepted."""
    part = desk.need(desk.sandbox.ckafka, "ckafka")
    desk.agree("a message to the DataHub task, which stays until its topic deletes it")
    given = {"DataHubId": part.datahub, "Message": [{"Key": "verify", "Body": "keyturn verify"}]}
    own = desk.api.keys  # passed as `keys`, because the claims are about them
    try:
        code = desk.api.refusal("ckafka", "SendMessage", given, endpoint_host=_HOSTS[desk.api.site], keys=own)
    except CallLost:
        return "no answer"
    if complaint(code) == "rights":
        raise Untried(f"your keys lack the right to send: {code}")
    if code.startswith("ResourceNotFound"):
        raise Untried(f"there is no DataHub task {part.datahub} in this region and site: {code}")
    if complaint(code):
        desk.api.call("redis", "DescribeInstances", {"Limit": 1, "Offset": 0})  # raises if the keys are bad
    return code


def _temporary_keys(desk: TencentDesk) -> Finding:
    if not desk.api.keys.get("token"):
        raise Untried("your keys are not temporary: use those of a role")
    code = desk.once(sent)
    return finding(not code, "accepted", f"a message with temporary keys: {said(code)}")


def _host(desk: TencentDesk) -> Finding:
    desk.need(desk.sandbox.ckafka, "ckafka")
    if desk.api.site == "domestic":
        raise Untried("an account of the domestic site shows half of it: run verify with one of the international site")
    code = desk.once(sent)
    return finding(not code, "accepted", f"a message to {_HOSTS[desk.api.site]}: {said(code)}")


CHANGES: tuple[TencentCheck, ...] = (TencentCheck("Q1", _temporary_keys), TencentCheck("Q2", _host))
