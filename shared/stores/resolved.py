"""A command with its secrets at hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic

from shared.commands.command import C
from shared.results.outcome import Conclusion
from shared.runtime.secret import Secret
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
