"""Collects the mistakes in a serverless.yml, so that one run shows all of them."""

from __future__ import annotations

from pydantic import ValidationError

from shared.runtime.spelling import did_you_mean, nearest
from shared.workbench.bundle.form import known_keys
from shared.workbench.bundle.yaml_with_lines import Located, line_of


class Mistakes:
    """Messages, each with its path: the keys and indexes that lead to the wrong value."""

    def __init__(self) -> None:
        self._found: list[tuple[tuple[int | str, ...], str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, text: str, *path: int | str) -> None:
        """One mistake, at `path`."""
        self._found.append((path, text))

    def add_validation(self, error: ValidationError) -> None:
        """Add every mistake that Pydantic found, without any value. A misspelt key is not also reported as missing."""
        found = error.errors(include_input=False, include_context=False, include_url=False)
        paths = [tuple(step for step in one["loc"] if step != "[key]") for one in found]
        meant = {}
        for one, path in zip(found, paths, strict=True):
            if one["type"] == "extra_forbidden":
                likely = nearest(str(path[-1]), known_keys(path[:-1]))
                meant[path] = (*path[:-1], likely)
                self.add(f"unknown key `{path[-1]}`{did_you_mean(likely)}", *path)
        for one, path in zip(found, paths, strict=True):
            if one["type"] == "missing" and path not in meant.values():
                self.add("is missing", *path)
            elif one["type"] not in ("missing", "extra_forbidden"):
                self.add(one["msg"].removeprefix("Value error, "), *path)

    def lines(self, document: Located, name: str) -> list[str]:
        """The mistakes as `name:LINE: path: text`, in the order of the file.

        If several functions take the same wrong value from one line, only the first function's mistake is listed.
        """
        lines: dict[tuple[int, int | str, str], str] = {}
        for path, text in self._found:
            line = line_of(document, path)
            lines.setdefault((line, path[-1], text), f"{name}:{line}: {'.'.join(map(str, path))}: {text}")
        return [lines[key] for key in sorted(lines, key=lambda key: (key[0], str(key[1]), key[2]))]
