"""The rules for new passwords on the clouds' API pages, as data with their sources."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic_core import PydanticCustomError, core_schema

from shared.commands.secrets import Generate
from shared.commands.store_reference import StoreRef
from shared.runtime.secret import Secret

# Characters with no special meaning in a shell, a URL, a connection string or a configuration file.
_URL_SAFE = string.ascii_letters + string.digits + "-_"


@dataclass(frozen=True, eq=False)
class PasswordRule:
    """The rule for a new password on a cloud's API page. Lengths count characters.

    A password needs at least `classes` of the four kinds (lower case, upper case, digits, `symbols`), and each kind
    in `must`. If a page names no symbols, `symbols` holds every visible ASCII character but letters and digits.
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
        kinds, used = self._kinds, set(password)
        found = {kind for kind, letters in kinds.items() if not letters.isdisjoint(used)}
        broken = []
        if not self.shortest <= len(password) <= self.longest:
            broken.append(f"must have {self.shortest} to {self.longest} characters")
        if self.not_first and password[:1] in self.not_first:
            broken.append(f"must not start with {self.not_first}")
        if used.difference(*kinds.values()):
            broken.append(f"may hold only ASCII letters, digits and {self.symbols}")
        if len(found) < self.classes:
            broken.append(f"must hold at least {self.classes} of: {', '.join(kinds)}")
        broken += [f"must hold {kind}" for kind in self.must if kind not in found]
        return broken

    @cached_property
    def _kinds(self) -> dict[str, frozenset[str]]:
        kinds = {
            "a lower-case letter": string.ascii_lowercase,
            "an upper-case letter": string.ascii_uppercase,
            "a digit": string.digits,
            "a special character": self.symbols,
        }
        return {kind: frozenset(letters) for kind, letters in kinds.items()}

    def check(self, secret: Secret | StoreRef | Generate) -> Secret | StoreRef | Generate:
        """Return a secret that keeps the rule, or a Generate whose length does. A StoreRef is checked after its read.

        Raises: PydanticCustomError, which names every broken rule and its page.
        """
        if isinstance(secret, StoreRef):
            return secret
        if isinstance(secret, Generate):
            if not self.shortest <= secret.length <= self.longest:
                text = f"Generate: Length must be {self.shortest} to {self.longest} ({self.source})"
                raise PydanticCustomError("generate", text)
            return secret
        if broken := self.violations(secret.reveal()):
            # The rules hold the braces of symbol lists, which must not be read as template fields.
            raise PydanticCustomError("password_rule", "{rules}", {"rules": f"{'; '.join(broken)} ({self.source})"})
        return secret

    def generate(self, length: int) -> Secret:
        """A random new secret of this length that keeps the rule, is URL-safe and starts with a letter.

        The randomness is the operating system's. A draw that breaks the rule is dropped as a whole, so that all
        allowed texts are equally likely. At ten characters, fewer than one draw in five is dropped.
        """
        letters = "".join(c for c in _URL_SAFE if c.isalnum() or c in self.symbols)
        while True:
            drawn = secrets.choice(string.ascii_letters) + "".join(secrets.choice(letters) for _ in range(length - 1))
            if not self.violations(drawn):
                return Secret(drawn)

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


# The page states this rule for the instance's password. ModifyInstanceAccount's page states none for accounts.
REDIS_PASSWORD = PasswordRule(
    8,
    30,
    classes=2,
    symbols="()~!@#$%^&*-+=_|{}[]:;<>,.?/",
    not_first="/",
    source="Redis ModifyInstancePassword, 2024-12-04",
)
