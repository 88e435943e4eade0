"""Where secrets are kept: what a store promises, and how a command names a place in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from shared.clouds.session import Access
    from shared.secret import Secret

# Names as the pages of CreateSecret give them: SSM 1078/38656, KMS 2016-01-20.
_NAMES = {
    "ssm": re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"),
    "kms": re.compile(r"[A-Za-z0-9_+=.@-][A-Za-z0-9/_+=.@-]{0,191}"),
}
_FORM = re.compile(r"(ssm|kms)://([^#\s]+)(?:#([A-Za-z0-9][A-Za-z0-9._-]{0,63}))?")


VERSION_EXISTS = "VersionExists"
"""Code of the refusal to keep another secret under a version's name."""

STORE_FULL = "StoreFull"
"""Code where versions that must stay leave no room for another."""

SUPERSEDED = "Superseded"
"""Code where another change of the credential came between."""


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


class Stage(str, Enum):
    """What the version that a result names is in its store."""

    CURRENT = "current"
    PENDING = "pending"  # written ahead of a change of which nobody knows yet that it is in force
    RESOLVED = "resolved"  # of 0.1.0's results: neither


@dataclass(frozen=True)
class Version:
    """One version of a secret; `created` in Unix seconds by the store's own clock, 0 where it is not told."""

    id: str
    current: bool
    created: float = 0.0


@dataclass(frozen=True)
class StoreRef:
    """A secret in a store, `ssm://name` (Tencent) or `kms://name` (Alibaba), and one of its versions or stages."""

    kind: Literal["ssm", "kms"]
    name: str
    version: str | None = None

    @property
    def cloud(self) -> str:
        """Whose store it is."""
        return "tencent" if self.kind == "ssm" else "alibaba"

    @property
    def place(self) -> str:
        """The secret without a version."""
        return f"{self.kind}://{self.name}"


def parse_ref(text: str) -> StoreRef:
    """Read `ssm://name[#version]` or `kms://name[#version]`. Raises: ValueError naming the rule, never the text."""
    found = _FORM.fullmatch(text)
    if not found or not _NAMES[found[1]].fullmatch(found[2]):
        raise ValueError("must read ssm://name or kms://name, a version behind #")
    kind: Literal["ssm", "kms"] = "ssm" if found[1] == "ssm" else "kms"
    return StoreRef(kind, found[2], found[3])


class Store(Protocol):
    """The versions of one secret. Every write may be repeated with the same arguments.

    Each method raises RetryLater or Refused; what else it raises is said there.
    """

    name: str  # as results show it: ssm://name or kms://name

    def versions(self) -> list[Version]:
        """All versions, newest first, asked for anew."""

    def holder(self) -> str | None:
        """The keyturn version that holds the current secret, by the last listing; None if none does."""

    def read(self, version: str | None = None) -> Secret:
        """One version's secret; without a version the current one. Raises: Refused (not_found)."""

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


def open_store(ref: StoreRef, access_of: Callable[[str], Access], region: str) -> Store:
    """The store of a reference, in a region of its cloud; imports that cloud's adapter alone.

    Raises: ImportError where this package does not carry it.
    """
    access = access_of(ref.cloud)
    if ref.kind == "ssm":
        from shared.clouds.tencent_ssm import SsmStore

        return SsmStore(access, region, ref.name)
    from shared.clouds.alibaba_kms import KmsStore

    return KmsStore(access, region, ref.name)
