"""The place of a run: cloud, account and endpoint. A run undoes an earlier run's changes only in the same place."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.deploy.access import Refused
from shared.workbench.environment.file_problems import why

_DIGITS = 16


@dataclass(frozen=True)
class Place:
    """A cloud, its endpoint, region and site, and digests of the account's number (if known) and of the key."""

    cloud: str
    endpoint: str
    region: str
    site: str
    account: str
    key: str

    def is_same(self, other: Place) -> bool:
        """Whether the other place is the same account at the same endpoint. Temporary keys have a new id each time."""
        here, there = ((one.cloud, one.endpoint, one.region, one.site) for one in (self, other))
        is_one_account = bool(self.account) and self.account == other.account
        is_another = bool(self.account and other.account) and self.account != other.account
        return here == there and (is_one_account or (self.key == other.key and not is_another))

    def against(self, other: Place) -> str:
        """The differences from another place, in words."""
        told = {
            "cloud": self.cloud,
            "endpoint": self.endpoint or "the cloud's own hosts",
            "region": self.region,
            "site": self.site,
        }
        parts = [f"{name} {value}" for name, value in told.items() if getattr(self, name) != getattr(other, name)]
        return ", ".join(parts) or "another account, or temporary keys that do not show their account"


def place_of(api: TencentApi | AlibabaApi, account: str) -> Place:
    """The place of an API; `account`: the account's number, or empty."""
    site = api.site if isinstance(api, TencentApi) else ""
    return Place(api.cloud, api.endpoint, api.region, site, _digest(account), _digest(api.keys["id"]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS] if text else ""


@contextmanager
def only_run(dist: Path, cloud: str) -> Iterator[None]:
    """Lock the folder of the findings for one run.

    Raises: Refused: another run works there, or the folder is not writable.
    """
    try:
        dist.mkdir(parents=True, exist_ok=True)
        held = os.open(dist / f".verify-{cloud}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refused(f"nothing can be written to {dist}: {why(error)}; nothing was tried") from None
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refused(f"another run is using {dist}: wait until it ends; nothing was tried") from None
        yield
    finally:
        os.close(held)
