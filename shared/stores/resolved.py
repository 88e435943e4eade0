"""A command together with its secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from shared.commands.command import C
from shared.results.outcome import Conclusion
from shared.runtime.secret import Secret

if TYPE_CHECKING:
    from shared.stores.old_secrets import OldSecretCandidates
    from shared.stores.write_ahead import WriteAhead


@dataclass(eq=False)
class ResolvedSecrets(Generic[C]):
    """A command with its secrets in clear, and where they came from."""

    command: C
    account: str | None = None  # of two alternating accounts, the one to change now
    new: Secret | None = None
    keeping: WriteAhead | None = None
    olds: OldSecretCandidates[C] | None = None
    finished: bool = False  # an earlier delivery was proven to have made the change
    contested: bool = False  # and a later change of the credential began since
    conclusion: Conclusion | None = None  # set if nothing is left to do
    evidence: list[str] = field(default_factory=list)


def sent_secrets(command: C) -> ResolvedSecrets[C] | None:
    """The secrets of a command that holds them all in clear. It needs no store, so no store's code is imported.

    None: a secret must be read, generated or stored, or the new one equals the old one. `resolving` handles these.
    """
    old, new = command.given_old, command.given_new
    if command.deliver is not None or not all(one is None or isinstance(one, Secret) for one in (old, new)):
        return None
    if isinstance(old, Secret) and old == new:
        return None
    sent = new if isinstance(new, Secret) else None
    return ResolvedSecrets(command.with_secrets(old if isinstance(old, Secret) else None, sent), None, sent)
