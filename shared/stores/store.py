"""The Store protocol: what the adapter of each store promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.runtime.secret import Secret


VERSION_EXISTS = "VersionExists"
"""Error code: a version of this name exists, and holds another secret."""

NO_TEXT = "NoText"
"""Error code: the version holds no text, so no password."""

STORE_FULL = "StoreFull"
"""Error code: no room for another version, because all that are there must stay."""


RIGHTS: Mapping[str, tuple[str, ...]] = {
    "tencent": (
        "ssm:GetSecretValue",
        "ssm:ListSecretVersionIds",
        "ssm:PutSecretValue",
        "ssm:UpdateSecret",
        "ssm:DeleteSecretVersion",
    ),
    "alibaba": (
        "kms:GetSecretValue",
        "kms:ListSecretVersionIds",
        "kms:PutSecretValue",
        "kms:UpdateSecretVersionStage",
    ),
}
"""The actions of a function that reads secrets from a cloud's store and writes new ones there."""

LISTING_RIGHTS: Mapping[str, str] = {"tencent": "ssm:ListSecretVersionIds", "alibaba": "kms:ListSecretVersionIds"}
"""The action of a function that only lists a store's versions."""


@dataclass(frozen=True)
class Version:
    """One version of a secret; `created` in Unix seconds by the store's own clock, 0 if unknown."""

    id: str
    current: bool
    created: float = 0.0


class Store(Protocol):
    """The versions of one secret. Every write may be repeated with the same arguments.

    Each method raises RetryLater or Refused. Its docstring names the particular classes and codes.
    """

    name: str  # as results show it: ssm://name or kms://name

    def versions(self) -> list[Version]:
        """All versions, newest first. Each call asks the store again."""

    def current_keyturn_version(self) -> str | None:
        """The keyturn version that holds the current secret, by the last listing; None if none does."""

    def read(self, version: str | None = None) -> Secret:
        """One version's secret; without a version the current one. Raises: Refused (not_found)."""

    def check_takes_writes(self) -> None:
        """Check that the service lets callers write to this kind of secret, as far as earlier reads show.

        Raises: Refused (forbidden, ManagedSecret).
        """

    def make_room(self, spare: Sequence[str], places: int = 1) -> None:
        """Make room for `places` more versions, by the last listing. Deletes only `spare` versions, earliest first.

        Raises: RetryLater (busy, StoreFull).
        """

    def write(self, version: str, secret: Secret) -> None:
        """Write a secret as a version that is not the current one.

        Raises: Refused (failed, VersionExists: the version holds another secret), RetryLater (busy, StoreFull).
        """

    def withdraw(self, version: str) -> None:
        """Remove a version that no call was made with. Later listings do not show it."""

    def promote(self, version: str) -> None:
        """Make a version's secret the current one. The secret that it replaces stays, as a version of keyturn's.

        Raises: Refused (failed, Superseded: another version became current since the last listing).
        """
