"""What stands beside each zip: the list of what is in it, by a format that others read, and its SHA-256."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from shared.workbench.bundle.checkout import version
from shared.workbench.bundle.loading import load
from shared.workbench.package.dependencies import SHIMS, dependency_tree, find_interpreter
from shared.workbench.package.zips import BuiltZip, build_zips
from tests.conftest import ACCOUNT, TAIR, Packages

pytestmark = pytest.mark.zips("zips are for Python 3.10")

ROOT = Path(__file__).parents[2]
EACH = [
    (cloud, s.module) for cloud in ("tencent", "alibaba") for s in load(ROOT / "serverless.yml", cloud, {}).functions
]


def sbom_of(one: BuiltZip) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(one.path.with_suffix(".cdx.json").read_text())
    return found


@pytest.mark.parametrize(("cloud", "module"), EACH)
def test_an_sbom_keeps_to_cyclonedx_1_6(cloud: str, module: str, packages: Packages) -> None:
    text = packages.built[cloud, module].path.with_suffix(".cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert "timestamp" not in text


@pytest.mark.parametrize(("cloud", "module"), EACH)
def test_an_sbom_names_each_distribution_in_the_zip_as_it_was_locked(
    cloud: str, module: str, packages: Packages
) -> None:
    one = packages.built[cloud, module]
    with zipfile.ZipFile(one.path) as archive:
        read = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    headers = [dict(line.split(": ", 1) for line in text.splitlines() if ": " in line) for text in read]
    wanted = {(re.sub(r"[-_.]+", "-", each["Name"]).lower(), each["Version"]) for each in headers}
    components = sbom_of(one)["components"]
    assert {(each["name"], each["version"]) for each in components} == wanted
    assert len(components) == len(wanted)
    lock = (ROOT / f"requirements-{cloud}.txt").read_text()
    for each in components:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        locked = re.search(rf"^{each['name']}=={re.escape(each['version'])}\b.*(\n    --hash=.*)+", lock, re.MULTILINE)
        assert locked and f"sha256:{each['hashes'][0]['content']}" in locked[0]


@pytest.mark.parametrize(("cloud", "module"), EACH)
def test_every_file_in_a_zip_is_keyturns_or_of_a_listed_distribution(
    cloud: str, module: str, packages: Packages
) -> None:
    one = packages.built[cloud, module]
    with zipfile.ZipFile(one.path) as archive:
        names = set(archive.namelist())
    listed = {each["name"] for each in sbom_of(one)["components"]}
    known = [each for each in dependency_tree(cloud, find_interpreter("3.10")).distributions if each.name in listed]
    theirs = {file for each in known for file in each.files}
    ours = {"shared", "functions", f"{module}.py", *(SHIMS if cloud == "alibaba" else ())}
    rest = {name for name in names - theirs if name.partition("/")[0] not in ours}
    assert {name.partition("/")[0] for name in rest} == {each.info for each in known}


@pytest.mark.parametrize(("cloud", "module"), EACH)
def test_an_sbom_and_a_digest_file_are_of_this_zip(cloud: str, module: str, packages: Packages) -> None:
    one = packages.built[cloud, module]
    digest = hashlib.sha256(one.path.read_bytes()).hexdigest()
    about = sbom_of(one)["metadata"]["component"]
    assert (about["name"], about["version"], about["type"]) == ("keyturn", version(), "application")
    assert about["purl"] == f"pkg:generic/keyturn@{version()}?file_name={module}.zip"
    assert about["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert one.path.with_suffix(".zip.sha256").read_text() == f"{digest}  {module}.zip\n"


@pytest.mark.parametrize("module", [ACCOUNT, TAIR])
def test_the_same_zip_has_the_same_sbom(module: str, packages: Packages, tmp_path: Path) -> None:
    cloud = module.partition("_")[0]
    (again,) = build_zips(load(ROOT / "serverless.yml", cloud, {}), tmp_path, only=[module])
    first = packages.built[cloud, module]
    assert again.path.with_suffix(".cdx.json").read_bytes() == first.path.with_suffix(".cdx.json").read_bytes()
    assert sbom_of(again)["serialNumber"] != sbom_of(packages.built[cloud, "plan_rotation"])["serialNumber"]


def test_a_zip_that_seals_lists_what_seals(tmp_path: Path) -> None:
    text = (ROOT / "serverless.yml").read_text()
    (tmp_path / "serverless.yml").write_text(
        text.replace(f"        name: {TAIR}\n", f"        name: {TAIR}\n        seals: true\n", 1)
    )
    (one,) = build_zips(load(tmp_path / "serverless.yml", "alibaba", {}), tmp_path / "dist", only=[TAIR])
    names = {each["name"] for each in sbom_of(one)["components"]}
    assert {"joserfc", "cryptography", "cffi", "pydantic"} <= names
    assert not {"pycparser", "aiohttp"} & names  # nothing of the one is used, a stand-in is in the place of the other
