"""The two platforms that run functions, with the names that `--as` accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tests.cloud.identity.documents import Cloud

Platform = Literal["scf", "fc"]
SCF: Platform = "scf"
FC: Platform = "fc"
CLOUD_OF: Mapping[Platform, Cloud] = {SCF: "tencent", FC: "alibaba"}


def platform_of(function: str) -> Platform:
    """The default platform of a function: that of its own cloud."""
    return FC if function.startswith("alibaba_") else SCF
