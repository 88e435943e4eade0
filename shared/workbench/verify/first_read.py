"""One signed read before all others: whether the cloud accepts these keys now, from this machine."""

from __future__ import annotations

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.callers import CallerRefused, complaint
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.deploy.access import Refused

_KEYS = {
    "tencent": "TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and TENCENTCLOUD_TOKEN, and `site` in the sandbox file",
    "alibaba": "ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and ALIBABA_CLOUD_SECURITY_TOKEN",
}


def look(api: TencentApi | AlibabaApi) -> str:
    """Read once; returns the account's number if the answer has it. A missing right does not stop the run.

    Raises: Refused: no check is possible.
    """
    try:
        return _read(api)
    except CallerRefused as refused:
        _explain(api, refused.code)
    except CallRefused:
        pass
    except CallLost as lost:
        if lost.certificate:
            raise Refused(f"{lost}; nothing was tried") from None
        where = api.endpoint or "the cloud's own hosts"
        text = f"{api.cloud} cannot be reached ({where}, region {api.region}): check the network, a proxy, the region"
        raise Refused(f"{text}; nothing was tried") from None
    return ""


def _read(api: TencentApi | AlibabaApi) -> str:
    if isinstance(api, AlibabaApi):
        api.call("r-kvstore", "DescribeInstances", {"RegionId": api.region})
        return ""
    shown = api.call("redis", "DescribeInstances", {"Limit": 1, "Offset": 0}).get("InstanceSet") or [{}]
    return str(shown[0].get("Appid") or "")


def _explain(api: TencentApi | AlibabaApi, code: str) -> None:
    """Raises: Refused, unless only a right is missing."""
    what, look_at = {
        "keys": ("these keys", _KEYS[api.cloud]),
        "region": (f"this region, {api.region}", f"`region` of [{api.cloud}] in the sandbox file"),
        "clock": ("the time of these signatures", "this machine's clock"),
    }.get(complaint(code), ("", ""))
    if what:
        raise Refused(f"{api.cloud} refuses {what}: {code}; check {look_at}; nothing was tried")
