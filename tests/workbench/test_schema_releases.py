"""What a release promised is kept, or the version says that it is not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.bundle.checkout import version
from shared.workbench.schemas import __main__ as program
from shared.workbench.schemas import schema_files
from shared.workbench.schemas.compare import breaking
from tests.workbench.schema_checks import files


def test_a_released_promise_is_kept_or_the_version_says_so() -> None:
    released = sorted(program.RELEASED.glob("*.json"), key=lambda file: _numbers(file.stem))
    assert released, "python -m shared.workbench.schemas --release"
    last = released[-1]
    broken: list[str] = []
    for name, old in json.loads(last.read_text()).items():
        if name not in files():
            broken.append(f"{name}: is there no more")
            continue
        taken = name.endswith((".command.json", ".event.json"))
        found = breaking(old, json.loads(files()[name]), "taken" if taken else "sent")
        broken += [f"{name} {one}" for one in found]
    if not _moved(_numbers(last.stem), _numbers(version())):
        assert broken == [], f"breaks what {last.stem} promised: raise the version in pyproject.toml"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _moved(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether a version says that it breaks: by its major number, before 1.0 by its minor."""
    return new[:1] > old[:1] if old[0] else new[:2] > old[:2]


def test_a_release_is_kept_once(tmp_path: Path) -> None:
    place = schema_files.keep_release(tmp_path, files())
    assert place is not None
    kept = json.loads(place.read_text())
    assert kept.keys() == {name for name in files() if name not in ("openapi.json", "asyncapi.json")}
    assert schema_files.keep_release(tmp_path, files()) is None


RULES = [{"description": "Id needs Kind", "if": {"required": ["Id"]}, "then": {"required": ["Kind"]}}]


COMMAND = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "Id": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 9},
        "Kind": {"enum": ["a", "b"], "type": "string"},
        "Note": {"type": ["string", "null"]},
        "Inner": {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]},
        "List": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
    },
    "required": ["Id"],
    "allOf": RULES,
    "$defs": {"Inner": {"type": "object", "properties": {"Deep": {"type": "integer", "minimum": 1}}}},
}


def changed(*steps: str, to: Any) -> dict[str, Any]:
    """COMMAND with one thing put, or taken away where `to` is `...`."""
    made = copy.deepcopy(COMMAND)
    place: Any = made
    for step in steps[:-1]:
        place = place[step]
    if to is ...:
        del place[steps[-1]]
    else:
        place[steps[-1]] = to
    return made


@pytest.mark.parametrize(
    ("made", "as_command", "as_result"),
    [
        (changed("properties", "Note", to=...), ["/Note: is no longer accepted"], ["/Note: is no longer sent"]),
        (changed("properties", "More", to={}), [], ["/More: is new where no other member was allowed"]),
        (changed("required", to=["Id", "Kind"]), ["/Kind: is required now"], []),
        (changed("required", to=[]), [], ["/Id: may be absent now"]),
        (changed("properties", "Note", to={"type": "string"}), ["/Note: null is no longer accepted"], []),
        (changed("properties", "Id", "type", to=["string", "null"]), [], ["/Id: null may come now"]),
        (changed("properties", "Id", "minLength", to=3), ["/Id: minLength is narrower"], []),
        (changed("properties", "Id", "maxLength", to=10), [], ["/Id: maxLength is wider"]),
        (changed("properties", "Id", "maxLength", to=...), [], ["/Id: maxLength is wider"]),
        (changed("properties", "Id", "pattern", to="^.$"), ["/Id: pattern differs"], ["/Id: pattern differs"]),
        (changed("properties", "Id", "pattern", to=...), [], ["/Id: pattern differs"]),
        (changed("properties", "Note", "pattern", to="^.$"), ["/Note: pattern differs"], []),
        (changed("properties", "Kind", "enum", to=["a"]), ['/Kind: value "b" is no longer accepted'], []),
        (changed("properties", "Kind", "enum", to=["a", "b", "c"]), [], ['/Kind: value "c" may come now']),
        (changed("properties", "Kind", "enum", to=...), [], ["/Kind: values are no longer enumerated"]),
        (changed("properties", "List", "maxItems", to=4), ["/List: maxItems is narrower"], []),
        (
            changed("properties", "List", "items", to={"type": "integer"}),
            ["/List/*: string is no longer accepted"],
            ["/List/*: integer may come now"],
        ),
        (
            changed("$defs", "Inner", "properties", "Deep", "minimum", to=2),
            ["/Inner/Deep: minimum is narrower"],
            [],
        ),
        (
            changed("$defs", "Inner", "properties", to={}),
            ["/Inner/Deep: is no longer read"],
            ["/Inner/Deep: is no longer sent"],
        ),
        (changed("allOf", to=[]), [], ["/: a rule is gone: Id needs Kind"]),
        (
            changed("allOf", to=[*RULES, {"description": "new", "not": {"required": ["Note"]}}]),
            ["/: a rule is new: new"],
            [],
        ),
        (changed("additionalProperties", to=True), [], ["/: unknown members may come now"]),
        (changed("properties", "Id", "description", to="another text"), [], []),
        (changed("type", to="array"), None, None),
    ],
)
def test_a_breaking_change_is_named_by_its_place(
    made: dict[str, Any], as_command: list[str] | None, as_result: list[str] | None
) -> None:
    for direction, expected in (("taken", as_command), ("sent", as_result)):
        found = breaking(COMMAND, made, direction)  # type: ignore[arg-type]
        assert found == expected if expected is not None else found


def test_no_schema_breaks_itself() -> None:
    for name, text in files().items():
        if name not in ("openapi.json", "asyncapi.json"):
            schema = json.loads(text)
            assert breaking(schema, schema, "taken") == []
            assert breaking(schema, schema, "sent") == []
