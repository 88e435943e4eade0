"""What the clouds' pages say of new passwords, as data with its source."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError, core_schema

from shared.secret import Secret


@dataclass(frozen=True)
class PasswordRule:
    """What a cloud's API page says of a new password. Lengths count characters.

    `classes` of the four kinds (lower case, upper case, digits, `symbols`) must occur; the kinds named in `must`
    always. Where a page names no symbols, every visible ASCII character that is no letter and no digit counts.
    """

    shortest: int
    longest: int
    source: str
    classes: int = 1
    must: tuple[str, ...] = ()
    symbols: str = string.punctuation
    not_first: str = ""

    def violations(self, password: str) -> list[str]:
        """Every rule that the password breaks, in words that never quote it. Empty means that it passes."""
        kinds = {
            "a lower-case letter": string.ascii_lowercase,
            "an upper-case letter": string.ascii_uppercase,
            "a digit": string.digits,
            "a special character": self.symbols,
        }
        found = {kind for kind, letters in kinds.items() if any(c in letters for c in password)}
        allowed = "".join(kinds.values())
        broken = []
        if not self.shortest <= len(password) <= self.longest:
            broken.append(f"must have {self.shortest} to {self.longest} characters")
        if self.not_first and password[:1] in self.not_first:
            broken.append(f"must not start with {self.not_first}")
        if any(c not in allowed for c in password):
            broken.append(f"may hold only ASCII letters, digits and {self.symbols}")
        if len(found) < self.classes:
            broken.append(f"must hold at least {self.classes} of: {', '.join(kinds)}")
        broken += [f"must hold {kind}" for kind in self.must if kind not in found]
        return broken

    def check(self, secret: Secret) -> Secret:
        """Pass a secret on if it keeps the rule.

        Raises: PydanticCustomError naming every broken rule and the page it comes from.
        """
        if broken := self.violations(secret.reveal()):
            # The words hold braces of the symbol lists: keep them out of the template's own syntax.
            raise PydanticCustomError("password_rule", "{rules}", {"rules": f"{'; '.join(broken)} ({self.source})"})
        return secret

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


# Stated for the instance's password. ModifyInstanceAccount's page states no rule for the same server's accounts.
REDIS_PASSWORD = PasswordRule(
    8,
    30,
    classes=2,
    symbols="()~!@#$%^&*-+=_|{}[]:;<>,.?/",
    not_first="/",
    source="Redis ModifyInstancePassword, 2024-12-04",
)
