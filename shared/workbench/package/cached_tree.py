"""A tree of files in the package cache, with the hash of each file. Every use compares the hashes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from shared.workbench.package.installed import Distribution

_TREE, _MANIFEST = "tree", "manifest.json"


@dataclass(frozen=True)
class DependencyTree:
    """Files for a zip, by their name in the zip, and the distributions that they belong to."""

    files: Mapping[str, Path]
    distributions: tuple[Distribution, ...]


def read_tree(folder: Path) -> DependencyTree | None:
    """The cached tree. None: there is none, or a file was changed, added or removed since `write_manifest`."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        files = _files(folder / _TREE)
        if manifest["files"] != _hashes(files):
            return None
        made = [Distribution(**{**one, "files": tuple(one["files"])}) for one in manifest["distributions"]]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return DependencyTree(files, tuple(made))


def tree_of(folder: Path) -> Path:
    """The path of the files of a cached tree, which may not exist yet."""
    return folder / _TREE


def write_manifest(folder: Path, distributions: list[Distribution]) -> None:
    """Write down the hash of every file of the tree, and its distributions."""
    manifest = {"distributions": [asdict(one) for one in distributions], "files": _hashes(_files(folder / _TREE))}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def put_in_place(made: Path, ready: Path, aside: Path) -> DependencyTree:
    """Move a finished tree to its name in the cache. A damaged tree with that name is moved `aside`.

    Raises: OSError.
    """
    if (theirs := read_tree(ready)) is not None:  # another process was faster, and built the same tree
        return theirs
    if ready.exists():
        ready.rename(aside)
        shutil.rmtree(aside)
    try:
        made.rename(ready)
    except OSError:
        if (theirs := read_tree(ready)) is None:
            raise
        return theirs
    tree = read_tree(ready)
    if tree is None:
        raise OSError(f"{ready} changed while it was built")
    return tree


def _files(tree: Path) -> dict[str, Path]:
    """The tree's files by name. Raises: OSError: there is a link, which could lead anywhere."""
    files = {}
    for path in tree.rglob("*"):
        if path.is_symlink():
            raise OSError(f"{path} is a link")
        if path.is_file():
            files[path.relative_to(tree).as_posix()] = path
    return files


def _hashes(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
