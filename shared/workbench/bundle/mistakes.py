"""What is wrong with a serverless.yml, collected, so that one run tells all of it."""

from __future__ import annotations

from pydantic import ValidationError

from shared.workbench.bundle.yaml_with_lines import Located, line_of

_TEXTS = {"missing": "is missing", "extra_forbidden": "is no key that is known here"}


class Mistakes:
    """Texts, each with the path of keys and indexes to what is wrong."""

    def __init__(self) -> None:
        self._found: list[tuple[tuple[int | str, ...], str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, text: str, *path: int | str) -> None:
        """One mistake, at `path`."""
        self._found.append((path, text))

    def add_validation(self, error: ValidationError) -> None:
        """All that a model refused; no value is told."""
        for one in error.errors(include_input=False, include_context=False, include_url=False):
            text = _TEXTS.get(one["type"], one["msg"].removeprefix("Value error, "))
            self.add(text, *(step for step in one["loc"] if step != "[key]"))

    def lines(self, document: Located, name: str) -> list[str]:
        """`name:LINE: path: text`, in the file's order.

        What several functions take from one line is told once, of the first of them.
        """
        lines: dict[tuple[int, int | str, str], str] = {}
        for path, text in self._found:
            line = line_of(document, path)
            lines.setdefault((line, path[-1], text), f"{name}:{line}: {'.'.join(map(str, path))}: {text}")
        return [lines[key] for key in sorted(lines, key=lambda key: (key[0], str(key[1]), key[2]))]
