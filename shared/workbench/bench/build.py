"""Builds everything that is measured, below .keyturn/bench: keyturn's zips, the plain handlers, the vendors' tools."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.workbench.bench.errors import BenchError
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.loading import load
from shared.workbench.package.authorities import FOLDER as AUTHORITIES
from shared.workbench.package.authorities import add_authority
from shared.workbench.package.dependencies import Interpreter, PackageError, find_interpreter
from shared.workbench.package.zips import BuiltZip, build_zips

PLAIN = Path(__file__).parent / "plain"
HOME = ROOT / ".keyturn" / "bench"
_SDK = {"tencent": "tencentcloud-sdk-python", "alibaba": "alibabacloud_r_kvstore20150101"}
_PINNED_BY = {"tencent": "tencentcloud-sdk-python-common", "alibaba": "alibabacloud-r-kvstore20150101"}
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_NODE_SDKS = ("tencentcloud-sdk-nodejs", "@alicloud/r-kvstore20150101")
_OURS = b"\n# CN=stand-in\n"
_NAMED = re.compile(r"^(Name|Version): (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class PackagedFunction:
    """keyturn's zip of one function, and the folder where it is unpacked."""

    built: BuiltZip
    folder: Path


@dataclass(frozen=True)
class PlainHandler:
    """A plain handler's folder, its size on disk (bytes), and its packages."""

    folder: Path
    size: int
    versions: Mapping[str, str]


def interpreter() -> Interpreter:
    """The Python that both platforms run. Raises: BenchError."""
    try:
        return find_interpreter("3.10")
    except PackageError as error:
        raise BenchError(str(error)) from None


def unpacked_packages() -> dict[tuple[str, str], PackagedFunction]:
    """keyturn's zips of both platforms, by platform and function. Raises: BenchError."""
    packed: dict[tuple[str, str], PackagedFunction] = {}
    for cloud in ("tencent", "alibaba"):
        try:
            built = build_zips(load(ROOT / "serverless.yml", cloud, {}), HOME / "dist")
        except PackageError as error:
            raise BenchError(str(error)) from None
        for one in built:
            folder = HOME / "ours" / cloud / one.spec.module
            shutil.rmtree(folder, ignore_errors=True)
            with zipfile.ZipFile(one.path) as archive:
                archive.extractall(folder)
            packed[cloud, one.spec.module] = PackagedFunction(one, folder)
    return packed


def trust(ca: Path, packed: Mapping[tuple[str, str], PackagedFunction], plain: Mapping[str, PlainHandler]) -> None:
    """Add a CA to the set that each folder trusts.

    So each client reads its whole set of CAs, as it does in a real account.
    """
    pem = ca.read_bytes()
    for one in packed.values():
        add_authority(pem, one.folder / AUTHORITIES)
    for other in plain.values():
        bundle = other.folder / "certifi" / "cacert.pem"
        bundle.write_bytes(bundle.read_bytes().partition(_OURS)[0] + _OURS + pem)


def build_plain_handler(cloud: str, python: Interpreter) -> PlainHandler:
    """Build the plain handler by the vendor's pages: `pip install --target` with the SDK, in the versions that keyturn
    uses.

    Bytecode is left out, as in a zip that is made from a clean checkout. Raises: BenchError.
    """
    folder = HOME / f"plain-{cloud}"
    ready = folder / ".ready"
    pinned = dict(_PINNED.findall((ROOT / f"requirements-{cloud}.txt").read_text(encoding="utf-8")))
    sdk = f"{_SDK[cloud]}=={pinned[_PINNED_BY[cloud]]}"
    constraints = "".join(f"{name}=={version}\n" for name, version in sorted(pinned.items()))
    if not ready.exists() or ready.read_text(encoding="utf-8") != constraints:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        given = folder / "constraints.txt"
        given.write_text(constraints, encoding="utf-8")
        pip = [sys.executable, "-m", "pip", *_for(python), "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-compile", "--target", str(folder), "-c", str(given), sdk, "pydantic"], f"pip install {sdk}")
        given.unlink()
        ready.write_text(constraints, encoding="utf-8")
    for handler in ("plain_tencent.py", "floor.py") if cloud == "tencent" else ("plain_alibaba.py",):
        shutil.copyfile(PLAIN / handler, folder / handler)
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    named = dict(_named(one) for one in sorted(folder.glob("*.dist-info/METADATA")))
    return PlainHandler(folder, sum(path.stat().st_size for path in files), named)


def install_tccli(python: Interpreter) -> tuple[Path, str]:
    """Install Tencent's command-line client in its own venv; returns the program and its version.

    Raises: BenchError.
    """
    folder = HOME / "tccli"
    ready = folder / ".ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([python.path, "-m", "venv", str(folder)], "python -m venv")
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        _run([*pip, "tccli"], "pip install tccli")
        ready.touch()
    (metadata,) = folder.glob("lib/python*/site-packages/tccli-*.dist-info/METADATA")
    return folder / "bin" / "tccli", _named(metadata)[1]


def install_node_sdks() -> tuple[str, Path, dict[str, str]]:
    """Install the vendors' Node SDKs; returns Node, the folder of modules, and all versions. Raises: BenchError."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise BenchError("Node and npm are not on PATH")
    folder = HOME / "node"
    ready = folder / ".ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        _run([npm, "install", "--prefix", str(folder), *quiet, *_NODE_SDKS], "npm install of the vendors' SDKs")
        ready.touch()
    modules = folder / "node_modules"
    versions = {name: json.loads((modules / name / "package.json").read_text())["version"] for name in _NODE_SDKS}
    told = subprocess.run([node, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return node, modules, {"node": told.stdout.strip().removeprefix("v"), **versions}


def _for(python: Interpreter) -> list[str]:
    """The options that make this pip install for that Python; empty if it is the same Python."""
    same = f"{sys.version_info.major}.{sys.version_info.minor}" == python.version
    return [] if same else ["--python", python.path]


def _named(metadata: Path) -> tuple[str, str]:
    """A package's name and version."""
    head = metadata.read_text(encoding="utf-8").partition("\n\n")[0]
    fields = dict(_NAMED.findall(head))
    return fields["Name"].lower().replace("_", "-"), fields["Version"]


def _run(command: Sequence[str], what: str) -> None:
    environ = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    HOME.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise BenchError(f"{what} failed:\n{done.stderr.strip()[-1500:]}")
