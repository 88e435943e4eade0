"""The parts that the reference page is made of, without a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.docs import redoc
from shared.workbench.docs.__main__ import main
from shared.workbench.docs.display import without_conditions
from shared.workbench.docs.errors import DocsError
from shared.workbench.docs.fields import fields
from shared.workbench.docs.markdown import AnchorIds, to_html


def test_without_node_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        DocsError, match=r"^Node and npm are needed once, to fetch redoc [\d.]+: install nodejs and npm"
    ):
        redoc.script(tmp_path / "none")


def test_missing_schemas_are_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "out.html"), "--schemas", str(tmp_path)]) == 2
    assert re.fullmatch(r"docs: \S+\.json is missing: make schemas writes it\n", capsys.readouterr().err)
    assert not (tmp_path / "out.html").exists()


def test_a_schema_in_words() -> None:
    inner = {"title": "Inner", "type": "object", "properties": {"B": {"const": True}}}
    schema = {
        "$defs": {"Inner": inner},
        "required": ["Z"],
        "properties": {
            "A": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": 9,
                "pattern": "^a`+$",
                "description": "Of A.",
            },
            "Many": {"type": "array", "minItems": 1, "maxItems": 1000, "items": {"type": "integer", "minimum": 0}},
            "One": {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}], "default": {}},
            "Z": {"anyOf": [{"type": "string", "description": "In clear."}, {"enum": ["x", "y", None]}]},
        },
    }
    found = fields(schema)
    assert [(one.name, one.required, one.takes) for one in found] == [
        ("Z", True, ["text. In clear.", "`x`, `y`"]),
        ("A", False, ["text, 1 to 9 characters, ``^a`+$``"]),
        ("Many", False, ["list of 1 to 1,000: whole number, at least 0"]),
        ("One", False, ["object"]),
        ("One.B", False, ["`true`"]),
    ]
    assert found[1].meaning == "Of A."


def test_what_is_shown_of_a_schema_leaves_out_conditions_and_keeps_examples() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"A": {"type": "string"}, "B": False},
        "allOf": [{"if": {"required": ["A"]}, "then": {"required": ["B"]}}],
        "anyOf": [{"required": ["A"], "type": "object"}, {"$ref": "#/x"}],
        "example": {"if": 1, "not": 2},
    }
    assert without_conditions(schema) == {
        "type": "object",
        "properties": {"A": {"type": "string"}},
        "anyOf": [{"$ref": "#/x"}],
        "example": {"if": 1, "not": 2},
    }


def test_markdown_keeps_links_that_a_lone_page_can_follow() -> None:
    html = to_html("[file](tests/x.py) [here](#a) [web](https://w3.org)\n\n| a |\n|---|\n| `N` b |\n", AnchorIds(), "t")
    assert "<p>file <a " in html and "tests/x.py" not in html
    assert 'href="#a"' in html and 'href="https://w3.org"' in html
    assert '<tr id="t-n">' in html and 'class="frame" tabindex="0"' in html
