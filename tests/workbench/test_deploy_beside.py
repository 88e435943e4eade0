"""Somebody else at work while plan, deploy or remove are: two at once, and zips that were changed by hand."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from shared.workbench.deploy import commands, steps
from shared.workbench.deploy.access import Refused
from tests.support.forked import fork
from tests.workbench.deploy_site import Site


def test_what_somebody_else_changed_beside_a_deploy_is_told_and_is_no_success(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another deploy with a key of its own, for instance."""
    monkeypatch.setattr(commands, "SHOWN_WITHIN_S", 0.3)
    carry_out = steps.carry_out

    def beside(plane: Any, done: Any, target: Any, *how: Any) -> bool:
        ended = carry_out(plane, done, target, *how)
        spec = target.specs["hello"]
        plane.change_settings(replace(spec, timeout_s=17), target.packages["hello"])
        plane.settle("hello")
        return ended

    monkeypatch.setattr(commands, "carry_out", beside)
    assert site.deploy() == 1
    told = capsys.readouterr()
    assert "1 step is left or needed again" in told.err
    assert "functions run on" not in told.out
    monkeypatch.undo()
    assert site.deploy() == 0
    assert site.steps() == []


def test_two_removes_at_once_both_end_well(site: Site) -> None:
    assert site.deploy() == 0
    children = [fork(site.remove) for _ in range(2)]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert site.names() == set()


@pytest.mark.parametrize("site", ["tencent"], indirect=True)
@pytest.mark.parametrize("action", ["GetFunctionEventInvokeConfig", "ListTriggers", "GetReservedConcurrencyConfig"])
def test_a_function_that_goes_while_it_is_read_is_gone(site: Site, action: str) -> None:
    assert site.deploy() == 0
    fault = {"Action": action, "Fault": "code", "Code": "ResourceNotFound.Function", "When": "before"}
    site.cloud.faults([fault])
    assert site.plane.read_function("hello") is None
    assert site.plane.read_function("hello") is not None


def test_what_a_list_shows_late_is_removed_all_the_same(site: Site) -> None:
    site.cloud.faults([{"Action": "ListFunctions", "Fault": "lag", "Seconds": 600.0}])
    assert site.deploy() == 0
    assert site.remove() == 0
    assert site.names() == set()


def test_a_zip_that_is_not_the_one_that_was_built_is_not_deployed(site: Site) -> None:
    path = site.packages["hello"].path
    path.with_suffix(".zip.sha256").write_text(f"{site.packages['hello'].digest}  {path.name}\n")
    assert site.packages["hello"].is_as_built
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.py", "")
    with pytest.raises(Refused, match=r"hello\.zip has changed since it was built"):
        _ = site.packages
