"""How a new secret reaches the sender of the command: sealed to a public key, or in the HTTP reply."""

from __future__ import annotations

from shared.commands.command import Deliver
from shared.results.outcome import CommandContext, Conclusion, Outcome
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.secret import Secret

_NOT_IN_FORCE = (Outcome.NOT_CHANGED, Outcome.WOULD_CHANGE)


def sealed_for(deliver: Deliver | None, context: CommandContext, secret: Secret) -> str | None:
    """The secret, sealed to the public key in the command; None if the command has no key.

    Raises: Refused (failed, NotPackaged) if the package carries no sealing library.
    """
    if deliver is None or deliver.seal is None:
        return None
    try:
        from shared.stores.sealing import seal

        return seal(deliver.seal, command_id=context.command_id, subject=str(context.subject), secret=secret)
    except ImportError:
        text = "Seal: this package carries no sealing library: set `seals: true` for the function in serverless.yml"
    raise Refused(ErrorClass.FAILED, text, code="NotPackaged")


def may_be_shown(conclusion: Conclusion) -> bool:
    """Whether the new secret is in force, or may be. keyturn shows no other."""
    return conclusion.verified_now and conclusion.outcome not in _NOT_IN_FORCE
