"""The schemas say what the code does: the same commands are taken, and all that leaves fits."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.operations import functions, operations
from shared.workbench.package.imports import imported_names
from shared.workbench.schemas import __main__ as program
from shared.workbench.schemas import commands, schema_files, texts
from tests.support.programs import ASYNCAPI, NODE_PACKAGES, require_program
from tests.workbench.schema_checks import PLAN, Validator, files


def test_the_committed_files_are_those_that_the_code_makes() -> None:
    assert schema_files.stale_files(program.FOLDER, files()) == [], "run: make schemas"


def test_what_is_stale_missing_or_left_over_is_named(tmp_path: Path) -> None:
    schema_files.write_files(tmp_path, files())
    assert schema_files.stale_files(tmp_path, files()) == []
    (tmp_path / "result.json").write_text("{}")
    (tmp_path / "openapi.json").unlink()
    (tmp_path / "gone.json").write_text("{}")
    assert schema_files.stale_files(tmp_path, files()) == ["gone.json", "openapi.json", "result.json"]
    schema_files.write_files(tmp_path, files())
    assert schema_files.stale_files(tmp_path, files()) == []


@pytest.mark.parametrize("name", sorted(name for name in files() if "api" not in name))
def test_each_schema_is_valid_json_schema_with_a_name_of_its_own(name: str) -> None:
    schema = json.loads(files()[name])
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:keyturn:schema:{name.removesuffix('.json')}"


def test_openapi_is_valid_and_its_schemas_too() -> None:
    document = json.loads(files()["openapi.json"])
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert set(document["paths"]) == {f"/{name}" for name in (*operations(), PLAN)}


def test_asyncapi_is_valid_by_its_own_parser() -> None:
    require_program(ASYNCAPI)
    script = """
const { Parser } = require("@asyncapi/parser");
const text = require("node:fs").readFileSync(0, "utf8");
new Parser().parse(text).then(({ document, diagnostics }) => {
  const grave = diagnostics.filter((one) => one.severity < 2).map((one) => `${one.path.join("/")}: ${one.message}`);
  console.log(JSON.stringify({ read: Boolean(document), grave }));
});
"""
    done = subprocess.run(
        ["node", "-e", script],
        input=files()["asyncapi.json"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=NODE_PACKAGES,
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(NODE_PACKAGES / "node_modules")},
    )
    assert json.loads(done.stdout) == {"read": True, "grave": []}, done.stderr[-2000:]


def test_asyncapi_says_which_function_receives_what() -> None:
    document = json.loads(files()["asyncapi.json"])
    for function in functions():
        received = document["operations"][f"receive_{function}"]
        assert received["action"] == "receive"
        assert {one["$ref"].rpartition("/")[2] for one in received["messages"]} == {
            f"command.{function}",
            f"bare.{function}",
        }


def test_every_field_of_every_model_is_described_and_nothing_else_is() -> None:
    described: set[tuple[str, str]] = set()
    for text in files().values():
        found = json.loads(text)
        for schema in [found, *found.get("$defs", {}).values()]:
            described |= {(schema.get("title", ""), name) for name in schema.get("properties", {})}
    own = {one.command.__name__ for one in operations().values()}
    named = {(model, name) for model in {*texts.FIELDS, *own} for name in texts.fields(model)}
    # What all commands share is said once, though not every operation has all of it.
    shared = {(commands.model(one).__name__, name) for one in operations() for name in texts._COMMAND}
    assert named - described - shared == set()
    assert not [one for one in described - named if one[0] in {*texts.FIELDS, *own}]


def test_every_example_in_openapi_fits_its_own_schema() -> None:
    document = json.loads(files()["openapi.json"])
    seen = 0
    for path in document["paths"].values():
        operation = path["post"]
        for part in (operation["requestBody"], *operation["responses"].values()):
            for content in part["content"].values():
                check = Validator({**content["schema"], "components": document["components"]})
                for shown in content.get("examples", {}).values():
                    assert [one.message for one in check.iter_errors(shown["value"])] == []
                    seen += 1
    assert seen > 60


def test_nothing_that_ships_imports_the_types_of_the_schemas() -> None:
    for file in sorted((ROOT / "shared").rglob("*.py")):
        inside = file.relative_to(ROOT)
        if "workbench" not in inside.parts and file.name != "event_types.py":
            named = imported_names(file, ".".join(inside.parent.parts))
            assert not [name for name in named if name.endswith(".event_types")], file


def test_a_policys_schema_names_no_operation_so_that_another_one_breaks_nothing() -> None:
    schema = json.loads(files()[f"{PLAN}.command.json"])
    assert "enum" not in schema["properties"]["Function"]
    for function in operations():
        assert f"- {function} takes a Length of" in schema["description"]
        assert function not in json.dumps(schema.get("allOf"))
