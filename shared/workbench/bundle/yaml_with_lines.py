"""Reads YAML with line numbers, and replaces the Serverless Framework's variables that serverless.yml uses.

Source: Serverless Framework 3, documentation page "Variables": `${env:NAME}`, `${self:path}`, and after a comma a
default for a variable that has no value: another variable or a 'text'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from shared.workbench.bundle.errors import DescriptionError

_INNERMOST = re.compile(r"\$\{([^${}]+)\}")
_MOST_STEPS = 100  # most variables in one value: more means that they refer to each other in a circle


class Located(dict[str, Any]):
    """A mapping that knows its own line, and the line of each of its keys. The first line is 1."""

    line = 0

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.lines: dict[str, int] = {}


class _Loader(yaml.SafeLoader):
    """Safe YAML. A duplicate key is an error. Merge keys (`<<`) keep their own lines."""

    def mapping(self, node: yaml.MappingNode) -> Located:
        own = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or own.count(key.value) > 1:
                raise yaml.MarkedYAMLError(
                    problem="a key that is not text, or a key that is there twice", problem_mark=key.start_mark
                )
        self.flatten_mapping(node)
        found = Located()
        found.line = node.start_mark.line + 1
        for key, value in node.value:
            found[key.value] = self.construct_object(value, deep=True)
            found.lines[key.value] = key.start_mark.line + 1
        return found


# YAML 1.2 booleans, as the framework reads them: `on` and `off` are words.
_BOOL = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.mapping)


def read(text: str, name: str) -> Located:
    """The document in `text`; `name` is what errors call the file. Raises: DescriptionError."""
    try:
        document = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DescriptionError([f"{name}:{line}: not YAML: {error.problem}"]) from None
    except yaml.YAMLError:
        raise DescriptionError([f"{name}:1: not YAML"]) from None
    if not isinstance(document, Located):
        raise DescriptionError([f"{name}:1: must be a mapping"])
    return document


def line_of(document: Any, path: tuple[int | str, ...]) -> int:
    """The line of the value at `path`, or of the closest part of the path that exists."""
    line, here = 1, document
    for step in path:
        if isinstance(here, Located) and step in here:
            line = here.lines[str(step)]
            here = here[str(step)]
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
            line = here.line if isinstance(here, Located) else line
        else:
            break
    return line


class Variables:
    """Replaces the variables of one document with their values."""

    def __init__(self, document: Located, environ: Mapping[str, str], name: str) -> None:
        self._document, self._environ, self._name = document, environ, name

    def resolve(self, value: Any, line: int = 1) -> Any:
        """`value` with every variable in it replaced.

        Raises: DescriptionError: a variable has no value, or refers to itself.
        """
        return self._resolve(value, line, 0)

    def _resolve(self, value: Any, line: int, depth: int) -> Any:
        if isinstance(value, Located):
            found = Located({key: self._resolve(item, value.lines[key], depth) for key, item in value.items()})
            found.line, found.lines = value.line, value.lines
            return found
        if isinstance(value, list):
            return [self._resolve(item, line, depth) for item in value]
        steps, chosen_by = 0, ""
        while isinstance(value, str) and (match := _INNERMOST.search(value)):
            steps += 1
            if depth + steps > _MOST_STEPS:
                raise DescriptionError([f"{self._name}:{line}: ${{{match[1]}}} refers to itself"])
            meant = self._meant(match[1], line, depth + 1, chosen_by)
            if match[1].startswith("env:"):
                chosen_by = match[1].removeprefix("env:").partition(",")[0]
            if match[0] == value:
                return self._resolve(meant, line, depth + 1)
            if isinstance(meant, Located | list):
                raise DescriptionError([f"{self._name}:{line}: ${{{match[1]}}} is no text, but is used within a text"])
            value = value.replace(match[0], "" if meant is None else str(meant))
        return value

    def _meant(self, text: str, line: int, depth: int, chosen_by: str) -> Any:
        """The value of one variable. `chosen_by`: the environment variable that wrote a part of its text, if any."""
        for source in re.split(r",\s*(?=env:|self:|')", text):
            kind, _, name = source.partition(":")
            if source.startswith("'") and source.endswith("'"):
                return source[1:-1]
            if kind == "env":
                if name in self._environ:
                    return self._environ[name]
            elif kind == "self":
                found = self._at(name, line, depth)
                if found is not None:
                    return found
            else:
                raise DescriptionError([f"{self._name}:{line}: ${{{text}}}: only env:NAME, self:path and 'text' work"])
        choices = self._at(text.removeprefix("self:").rpartition(".")[0], line, depth)
        if chosen_by and text.startswith("self:") and isinstance(choices, Located):
            raise DescriptionError([f"{self._name}:{line}: {chosen_by} must be {' or '.join(choices)}"])
        raise DescriptionError([f"{self._name}:{line}: ${{{text}}} has no value and no default"])

    def _at(self, path: str, line: int, depth: int) -> Any:
        here: Any = self._document
        for step in path.split("."):
            if isinstance(here, str):
                here = self._resolve(here, line, depth)
            here = here.get(step) if isinstance(here, Located) else None
        return here
