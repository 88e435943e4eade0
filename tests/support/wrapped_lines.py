"""What a command said in lines that fit a terminal, as the lines that were meant."""

from __future__ import annotations

import re


def unwrapped(said: str) -> str:
    """The text with each line joined to those below it that only continue it: they are indented by four spaces."""
    return re.sub(r"\n {4}(?! )", " ", said)
