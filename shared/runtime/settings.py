"""The settings, with types. `shared.runtime.platform` reads them once an invocation and passes them on."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from shared.runtime.errors import SettingsError
from shared.runtime.loopback import is_loopback
from shared.runtime.queue_urls import check_url
from shared.runtime.regions import region_rule, regions_of
from shared.runtime.secret import Secret
from shared.runtime.wildcard import matches_wildcard

TENCENT_RATE = 20.0  # calls a second of one API; every action's page says so
ALIBABA_RATE = 5.0  # no page of R-kvstore gives a limit; a careful start
_CLOUDS = ("TENCENT", "ALIBABA")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, repr=False)
class Settings:
    """The values of the `KEYTURN_*` variables. Queue URLs may hold a password, so this has no repr."""

    results: str | None = None
    commands: str | None = None
    tencent_endpoint: str | None = None
    alibaba_endpoint: str | None = None
    ca_file: str | None = None
    """The CAs to trust for an endpoint on loopback, instead of the built-in ones; see `shared.runtime.tls`."""
    region: str | None = None
    site: str = "domestic"
    rate: float | None = None
    log_level: int = logging.INFO
    reply: bool = True
    allow: tuple[tuple[str, ...], ...] | None = None
    allow_noauth: bool = False
    seal_keys: frozenset[str] | None = None
    assume: tuple[str, ...] = ()
    """Patterns of the roles that a command's `Role` may name; see `shared.runtime.role_names`."""
    handoff_keys: tuple[Secret, ...] = ()
    """keyturn signs its queue messages with the first key and accepts each; see `shared.runtime.message_signing`."""

    def endpoint(self, cloud: str) -> str | None:
        """The URL for every call of a cloud. None: the cloud's own hosts."""
        return self.tencent_endpoint if cloud == "tencent" else self.alibaba_endpoint

    def calls_per_s(self, cloud: str) -> float:
        """How many calls a second one instance may make, for each API and region."""
        return self.rate or (TENCENT_RATE if cloud == "tencent" else ALIBABA_RATE)


def setting(environ: Mapping[str, str], name: str) -> str | None:
    """The text of a variable, without white space around it. None: it is unset or blank."""
    return environ.get(name, "").strip() or None


def read_settings(environ: Mapping[str, str], *, on_platform: bool = False, on_scf: bool = False) -> Settings:
    """Read the settings from an environment. On SCF `reply` is off by default: SCF logs what a function returns.

    Raises: SettingsError naming the variable and the rule, never the value.
    """

    def text(name: str) -> str | None:
        return setting(environ, f"KEYTURN_{name}")

    endpoints = {cloud: _endpoint(text(f"{cloud}_ENDPOINT"), f"KEYTURN_{cloud}_ENDPOINT") for cloud in _CLOUDS}
    endpoint_here = endpoints["TENCENT" if on_scf else "ALIBABA"] if on_platform else None
    return Settings(
        results=_queue(text("RESULTS"), "results", on_platform, endpoint_here),
        commands=_queue(text("COMMANDS"), "commands", on_platform, endpoint_here),
        tencent_endpoint=endpoints["TENCENT"],
        alibaba_endpoint=endpoints["ALIBABA"],
        ca_file=_ca_file(text("CA_FILE"), endpoints),
        region=_region(text("REGION")),
        site=_one_of(text("SITE") or "domestic", ("domestic", "intl"), "KEYTURN_SITE"),
        rate=_rate(text("RATE")),
        log_level=getattr(logging, _one_of((text("LOG") or "INFO").upper(), _LEVELS, "KEYTURN_LOG")),
        reply=_one_of(text("REPLY") or ("off" if on_scf else "on"), ("on", "off"), "KEYTURN_REPLY") == "on",
        allow=_allow(environ.get("KEYTURN_ALLOW")),
        allow_noauth=_one_of(text("ALLOW_NOAUTH") or "0", ("0", "1"), "KEYTURN_ALLOW_NOAUTH") == "1",
        seal_keys=_seal_keys(text("SEAL_KEYS")),
        assume=_assume(text("ASSUME")),
        handoff_keys=handoff_keys(text("HANDOFF_KEY")),
    )


def _region(value: str | None) -> str | None:
    if value is not None and value not in regions_of(None):
        raise SettingsError(f"KEYTURN_REGION: {region_rule(None, value)}")
    return value


def _one_of(value: str, allowed: tuple[str, ...], name: str) -> str:
    if value not in allowed:
        raise SettingsError(f"{name}: must be one of {', '.join(allowed)}")
    return value


def _queue(url: str | None, use: Literal["results", "commands"], on_platform: bool, endpoint: str | None) -> str | None:
    """`endpoint`: of the platform's own cloud. On loopback it is a stand-in, whose functions share this machine."""
    if url is not None:
        try:
            check_url(url, use=use, on_platform=on_platform)
        except ValueError as error:
            raise SettingsError(f"KEYTURN_{use.upper()}: {error}") from None
        is_file = url[:9].lower() == "sqlite://"
        if is_file and on_platform and not (endpoint and is_loopback(urlsplit(endpoint).hostname)):
            rule = "sqlite:// is a file on one machine, and a platform loses it with the instance: use another queue"
            raise SettingsError(f"KEYTURN_{use.upper()}: {rule}")
    return url


def _endpoint(url: str | None, name: str) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SettingsError(f"{name}: must be http://127.0.0.1:PORT or https://HOST") from None
    if (
        parts.scheme not in ("http", "https")
        or not host
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise SettingsError(f"{name}: must be http://127.0.0.1:PORT or https://HOST, with nothing behind it")
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(f"{name}: http:// is for loopback only; use https://")
    return f"{parts.scheme}://{parts.netloc}"


def _ca_file(path: str | None, endpoints: Mapping[str, str | None]) -> str | None:
    """The owner of this CA's key could sign a certificate for any host, so the CA is trusted on loopback only."""
    if path is None:
        return None
    rule = "works only if each endpoint that is set is https:// on loopback, as https://localhost:PORT"
    urls = {f"KEYTURN_{cloud}_ENDPOINT": url for cloud, url in endpoints.items() if url is not None}
    if not urls:
        raise SettingsError(f"KEYTURN_CA_FILE: {rule}; no KEYTURN_..._ENDPOINT is set")
    for name, url in urls.items():
        if not url.startswith("https://") or not is_loopback(urlsplit(url).hostname):
            raise SettingsError(f"KEYTURN_CA_FILE: {rule}; {name} is not")
    from shared.runtime.tls import why_not_a_ca_file

    if (why := why_not_a_ca_file(path)) is not None:
        raise SettingsError(f"KEYTURN_CA_FILE: must be a PEM file with the certificates to trust; it {why}")
    return path


def _rate(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        rate = float(value)
    except ValueError:
        rate = 0.0
    if not 0.01 <= rate <= 10_000:
        raise SettingsError("KEYTURN_RATE: must be a number of calls a second, 0.01 to 10000")
    return rate


def _seal_keys(value: str | None) -> frozenset[str] | None:
    """RFC 7638 thumbprints: SHA-256 in base64url, 43 characters."""
    if value is None:
        return None
    keys = frozenset(item.strip() for item in value.split(",") if item.strip())
    if not keys or not all(re.fullmatch(r"[A-Za-z0-9_-]{43}", key) for key in keys):
        raise SettingsError("KEYTURN_SEAL_KEYS: must be JWK thumbprints (RFC 7638, SHA-256), comma-separated")
    return keys


def _assume(value: str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    from shared.runtime.role_names import role_parts

    roles = tuple(item.strip() for item in value.split(",") if item.strip())
    if not roles or not all(map(role_parts, roles)):
        rule = "must be roles, comma-separated, each qcs::cam::uin/UIN:roleName/NAME or acs:ram::UID:role/NAME"
        raise SettingsError(f"KEYTURN_ASSUME: {rule}, with * in UIN, UID or NAME for any")
    return roles


def handoff_keys(value: str | None) -> tuple[Secret, ...]:
    """Read the keys in KEYTURN_HANDOFF_KEY. Raises: SettingsError."""
    if not value:
        return ()
    keys = [item.strip() for item in value.split(",") if item.strip()]
    if not 1 <= len(keys) <= 2 or not all(re.fullmatch(r"[A-Za-z0-9_-]{43}=?", key) for key in keys):
        rule = "must be one key or two, comma-separated, each 32 random bytes in base64url"
        raise SettingsError(f"KEYTURN_HANDOFF_KEY: {rule}")
    return tuple(Secret(key.rstrip("=")) for key in keys)


def _allow(value: str | None) -> tuple[tuple[str, ...], ...] | None:
    """Patterns of five parts, `cloud/service/region/resource/account`. A `*` matches within its part only."""
    if not value:  # an empty variable counts as not set
        return None
    patterns = tuple(tuple(item.strip().split("/")) for item in value.split(",") if item.strip())
    if not patterns:
        raise SettingsError("KEYTURN_ALLOW: is set but names nothing; leave it out if the role alone is to decide")
    if any(len(pattern) != 5 or not all(pattern) for pattern in patterns):
        raise SettingsError("KEYTURN_ALLOW: each pattern must read cloud/service/region/resource/account")
    return patterns


def is_allowed(patterns: tuple[tuple[str, ...], ...] | None, name: tuple[str, ...]) -> bool:
    """Whether a five-part name matches a pattern. Without patterns every name is allowed: the role alone decides."""
    if patterns is None:
        return True
    return any(all(map(matches_wildcard, pattern, name)) for pattern in patterns)
