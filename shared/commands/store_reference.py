"""How a command names a secret in a store: `ssm://name` or `kms://name`, with an optional version after `#`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

# Names as the pages of CreateSecret give them: SSM 1078/38656, KMS 2016-01-20.
_NAMES = {
    "ssm": re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"),
    "kms": re.compile(r"[A-Za-z0-9_+=.@-][A-Za-z0-9/_+=.@-]{0,191}"),
}


_FORM = re.compile(r"(ssm|kms)://([^#\s]+)(?:#([A-Za-z0-9][A-Za-z0-9._-]{0,63}))?")


@dataclass(frozen=True)
class StoreRef:
    """A secret in a store, `ssm://name` (Tencent) or `kms://name` (Alibaba), with an optional version or stage."""

    kind: Literal["ssm", "kms"]
    name: str
    version: str | None = None

    @property
    def cloud(self) -> str:
        """The cloud of the store: `tencent` or `alibaba`."""
        return "tencent" if self.kind == "ssm" else "alibaba"

    @property
    def place(self) -> str:
        """The reference without its version."""
        return f"{self.kind}://{self.name}"


def parse_ref(text: str) -> StoreRef:
    """Read `ssm://name[#version]` or `kms://name[#version]`. Raises: ValueError naming the rule, never the text."""
    found = _FORM.fullmatch(text)
    if not found or not _NAMES[found[1]].fullmatch(found[2]):
        raise ValueError("must read ssm://name or kms://name, with an optional version after #")
    kind: Literal["ssm", "kms"] = "ssm" if found[1] == "ssm" else "kms"
    return StoreRef(kind, found[2], found[3])
