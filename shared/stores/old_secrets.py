"""Further old secrets for a change: those in the store's other versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from shared.commands.command import C
from shared.runtime.errors import Refused
from shared.runtime.secret import Secret
from shared.stores.alternating import AlternatingSecret
from shared.stores.store import Store
from shared.stores.store_checks import check_password, is_no_secret
from shared.stores.versions import VersionListing, parse_version_name
from shared.stores.write_ahead import WriteAhead

_MOST_TRIED = 10  # old secrets of one command


def candidates(listing: VersionListing, version: str) -> list[str]:
    """Versions that may hold the old secret, newest first, without the current one and the change's own."""
    skipped = {version, listing.current.id if listing.current else ""} | {one.id for one in listing.own}
    return [one.id for one in listing.versions if one.id not in skipped][: _MOST_TRIED - 1]


def old_secret_in(store: Store, version: str, account: str | None) -> Secret | None:
    """The old secret in a version; None if it holds none. Raises: RetryLater, Refused.

    `account`: of two alternating accounts, the one whose password is needed.
    """
    try:
        kept: Secret | None = store.read(version)
        if account is not None and kept is not None:
            turn = AlternatingSecret.from_stored(kept)
            kept = turn.password_of(account) if turn is not None else None
        return check_password(kept, store.name) if kept is not None else None
    except Refused as refused:
        if is_no_secret(refused):
            return None
        raise


@dataclass(frozen=True, eq=False)
class OldSecretCandidates(Generic[C]):
    """Further old secrets of a fenced change. Each is read when it is tried."""

    keeping: WriteAhead
    versions: Sequence[str]
    command: C  # copied for each old secret
    account: str | None  # of two alternating accounts, the one whose password is needed
    tried: list[Secret]  # grows with each try

    def command_at(self, index: int) -> C | None:
        """The command with another old secret; None if the version holds none, or one that was tried.

        Raises: RetryLater, Refused.
        """
        old = old_secret_in(self.keeping.store, self.versions[index], self.account)
        if old is None or old in self.tried or old == self.keeping.value:
            return None
        self.tried.append(old)
        return self.command.with_secrets(old, self.keeping.value)

    def in_force(self, index: int) -> list[str]:
        """The cloud accepted this old secret, so it was in force: promote its version. Raises: RetryLater, Refused."""
        version = self.versions[index]
        # It belongs to alternating accounts, or is the user's own version: do not promote it.
        if self.account is not None or parse_version_name(version) is None:
            return [f"store: version {version} held the old secret"]
        self.keeping.store.promote(version)
        return [f"store: version {version} was in force, and is now current"]
