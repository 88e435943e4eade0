"""The exit code of `make call` with several commands: one that did not succeed is not hidden by the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.workbench.deploy.call import unsuccessful


def result(outcome: str, error: str | None = None) -> dict[str, Any]:
    return {"data": {"Outcome": outcome, "Error": {"Class": error} if error else None}}


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([result("changed"), result("already_changed"), result("would_change")], 0),
        ([result("changed"), result("pending"), None], 0),
        ([result("changed"), result("not_changed", "invalid_command"), result("unknown", "failed")], 2),
    ],
)
def test_results_that_tell_of_no_success_are_counted(results: list[Any], expected: int) -> None:
    assert unsuccessful(json.dumps({"Results": results, "Delivered": True})) == expected


@pytest.mark.parametrize("text", ["", "[]", '{"Results": 1}', '{"Results": [{}]}'])
def test_a_reply_that_cannot_be_read_is_no_success(text: str) -> None:
    assert unsuccessful(text) == 1
