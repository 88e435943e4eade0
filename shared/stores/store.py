"""Where secrets are kept: what a store promises, and how a command names a place in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.runtime.secret import Secret


VERSION_EXISTS = "VersionExists"
"""Code of the refusal to keep another secret under a version's name."""

NO_TEXT = "NoText"
"""Code where a version holds no text, so no password."""

STORE_FULL = "StoreFull"
"""Code where versions that must stay leave no room for another."""


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
"""What a function calls that reads secrets from a cloud's store and keeps new ones there."""

LISTING_RIGHTS: Mapping[str, str] = {"tencent": "ssm:ListSecretVersionIds", "alibaba": "kms:ListSecretVersionIds"}
"""What a function calls that only lists a store's versions."""


@dataclass(frozen=True)
class Version:
    """One version of a secret; `created` in Unix seconds by the store's own clock, 0 where it is not told."""

    id: str
    current: bool
    created: float = 0.0


class Store(Protocol):
    """The versions of one secret. Every write may be repeated with the same arguments.

    Each method raises RetryLater or Refused; what else it raises is said there.
    """

    name: str  # as results show it: ssm://name or kms://name

    def versions(self) -> list[Version]:
        """All versions, newest first, asked for anew."""

    def current_keyturn_version(self) -> str | None:
        """The keyturn version that holds the current secret, by the last listing; None if none does."""

    def read(self, version: str | None = None) -> Secret:
        """One version's secret; without a version the current one. Raises: Refused (not_found)."""

    def check_takes_writes(self) -> None:
        """See that the service lets a caller write to this kind of secret, as far as what was read tells.

        Raises: Refused (forbidden, ManagedSecret).
        """

    def make_room(self, spare: Sequence[str], places: int = 1) -> None:
        """See that so many more versions fit, by the last listing. Nothing goes but the spare ones, earliest first.

        Raises: RetryLater (busy, StoreFull).
        """

    def write(self, version: str, secret: Secret) -> None:
        """Keep a secret as a version that is not the current one.

        Raises: Refused (failed, VersionExists: the version holds another secret), RetryLater (busy, StoreFull).
        """

    def withdraw(self, version: str) -> None:
        """Take back a version that no call was made with: from then on no listing shows it."""

    def promote(self, version: str) -> None:
        """Make a version's secret the current one, whatever it replaces kept under a name of keyturn's.

        Raises: Refused (failed, Superseded: another version became current since the last listing).
        """
