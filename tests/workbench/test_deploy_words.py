"""What `plan` and `deploy` print: numbers with their nouns, variables that no function gets."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from shared.workbench.deploy import access, commands
from tests.workbench.deploy_site import Site


def test_a_variable_of_functions_that_no_function_gets_is_named_without_its_value(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"KEYTURN_RATE": "7.25", "KEYTURN_ALLOW_NOAUTH": "1", "KEYTURN_SEAL_KEYS": "", "KEYTURN_LOG": "DEBUG"}
    said = access.not_deployed(site.description, given | {"KEYTURN_NIGHTLY": "on", "KEYTURN_CA_FILE": "ca.pem"})
    rest = "is set here, but serverless.yml does not name it under custom.environment: functions will not get it"
    assert said == (f"KEYTURN_RATE {rest}", f"KEYTURN_ALLOW_NOAUTH {rest}")  # the description names KEYTURN_LOG
    work = site.work()
    work.notes = said
    assert commands.plan(work) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert all(f"note: {line}" in told for line in said)
    assert "7.25" not in told


def test_one_function_is_told_in_the_singular(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.description = replace(site.description, functions=site.description.functions[1:])
    assert site.plan() == 0
    assert site.deploy() == 0
    site.change("goodbye", timeout_s=9)
    assert site.plan() == 0
    told = capsys.readouterr().out
    assert "+ 1 function, ~ 0, - 0; 0 triggers" in told
    assert "1 step; `make deploy" in told and " does it\n" in told
    assert "1 function runs on " in told
    assert not re.search(r"\b1 (functions|triggers|steps|packages)\b", told)
