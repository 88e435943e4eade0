"""What GitHub reads: a workflow that only calls .ci/run, and forms that ask for what helps and for no secret.

The keys are those of GitHub's documentation: "Workflow syntax for GitHub Actions", "Syntax for issue forms", "Syntax
for GitHub's form schema" and "Common validation errors when creating issue forms".
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
import yaml

from tests.cloud.state.checkout import ROOT

FOLDER = ROOT / ".github"
WORKFLOW = FOLDER / "workflows" / "ci.yml"
FORMS = sorted(path.name for path in (FOLDER / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")

TOP = {"name", "description", "title", "labels", "assignees", "projects", "type", "body"}
# Of each element: the attributes that it must have, and those that it may have.
ATTRIBUTES = {
    "markdown": ({"value"}, {"value"}),
    "textarea": ({"label"}, {"label", "description", "placeholder", "value", "render"}),
    "input": ({"label"}, {"label", "description", "placeholder", "value"}),
    "dropdown": ({"label", "options"}, {"label", "description", "multiple", "options", "default"}),
    "checkboxes": ({"label", "options"}, {"label", "description", "options"}),
}
ASKED = {
    "wrong_result.yml": {"result", "command-id", "log", "cloud", "operation", "version"},
    "operation.yml": {"cloud", "page", "after", "repeat"},
    "deploy.yml": {"plan", "cloud", "version"},
}


def read(path: str) -> dict[str, Any]:
    """A file's mapping. YAML 1.1 reads the key `on` as true; GitHub does not."""
    found: dict[Any, Any] = yaml.safe_load((FOLDER / path).read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in found.items()}


# --- the workflow -----------------------------------------------------------------------------------------------------


def test_the_workflow_calls_ci_run_and_does_nothing_else() -> None:
    workflow = read("workflows/ci.yml")
    assert set(workflow) == {"name", "on", "permissions", "concurrency", "jobs"}
    assert set(workflow["on"]) == {"push", "pull_request", "schedule"}
    (job,) = workflow["jobs"].values()
    assert set(job) == {"runs-on", "timeout-minutes", "steps"}
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    uses = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    assert uses == ["actions/checkout", "actions/setup-python"]
    assert {key for step in job["steps"] for key in step} == {"uses", "with", "run"}


def test_the_workflow_may_read_the_code_and_no_more() -> None:
    workflow, text = read("workflows/ci.yml"), WORKFLOW.read_text(encoding="utf-8")
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in next(iter(workflow["jobs"].values()))
    assert "secrets" not in text and "pull_request_target" not in text
    assert "persist-credentials: false" in text


def test_the_workflow_pins_each_action_to_a_commit_and_says_its_version() -> None:
    lines = [line for line in WORKFLOW.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    for line in lines:
        assert re.fullmatch(r" +- uses: [a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_the_workflow_brings_the_pythons_and_the_time_that_ci_run_wants() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    looked_for = re.findall(r"^for version in ([\d. ]+); do$", script, re.MULTILINE)
    (job,) = read("workflows/ci.yml")["jobs"].values()
    (versions,) = (step["with"]["python-version"].split() for step in job["steps"] if "setup-python" in str(step))
    assert versions == ["3.9", *looked_for[0].split()]  # 3.9: the one that is too old
    (seconds,) = re.findall(r"shares, %d s in all, of (\d+)", script)
    assert job["timeout-minutes"] * 60 >= int(seconds) * 1.2


# --- the forms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_form_has_the_shape_that_github_documents(form: str) -> None:
    document = read(f"ISSUE_TEMPLATE/{form}")
    assert {"name", "description", "body"} <= set(document) <= TOP
    texts = [document[key] for key in ("name", "description", "title")]
    for element in document["body"]:
        kind, attributes = element["type"], element["attributes"]
        needed, allowed = ATTRIBUTES[kind]
        assert needed <= set(attributes) <= allowed
        assert set(element) <= {"type", "id", "attributes", "validations"}
        assert ("id" in element) == (kind != "markdown")
        assert set(element.get("validations", {"required": True})) == {"required"}
        assert kind not in ("markdown", "checkboxes") or "validations" not in element
        texts += [value for key, value in attributes.items() if key != "options"]
        if kind == "dropdown":
            options = attributes["options"]
            assert len(set(options)) == len(options) and "none" not in {option.lower() for option in options}
            texts += options
        elif kind == "checkboxes":
            assert all(set(option) == {"label", "required"} for option in attributes["options"])
    assert all(isinstance(text, str) and text.strip() for text in texts)
    for values in ([e["id"] for e in document["body"] if "id" in e], labels(document)):
        assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", element["id"]) for element in document["body"] if "id" in element)


def labels(document: dict[str, Any]) -> list[str]:
    return [element["attributes"]["label"] for element in document["body"] if "label" in element["attributes"]]


@pytest.mark.parametrize("form", FORMS)
def test_a_form_asks_for_what_a_maintainer_needs(form: str) -> None:
    body = read(f"ISSUE_TEMPLATE/{form}")["body"]
    required = {element["id"] for element in body if element.get("validations") == {"required": True}}
    assert ASKED[form] <= required


@pytest.mark.parametrize("form", FORMS)
def test_a_form_warns_first_of_secrets_and_asks_again_at_the_end(form: str) -> None:
    first, *_, last = read(f"ISSUE_TEMPLATE/{form}")["body"]
    warning = first["attributes"]["value"]
    assert "**Never paste a secret**" in warning
    assert "(../security/policy)" in warning and "(../blob/HEAD/SECURITY.md)" in warning
    assert (ROOT / "SECURITY.md").is_file()
    assert last["type"] == "checkboxes" and [option["required"] for option in last["attributes"]["options"]] == [True]


def test_there_is_a_form_for_each_kind_of_issue_and_no_way_around_them() -> None:
    assert set(FORMS) == set(ASKED)
    assert len({read(f"ISSUE_TEMPLATE/{form}")["name"] for form in FORMS}) == len(FORMS)
    assert read("ISSUE_TEMPLATE/config.yml") == {"blank_issues_enabled": False}
