"""The error of a wrong serverless.yml."""

from __future__ import annotations


class DescriptionError(ValueError):
    """serverless.yml is wrong. `lines` say where and what, one mistake a line."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
