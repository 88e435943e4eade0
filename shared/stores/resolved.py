"""A command with its secrets at hand."""

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
    """A command with its secrets at hand, and what they came from."""

    command: C
    account: str | None = None  # whose turn it is, where two take turns
    new: Secret | None = None
    keeping: WriteAhead | None = None
    olds: OldSecretCandidates[C] | None = None
    finished: bool = False  # an earlier delivery was proven to have done it all
    contested: bool = False  # and a later change of the credential was begun since
    conclusion: Conclusion | None = None  # there is nothing left to do
    evidence: list[str] = field(default_factory=list)


def sent_secrets(command: C) -> ResolvedSecrets[C] | None:
    """A command whose secrets were all sent in clear: no store has a part in it, so none of that is imported.

    None: a secret is to be read, made or kept, or the new one is the old one; `resolving` has the say then.
    """
    old, new = command.given_old, command.given_new
    if command.deliver is not None or not all(one is None or isinstance(one, Secret) for one in (old, new)):
        return None
    if isinstance(old, Secret) and old == new:
        return None
    sent = new if isinstance(new, Secret) else None
    return ResolvedSecrets(command.with_secrets(old if isinstance(old, Secret) else None, sent), None, sent)
