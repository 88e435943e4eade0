"""The packages in the zips: locked wheels for the platforms, whatever machine builds. They are pruned and compiled.

Both platforms run x86_64 with glibc 2.17 or newer, hence manylinux2014. A tree is built once and kept below `.keyturn`.
Its name is derived from everything that decides its content. A tree that has changed is built again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.package.authorities import FOLDER, split_bundle
from shared.workbench.package.cached_tree import DependencyTree, put_in_place, read_tree, tree_of, write_manifest
from shared.workbench.package.installed import Distribution, installed, left_of

_HERE = Path(__file__).parent
# The files of this folder that decide a tree's content.
_MAKERS = ("authorities", "bytecode", "cached_tree", "dependencies", "installed")
_WHEELS = "manylinux2014_x86_64"
# Of a package's metadata: what code reads at run time (pydantic), and the licences, which must be shipped.
_KEPT_INFO = re.compile(r"METADATA|entry_points\.txt|(LICEN[CS]E|COPYING|NOTICE|AUTHORS).*|licenses/.*", re.IGNORECASE)
_SUFFIXES = {".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".hpp", ".cpp", ".typed", ".pyc", ".hash"}
_FOLDERS = {"bin", "__pycache__", "tests"}
_UNUSED = re.compile(
    # The vendor's coroutine clients. Only they import each other.
    r"tencentcloud/.*_async\.py"
    # The source that cryptography is built from. At run time it needs only _cffi_backend.
    r"|(cffi|pycparser)/.*"
    # charset-normalizer's compiled copies and its command. `requests` needs it only for answers that name no encoding.
    r"|charset_normalizer/(.*\.so|cli/.*|__main__\.py)"
    # Plugins for type checkers and test runners.
    r"|pydantic/(v1/)?(mypy|_hypothesis_plugin)\.py"
)
# Packages that Alibaba's client imports at once and keyturn's calls never use. shims/ defines the imported names. A
# shim raises if it is used after all: coroutines, RSA signatures, calls that stay open, fetching keys.
SHIMS = frozenset(folder.name for folder in (_HERE / "shims").iterdir() if (folder / "__init__.py").is_file())
# Packages that only the replaced ones need.
_GONE_WITH_THEM = {
    *("_cffi_backend", "aiohappyeyeballs", "aiosignal", "async_timeout", "attr", "attrs", "cffi", "frozenlist"),
    *("multidict", "propcache", "pycparser", "tzlocal", "yarl"),
}
_STOOD_IN_LOCK = "alibaba"
_VERSION = re.compile(r"^tencentcloud-sdk-python-common==([0-9.]+)", re.MULTILINE)


class PackageError(Exception):
    """A package could not be built; the text says why, and what to do."""


@dataclass(frozen=True)
class Interpreter:
    """The Python of a platform. `version` is `3.10`, `full` is `3.10.13`."""

    path: str
    version: str
    full: str


def find_interpreter(version: str) -> Interpreter:
    """A Python of this minor version, on PATH or below pyenv. Raises: PackageError."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [sys.executable, f"python{version}", *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))]
    for candidate in candidates:
        try:
            told = subprocess.run(
                [candidate, "-I", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.executable)"],
                capture_output=True,
                text=True,
                timeout=30,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        full, _, path = told.stdout.strip().partition(" ")
        if told.returncode == 0 and full.startswith(f"{version}.") and path:
            return Interpreter(path, version, full)
    raise PackageError(f"the platform runs Python {version}, but there is none on PATH or below pyenv: install one")


def dependency_tree(lock: str, python: Interpreter, *, root: Path = ROOT, cache: Path | None = None) -> DependencyTree:
    """The packages that `requirements-<lock>.txt` names, ready for a zip. Raises: PackageError."""
    requirements = root / f"requirements-{lock}.txt"
    cache = cache or root / ".keyturn" / "packages"
    recipe = [requirements, *(_HERE / f"{name}.py" for name in _MAKERS), *sorted((_HERE / "shims").rglob("*.py"))]
    inputs = b"\0".join([python.full.encode(), *(file.read_bytes() for file in recipe)])
    ready = cache / f"{lock}-{python.full}-{hashlib.sha256(inputs).hexdigest()[:16]}"
    if (tree := read_tree(ready)) is not None:
        return tree
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".building-") as temporary:
        made = Path(temporary) / "made"
        distributions = _build(lock, requirements, python, tree_of(made))
        write_manifest(made, distributions)
        return put_in_place(made, ready, Path(temporary) / "changed")


def _build(lock: str, requirements: Path, python: Interpreter, folder: Path) -> list[Distribution]:
    """Install, prune and compile the packages of a lock file below `folder`. Raises: PackageError."""
    folder.mkdir(parents=True)
    report = folder.parent / "report.json"
    _install(requirements, python, folder, report)
    try:
        distributions = installed(folder, report)
    except (OSError, ValueError, LookupError) as error:
        raise PackageError(f"pip's report of {requirements.name} cannot be read ({type(error).__name__})") from None
    report.unlink()
    _prune(folder)
    _settle_tencentcloud(folder, requirements)
    if (bundle := folder / "certifi" / "cacert.pem").is_file():
        split_bundle(bundle, folder / FOLDER)
    if lock == _STOOD_IN_LOCK:
        _stand_in(folder)
    compile_tree(folder, python)
    return [left_of(one, folder) for one in distributions]


def compile_tree(folder: Path, python: Interpreter, keep: tuple[str, ...] = ()) -> None:
    """Replace every source file below `folder` by its bytecode, except the files in `keep`. Raises: PackageError."""
    command = [python.path, "-s", "-S", "-B", str(_HERE / "bytecode.py"), str(folder), *keep]
    environ = {"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", "")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise PackageError(f"compiling failed: {done.stderr.strip()[-500:]}")


def _install(requirements: Path, python: Interpreter, folder: Path, report: Path) -> None:
    command = [*_pip(python), "install", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-compile", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--platform", _WHEELS, "--python-version", python.version, "--implementation", "cp"]
    command += ["--target", str(folder), "--report", str(report), "-r", str(requirements)]
    environ = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise PackageError(f"pip could not install {requirements.name}:\n{done.stderr.strip()[-2000:]}")


def _pip(python: Interpreter) -> list[str]:
    """A pip command that checks the lock's conditions (python_full_version < "3.11") with the platform's Python."""
    own = [python.path, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True, stdin=subprocess.DEVNULL).returncode == 0:
        return own
    return [sys.executable, "-m", "pip", "--python", python.path]


def _prune(folder: Path) -> None:
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        inside = file.relative_to(folder)
        if not _needed(PurePosixPath(inside.as_posix())):
            file.unlink()
        elif file.name == "METADATA":  # the project's description follows the headers
            file.write_text(file.read_text(encoding="utf-8").partition("\n\n")[0] + "\n", encoding="utf-8")
    for empty in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(empty.iterdir()):
            empty.rmdir()


def _needed(name: PurePosixPath) -> bool:
    if name.parts[0].endswith(".dist-info"):
        return _KEPT_INFO.fullmatch("/".join(name.parts[1:])) is not None
    if _FOLDERS & set(name.parts[:-1]) or name.suffix in _SUFFIXES:
        return False
    return not _UNUSED.fullmatch(str(name))


def _stand_in(folder: Path) -> None:
    """Replace the packages that keyturn's calls never use by shims/, and remove the packages that only they need."""
    for entry in list(folder.iterdir()):
        name = re.split(r"-[0-9]|\.", entry.name)[0].replace("websocket_client", "websocket")
        if name in SHIMS or name in _GONE_WITH_THEM:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for name in SHIMS:
        shutil.copytree(_HERE / "shims" / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def _settle_tencentcloud(folder: Path, requirements: Path) -> None:
    """Write one fixed version of a file that every wheel of this SDK contains. Otherwise pip's order would decide."""
    version = _VERSION.search(requirements.read_text(encoding="utf-8"))
    if version:
        (folder / "tencentcloud" / "__init__.py").write_text(f'__version__ = "{version[1]}"\n', encoding="utf-8")
