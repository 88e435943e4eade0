"""Which zip each deployed function runs, as `make verify` tells it: every line that it can say."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from alibabacloud_fc20230330 import models

from shared.workbench.verify.deployed_code import deployed_code
from tests.cloud.client.deployed_bundle import DeployedBundle, prepare_bundle
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.conftest import Packages
from tests.support.hello_function import zip_of

pytestmark = pytest.mark.zips("zips are for Python 3.10")


def told(bundle: DeployedBundle) -> dict[str, str]:
    """What is said of each function."""
    lines = deployed_code(bundle.name, bundle.dist, bundle.environ)
    return {name: text for name, _, text in (line.partition(": ") for line in lines)}


def swap_code(bundle: DeployedBundle, function: str) -> None:
    """What somebody does who changes the code and leaves the description as it is."""
    other = base64.b64encode(zip_of()).decode()
    if bundle.name == "tencent":
        call_scf(bundle.cloud, "UpdateFunctionCode", FunctionName=function, Code={"ZipFile": other})
        return
    body = models.UpdateFunctionInput(code=models.InputCodeLocation(zip_file=other))
    fc_client(bundle.cloud).update_function(function, models.UpdateFunctionRequest(body=body))


@pytest.mark.parametrize("name", ["tencent", "alibaba"])
def test_each_function_is_told_by_its_description_and_its_platforms_digest(
    name: str, cloud: Standin, packages: Packages, tmp_path: Path
) -> None:
    bundle = prepare_bundle(cloud, name, packages.dist, tmp_path)
    assert told(bundle) == {"no function of serverless.yml is deployed": ""}
    assert bundle.workbench("deploy").returncode == 0
    said = told(bundle)
    assert len(said) >= 3
    assert all(text == f"runs {tmp_path / name / function}.zip" for function, text in said.items())
    first, second, third = sorted(said)[:3]
    (tmp_path / name / f"{first}.zip").unlink()
    (tmp_path / name / f"{second}.zip").unlink()
    (tmp_path / name / f"{second}.zip").write_bytes(zip_of())
    swap_code(bundle, third)
    changed = told(bundle)
    assert changed[first].startswith("there is no ") and f"`make package CLOUD={name}`" in changed[first]
    assert changed[second].startswith("runs another zip than ")
    assert changed[third].endswith("but the platform reports other code")
    assert {one: text for one, text in changed.items() if one not in (first, second, third)} == {
        one: text for one, text in said.items() if one not in (first, second, third)
    }


def test_where_nobody_says_who_asks_it_is_not_looked_at(tmp_path: Path) -> None:
    (line,) = deployed_code("tencent", tmp_path, {})
    assert line.startswith("the code of the functions was not checked: ")
