"""Who deploys, to which account, and by which API: the deploying person's keys, tried before anything is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from shared.runtime.loopback import is_loopback
from shared.runtime.settings import setting
from shared.workbench.apis.callers import CallerRefused, complaint
from shared.workbench.apis.calls import CallLost, CallRefused, waited_out
from shared.workbench.bundle.description import Cloud, Description
from shared.workbench.deploy.control_plane import ControlPlane
from shared.workbench.deploy.shown import HARMLESS

if TYPE_CHECKING:
    from shared.workbench.apis.alibaba import AlibabaApi
    from shared.workbench.apis.tencent import TencentApi

KEYS: Mapping[str, Mapping[str, str]] = {
    "tencent": {"id": "TENCENTCLOUD_SECRET_ID", "key": "TENCENTCLOUD_SECRET_KEY", "token": "TENCENTCLOUD_TOKEN"},
    "alibaba": {
        "id": "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "key": "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "token": "ALIBABA_CLOUD_SECURITY_TOKEN",
    },
}
"""The variables that hold the deploying person's keys."""

_T = TypeVar("_T")
_ENDPOINTS: Mapping[str, str] = {"tencent": "KEYTURN_TENCENT_ENDPOINT", "alibaba": "KEYTURN_ALIBABA_ENDPOINT"}


class Refused(Exception):
    """Nothing was called or changed; the text says why."""


@dataclass(frozen=True)
class Missing:
    """What the account lacks before anything can be deployed to it, and what to do about it."""

    what: str
    remedy: str
    is_known: bool = True  # false: it may be there, and could not be looked at


def looked(what: str, ask: Callable[[], _T], missing: list[Missing]) -> _T | None:
    """What a read says; None where it cannot be made, which `missing` gets, unless these keys may not look."""
    try:
        return ask()
    except CallerRefused:
        return None
    except (CallRefused, CallLost) as error:
        refused_tls = isinstance(error, CallLost) and error.certificate
        remedy = str(error) if refused_tls else f"{error}: run it again"
        missing.append(Missing(f"{what} could not be looked at", remedy, is_known=False))
        return None


def identity(cloud: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The keys of the person who deploys or calls: id, key and perhaps token. Raises: Refused."""
    names = KEYS[cloud]
    keys = {part: environ[name] for part, name in names.items() if setting(environ, name)}
    if missing := [names[part] for part in ("id", "key") if part not in keys]:
        raise Refused(f"whose keys? set {' and '.join(missing)}, and {names['token']} if the keys are temporary")
    return keys


def wrong_keys(cloud: str, keys: Mapping[str, str], code: str) -> str:
    """What a person can do about keys that a cloud does not take. `keys`: as `identity` gives them."""
    names = KEYS[cloud]
    text = f"{names['id']} or {names['key']} is wrong"
    if keys.get("token"):
        text = f"{names['id']}, {names['key']} or {names['token']} is wrong or too old; keys that last have no token"
    return f"{text} ({code})"


def endpoint_of(cloud: Cloud, environ: Mapping[str, str]) -> str:
    """Where the cloud's calls go, if not to its own hosts; empty: to those. Raises: Refused."""
    endpoint = (setting(environ, _ENDPOINTS[cloud]) or "").rstrip("/")
    if endpoint and ("@" in endpoint or not (endpoint.startswith("https://") or _is_loopback(endpoint))):
        raise Refused(f"{_ENDPOINTS[cloud]} must be https://HOST, or http:// to this machine")
    return endpoint


def api(description: Description, environ: Mapping[str, str]) -> TencentApi | AlibabaApi:
    """Any API of the cloud as the deploying identity. Raises: Refused."""
    keys, endpoint = identity(description.cloud, environ), endpoint_of(description.cloud, environ)
    if description.cloud == "tencent":
        from shared.workbench.apis.tencent import TencentApi

        return TencentApi(keys, description.region, setting(environ, "KEYTURN_SITE") or "domestic", endpoint)
    from shared.workbench.apis.alibaba import AlibabaApi

    return AlibabaApi(keys, description.region, endpoint)


def account_of_caller(description: Description, caller: TencentApi | AlibabaApi) -> str:
    """The account that the keys are of; empty where they are good, and may not ask. Raises: Refused."""
    try:
        account = str(waited_out(lambda: caller.call("sts", "GetCallerIdentity", {})).get("AccountId", ""))
    except (CallerRefused, CallRefused) as error:
        what = complaint(error.code)
        if isinstance(error, CallRefused) and error.passes:
            raise Refused(f"{error}: the cloud has no time now; run it again in a minute") from None
        if what == "keys":
            raise Refused(wrong_keys(description.cloud, caller.keys, error.code)) from None
        if what == "clock":
            raise Refused(f"this machine's clock is wrong ({error.code})") from None
        return ""
    except CallLost as error:
        raise Refused(str(error) if error.certificate else f"{error}: look at the network") from None
    for spec in description.functions:
        parts = spec.role.split(":")
        if account and len(parts) == 5 and parts[3] != account:
            text = f"the role of {spec.name} is in account {parts[3]} (ALIBABA_ACCOUNT), and the keys are of {account}"
            raise Refused(text)
    return account


def control_plane(description: Description, environ: Mapping[str, str]) -> ControlPlane:
    """The platform's API as the deploying identity. Raises: Refused."""
    keys, endpoint = identity(description.cloud, environ), endpoint_of(description.cloud, environ) or None
    try:
        if description.platform == "scf":
            from shared.workbench.deploy.scf import ScfPlane

            site = setting(environ, "KEYTURN_SITE") or "domestic"
            return ScfPlane(keys, description.region, site, description.service, endpoint)
        from shared.workbench.deploy.fc import FcPlane

        return FcPlane(keys, description.region, description.service, endpoint)
    except ImportError as error:
        raise Refused(f"the SDK of {description.cloud} is not installed: no module {error.name}") from None


def stand_in_settings(description: Description, environ: Mapping[str, str]) -> Description:
    """Functions on a stand-in of the cloud reach it where `deploy` does; on the cloud, nothing is added."""
    local = {name: url for name in _ENDPOINTS.values() if _is_loopback(url := setting(environ, name) or "")}
    if _ENDPOINTS[description.cloud] not in local:
        return description
    specs = tuple(replace(spec, environment={**local, **spec.environment}) for spec in description.functions)
    return replace(description, functions=specs)


def not_deployed(description: Description, environ: Mapping[str, str]) -> tuple[str, ...]:
    """A line for each variable of functions that is set here and that no function gets: its name, never its value."""
    named = {name for spec in description.functions for name in spec.environment}
    variables = [
        name for name in (f"KEYTURN_{one}" for one in HARMLESS) if setting(environ, name) and name not in named
    ]
    rest = "is set here, but serverless.yml does not name it under custom.environment: functions will not get it"
    return tuple(f"{name} {rest}" for name in variables)


def _is_loopback(url: str) -> bool:
    host = url.removeprefix("http://").partition("/")[0].rpartition(":")[0]
    return url.startswith("http://") and is_loopback(host)
