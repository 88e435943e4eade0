"""The Python blocks of one chapter as one module."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

from tests.workbench.pages import MANUAL_FOLDER


def chapter_module(chapter: str) -> Any:
    """The module. Its blocks run in their order, exactly as the chapter has them."""
    path = MANUAL_FOLDER / f"{chapter}.md"
    text = path.read_text(encoding="utf-8")
    module = ModuleType(chapter)
    for block in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        lines_before = text[: block.start(1)].count("\n")
        exec(compile("\n" * lines_before + block[1], str(path), "exec"), module.__dict__)
    return module
