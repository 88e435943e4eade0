"""Where this checkout is, and which version of keyturn it is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
"""The folder that holds serverless.yml, functions/ and shared/."""


def version(root: Path = ROOT) -> str:
    """The version that pyproject.toml names."""
    found = re.search(r'^version = "([^"]+)"$', (root / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]
