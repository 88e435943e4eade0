"""What a store holds, and whether that opens the real server. keyturn's own clients are not used for it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from darabonba.exceptions import DaraException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.campaign.operations import Target
from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.support.other_accounts import role_keys
from tests.support.store_contents import OWN, StoreContents, store_contents

_TRIES = 4


def read_store(standin: Standin, place: str, keys: Mapping[str, str] = OWN) -> StoreContents:
    """What `ssm://name` or `kms://name` holds now. Waits while the tested calls use up the rate."""
    for _ in range(_TRIES):
        if (found := _held(standin, place, keys)) is not None:
            return found
        time.sleep(1.0)
    return store_contents(standin, place, keys)


def _held(standin: Standin, place: str, keys: Mapping[str, str]) -> StoreContents | None:
    try:
        return store_contents(standin, place, keys)
    except (TencentCloudSDKException, DaraException):
        return None


def stored_values(standin: Standin, place: str, keys: Mapping[str, str] = OWN) -> dict[str, str]:
    """The value of each version, by its id."""
    return read_store(standin, place, keys).versions


@dataclass
class ObservedStore:
    """One store, with every secret that was ever seen in it."""

    target: Target
    standin: Standin
    of_role: bool = False  # it is another account's
    seen: set[str] = field(default_factory=set)

    def look(self) -> dict[str, str]:
        """What it holds now, by version. Clears all faults first."""
        self.standin.clear_faults()
        found = stored_values(self.standin, self.target.place, self._keys)
        for value in found.values():
            self.seen |= secrets_in(value)
        return found

    @property
    def _keys(self) -> Mapping[str, str]:
        kind = "tencent" if self.target.place.startswith("ssm") else "alibaba"
        return role_keys(self.standin, kind) if self.of_role else OWN

    def opens(self, value: str) -> bool:
        """Whether the real server accepts the value; of two alternating accounts, for the one in the value."""
        if not self.target.turns:
            return self.target.holds(self.standin, value)
        turn = json.loads(value)
        return redis_accepts(self.standin.redis[self.target.resource], turn["Password"], turn["AccountName"])


def secrets_in(value: str) -> set[str]:
    """The secrets in a stored value: the value itself, or the passwords of two alternating accounts."""
    try:
        turn = json.loads(value)
    except ValueError:
        return {value}
    if not isinstance(turn, dict):
        return {value}
    return {one["Password"] for one in (turn, turn.get("Previous") or {}) if "Password" in one}
