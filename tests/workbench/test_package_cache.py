"""The package cache: whatever was changed in it is found at the next use, and never comes into a zip."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.workbench.package.cached_tree import DependencyTree
from shared.workbench.package.dependencies import dependency_tree, find_interpreter
from tests.support.programs import PYTHON_3_10, require_program

pytestmark = pytest.mark.zips("zips are for Python 3.10")

ROOT = Path(__file__).parents[2]
SMALL = "annotated-types"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a lock of one small package, as the bundle's own lock has it."""
    require_program(PYTHON_3_10)
    folder = tmp_path_factory.mktemp("checkout")
    lock = (ROOT / "requirements-tencent.txt").read_text()
    found = re.search(rf"^{SMALL}==.*(\n    --hash=.*)+", lock, re.MULTILINE)
    assert found
    (folder / "requirements-small.txt").write_text(f"{found[0].rstrip(' ' + chr(92))}\n")
    return folder


def tree(root: Path) -> DependencyTree:
    return dependency_tree("small", find_interpreter("3.10"), root=root)


def contents(of: DependencyTree) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in of.files.items()}


def module(of: DependencyTree) -> Path:
    return of.files["annotated_types/__init__.pyc"]


def change(of: DependencyTree) -> None:
    data = module(of).read_bytes()
    module(of).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def add(of: DependencyTree) -> None:
    module(of).with_name("sitecustomize.pyc").write_bytes(b"anything")


def link(of: DependencyTree) -> None:
    copy = module(of).parents[3] / "elsewhere.pyc"
    copy.write_bytes(module(of).read_bytes())
    module(of).unlink()
    module(of).symlink_to(copy)


def spoil_manifest(of: DependencyTree) -> None:
    (module(of).parents[2] / "manifest.json").write_text("[]")


def remove(of: DependencyTree) -> None:
    module(of).unlink()


@pytest.mark.parametrize("harm", [change, add, remove, link, spoil_manifest])
def test_a_tree_that_was_changed_is_made_anew(root: Path, harm: Callable[[DependencyTree], None]) -> None:
    before = tree(root)
    whole = contents(before)
    assert len(whole) > 2
    harm(before)
    assert contents(tree(root)) == whole
    assert {path.name for path in (root / ".keyturn" / "packages").iterdir() if path.name.startswith(".")} == set()


def test_a_tree_that_is_whole_is_used_again(root: Path) -> None:
    made = module(tree(root)).stat().st_ino
    assert module(tree(root)).stat().st_ino == made


def test_a_tree_tells_what_was_installed(root: Path) -> None:
    (one,) = tree(root).distributions
    lock = (root / "requirements-small.txt").read_text()
    assert f"{SMALL}=={one.version} " in lock
    assert f"--hash=sha256:{one.sha256}" in lock
    assert one.name == SMALL
    assert set(one.files) == {name for name in tree(root).files if not name.startswith(one.info)}
