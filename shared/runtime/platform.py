"""Reads the platform, Tencent SCF or Alibaba Function Compute (FC). No other module tells them apart or reads the
environment.

Sources: SCF https://www.tencentcloud.com/document/product/583/9210 (context), 583/30228 (environment); FC
https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/context and .../environment-variables.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.runtime import redaction
from shared.runtime.cloud_access import RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.secret import Secret
from shared.runtime.settings import Settings, read_settings

# Both vendors' clients, and `requests` below them, obey these: they would use a proxy or print bodies. keyturn has
# settings of its own.
_FOREIGN = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_PRINTS_BODIES = "DEBUG"  # darabonba-core 1.0.9 prints requests and answers when it is `sdk`
_TAKEN_OUT = frozenset(os.fsencode(name) for name in (*_FOREIGN, *map(str.lower, _FOREIGN), _PRINTS_BODIES))
# keyturn reads only variables with these prefixes: its own and the platforms'.
_READ = (b"KEYTURN_", b"TENCENTCLOUD_", b"ALIBABA_CLOUD_", b"FC_")

_DEFAULT_LIMIT_S = 30.0


@dataclass(frozen=True, eq=False, repr=False)
class Invocation:
    """All that one invocation knows about its platform, its settings and its deadline."""

    cloud: str  # "tencent" (SCF) or "alibaba" (FC)
    request_id: str
    deadline: Deadline
    settings: Settings
    region: str | None
    operator: str | None  # the account that makes keyturn's calls, if the platform names it
    environ: Mapping[str, str]
    context: object
    on_platform: bool
    limit_s: float  # how long one invocation of the function may take
    shared: dict[tuple[str, ...], Any] = field(default_factory=dict)  # what its commands share, by keys
    _keys: dict[str, RoleKeys] = field(default_factory=dict)

    def keys(self, cloud: str) -> RoleKeys:
        """The role credentials for calls to a cloud.

        Raises: Refused (forbidden); the text names the missing variables or role.
        """
        if cloud not in self._keys:
            self._keys[cloud] = self._read_keys(cloud)
        return self._keys[cloud]

    def _read_keys(self, cloud: str) -> RoleKeys:
        if cloud != self.cloud:
            names = _OTHER_CLOUD[cloud]
            found = [self.environ.get(name) for name in names]
            missing = f"set {', '.join(names)}: this function calls {cloud} from the other cloud's platform"
        elif cloud == "tencent":
            names = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
            found = [self.environ.get(name) for name in names]
            missing = f"{', '.join(names)} are not all set: give the function an execution role"
        else:
            names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
            given = getattr(self.context, "credentials", None)
            parts = ("access_key_id", "access_key_secret", "security_token")
            found = [getattr(given, part, None) for part in parts]
            if not (found[0] and found[1]):
                found = [self.environ.get(name) for name in names]
            missing = f"neither context.credentials nor {', '.join(names)} are set: give the function a role"
        key_id, key, token = found
        # A role's keys are temporary: on the cloud's own platform they always come with a token.
        if not key_id or not key or (cloud == self.cloud and not token):
            raise Refused(ErrorClass.FORBIDDEN, f"no role credentials for {cloud}: {missing}", code="NoCredentials")
        # Lasting: a client that stays open between two invocations still holds these keys.
        return RoleKeys(key_id, Secret(key, lasting=True), Secret(token, lasting=True) if token else None)


_OTHER_CLOUD = {
    "tencent": ("KEYTURN_TENCENT_SECRET_ID", "KEYTURN_TENCENT_SECRET_KEY", "KEYTURN_TENCENT_TOKEN"),
    "alibaba": ("KEYTURN_ALIBABA_ACCESS_KEY_ID", "KEYTURN_ALIBABA_ACCESS_KEY_SECRET", "KEYTURN_ALIBABA_TOKEN"),
}
_KEY_NAMES = frozenset(name for names in _OTHER_CLOUD.values() for name in names)


def read_invocation(context: object, *, clock: Callable[[], float] = time.monotonic) -> Invocation:
    """Read the platform and the settings. Call it once an invocation, because role keys expire and settings change.

    Raises: SettingsError.
    """
    entered = clock()
    redaction.guard_logs()
    environ = _environ()
    on_platform = environ.get("TENCENTCLOUD_RUNENV") == "SCF" or "FC_FUNCTION_NAME" in environ
    on_scf = environ.get("TENCENTCLOUD_RUNENV") == "SCF" or isinstance(context, Mapping)
    told = _scf(context) if on_scf else _fc(context)
    limit_s = told.limit_s or _DEFAULT_LIMIT_S
    return Invocation(
        cloud="tencent" if on_scf else "alibaba",
        request_id=told.request_id or uuid.uuid4().hex,
        deadline=Deadline(entered + limit_s - _margin(limit_s), clock),
        settings=_settings(environ, on_platform, on_scf),
        region=told.region or environ.get("TENCENTCLOUD_REGION" if on_scf else "FC_REGION"),
        operator=told.operator,
        environ=environ,
        context=context,
        on_platform=on_platform,
        limit_s=limit_s,
    )


def _environ() -> dict[str, str]:
    """The variables that keyturn reads, as they are now. Removes those that would mislead the vendors' clients."""
    found, astray = [], []
    # As bytes, and only these: to decode the whole environment takes as long as the rest of an invocation's start.
    for name in os.environb:
        if name.startswith(_READ):
            found.append(name)
        elif name in _TAKEN_OUT:
            astray.append(name)
    for name in astray:
        os.environb.pop(name, None)
    return {os.fsdecode(name): os.fsdecode(os.environb[name]) for name in found}


_read: tuple[dict[str, str], tuple[bool, bool], Settings] | None = None


def _settings(environ: Mapping[str, str], on_platform: bool, on_scf: bool) -> Settings:
    """The settings of this environment; the last invocation's if nothing has changed. Raises: SettingsError."""
    global _read  # one assignment replaces all of it, so several threads may do it
    given = {name: value for name, value in environ.items() if name.startswith("KEYTURN_") and name not in _KEY_NAMES}
    read = _read
    where = on_platform, on_scf
    if read is not None and read[0] == given and read[1] == where:
        for key in read[2].handoff_keys:  # newer secrets must not push it out of `redaction`
            redaction.remember(key.reveal())
        return read[2]
    settings = read_settings(environ, on_platform=on_platform, on_scf=on_scf)
    # Reading a URL tells its password to `redaction`. Such a URL is read each time, so that newer secrets do not push
    # the password out.
    keeps = not any("@" in url for url in (settings.results, settings.commands) if url)
    _read = (given, where, settings) if keeps else None
    return settings


@dataclass(frozen=True, eq=False)
class _Told:
    request_id: str | None
    limit_s: float | None
    region: str | None
    operator: str | None


def _scf(context: object) -> _Told:
    get: Callable[[str], Any] = context.get if isinstance(context, Mapping) else (lambda _: None)
    limit = _number(get("time_limit_in_ms"))
    if limit is not None:
        # The page says milliseconds, but the vendor's local runtime gives seconds. The shortest real limit is 1,000 ms.
        limit = limit / 1000 if limit >= 1000 else limit
    return _Told(_text(get("request_id")), limit, _text(get("tencentcloud_region")), _text(get("tencentcloud_uin")))


def _fc(context: object) -> _Told:
    request_id = getattr(context, "request_id", None) or getattr(context, "requestId", None)
    limit = _number(getattr(getattr(context, "function", None), "timeout", None))
    region = _text(getattr(context, "region", None))
    return _Told(_text(request_id), limit, region, _text(getattr(context, "account_id", None)))


def _margin(limit_s: float) -> float:
    """Seconds kept for the return itself: the platform's clock started before keyturn's."""
    return min(1.0, 0.08 * limit_s)


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if number > 0 else None


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and str(value) else None
