"""`package CLOUD`: builds dist/<cloud>/<function>.zip for each function.

A zip needs nothing else to run on its platform.

A zip contains: a short file at the root with the function's name (as source, because the platform's loader and console
look for it), which imports the function from functions/; the function's part of shared/; its own cloud's dependencies.
Beside the zip are <function>.cdx.json, its content as CycloneDX, and <function>.zip.sha256. The same inputs give the
same bytes.
"""

from __future__ import annotations

import ast
import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shared.runtime.spelling import meant
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.checkout import version as keyturn_version
from shared.workbench.bundle.description import Description, FunctionSpec
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.bundle.operations import FOLLOW, PLAN, operations
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.terminal import complain
from shared.workbench.package.cached_tree import DependencyTree
from shared.workbench.package.dependencies import (
    SHIMS,
    Interpreter,
    PackageError,
    compile_tree,
    dependency_tree,
    find_interpreter,
)
from shared.workbench.package.imports import import_closure
from shared.workbench.package.installed import Distribution
from shared.workbench.package.sbom import sbom
from shared.workbench.package.starting import NAME, can_start_here, compiled_file

_ENTRY = '''"""{summary}"""

from shared.runtime.cold_start import load_function

main_handler = load_function("functions.{module}").main_handler
'''
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_LARGEST = 4
_MB = 1_000_000
_LEVEL = 7  # 9 takes twice as long, and saves only two bytes in a thousand
# Queue -> its file. All other files are for every function.
_QUEUES = {
    "shared.clouds.tencent.ckafka": "ckafka",
    "shared.queues.smq": "smq",
    "shared.queues.smq_wire": "smq",
    "shared.queues.amqp": "amqp",
}
_QUEUE_OF_CLOUD = {"tencent": "ckafka", "alibaba": "smq"}
# The parts of a cloud's adapters that a queue needs.
_SESSION = ("", "session", "error_codes")
# Queue -> the lock file with its client, for queues whose client is a package.
_QUEUE_NEEDS = {"ckafka": "tencent", "amqp": "amqp"}


@dataclass(frozen=True)
class _Content:
    """The content of a zip: name in the zip -> file, and the distributions that the files belong to."""

    files: dict[str, Path]
    distributions: list[Distribution]


@dataclass(frozen=True)
class BuiltZip:
    """One zip: its path, its size and that of its files (bytes), the number of files, and the largest packages."""

    spec: FunctionSpec
    path: Path
    size: int
    unpacked: int
    files: int
    largest: tuple[tuple[str, int], ...]

    @property
    def over_budget(self) -> bool:
        return self.size > self.spec.budget_mb * _MB


def main(argv: list[str]) -> int:
    """Exit 2: serverless.yml is wrong; 1: a package could not be built, or is larger than its budget."""
    parser = CommandLine(
        "python -m shared.workbench.package",
        __doc__,
        "make package CLOUD=tencent",
        "make package CLOUD=alibaba FUNCTION=alibaba_tair_modify_account_password",
    )
    parser.add_argument("cloud", help="tencent or alibaba")
    parser.add_argument("functions", nargs="*", metavar="FUNCTION", help="all functions, if you name none")
    parser.add_argument(
        "--python", metavar="3.12", help="build for another runtime than serverless.yml names, as a separate zip"
    )
    parser.add_argument("--dist", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args(argv)
    try:
        description = load(ROOT / "serverless.yml", arguments.cloud, os.environ)
        unknown = set(arguments.functions) - {spec.module for spec in description.functions}
        if unknown:
            known = [spec.module for spec in description.functions]
            near = meant(min(unknown), known) or f"; it has {', '.join(known)}"
            parser.error(f"serverless.yml names no {', '.join(sorted(unknown))} for {arguments.cloud}{near}")
        built = build_zips(description, arguments.dist, only=arguments.functions, version=arguments.python)
    except DescriptionError as error:
        complain(error)
        return 2
    except PackageError as error:
        complain(f"package: {error}")
        return 1
    for one in built:
        print(_report(one))
    if not can_start_here():
        text = (
            "package: a cold start will take half as long again, because only x86_64 Linux can compile ahead of a start"
        )
        complain(text)
    over = [one for one in built if one.over_budget]
    for one in over:
        text = f"package: {one.spec.module}: {one.size / _MB:.2f} MB is over its budget of {one.spec.budget_mb:g} MB"
        complain(text)
    return 1 if over else 0


def build_zips(
    description: Description,
    dist: Path,
    *,
    only: list[str] | None = None,
    version: str | None = None,
    root: Path = ROOT,
) -> list[BuiltZip]:
    """Build the zips of a description below `dist`/<cloud>, for the runtime that each function names.

    `version` builds for another version ("3.12"), with its own name: <function>-py312.zip.

    Raises: PackageError.
    """
    folder = dist / description.cloud
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [spec for spec in description.functions if not only or spec.module in only]
    paths, contents = [], []
    trees = _Trees(root)
    with tempfile.TemporaryDirectory() as temporary:
        ours: dict[str, tuple[Interpreter, Path]] = {}
        for spec in chosen:
            named = spec.runtime.lower().removeprefix("python")
            wanted = version or named
            if wanted not in ours:
                ours[wanted] = _compile_ours(root, Path(temporary) / wanted, _interpreter(wanted, description))
            paths.append(folder / f"{spec.module}{'' if wanted == named else '-py' + wanted.replace('.', '')}.zip")
            contents.append(_content(description, spec, root, trees, *ours[wanted]))
        # While Python compresses, or another process works, other threads can run.
        with ThreadPoolExecutor() as pool:
            if can_start_here():
                pythons = [ours[version or spec.runtime.lower().removeprefix("python")][0] for spec in chosen]
                list(pool.map(partial(_start, description.platform, root), chosen, contents, pythons))
            digests = list(pool.map(_write, paths, contents))
    for path, digest, content in zip(paths, digests, contents, strict=True):
        _replace(path.with_suffix(".zip.sha256"), f"{digest}  {path.name}\n".encode())
        _replace(
            path.with_suffix(".cdx.json"),
            sbom(path.name, digest, keyturn_version(root), content.distributions).encode(),
        )
    return [_built(spec, path) for spec, path in zip(chosen, paths, strict=True)]


def _start(platform: str, root: Path, spec: FunctionSpec, content: _Content, python: Interpreter) -> None:
    """Add the file of what the function compiles at a start. Raises: PackageError: the function does not start."""
    content.files[NAME] = compiled_file(content.files, spec.module, platform, python, root)


class _Trees:
    """The dependency trees of one build. Each is read from the cache, with its hashes compared, only once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[tuple[str, Interpreter], DependencyTree] = {}

    def tree(self, lock: str, python: Interpreter) -> DependencyTree:
        """Raises: PackageError."""
        if (lock, python) not in self._read:
            self._read[lock, python] = dependency_tree(lock, python, root=self._root)
        return self._read[lock, python]


def _interpreter(version: str, description: Description) -> Interpreter:
    known = ("3.10",) if description.platform == "scf" else ("3.10", "3.12")
    if version not in known:
        raise PackageError(f"{description.platform} is built for Python {' and '.join(known)}, not {version}")
    return find_interpreter(version)


def _compile_ours(root: Path, to: Path, python: Interpreter) -> tuple[Interpreter, Path]:
    """Compile everything that may ship, in one go. The other files of the tree must not change a file's bytes."""
    to.mkdir()
    shutil.copytree(root / "shared", to / "shared", ignore=shutil.ignore_patterns("workbench", "__pycache__"))
    shutil.copytree(root / "functions", to / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    entries = sorted((root / "functions").glob("[!_]*.py"))
    for entry in entries:
        told = ast.get_docstring(ast.parse(entry.read_text(encoding="utf-8"))) or entry.stem
        text = _ENTRY.format(summary=told.partition("\n")[0], module=entry.stem)
        (to / entry.name).write_text(text, encoding="utf-8")
    compile_tree(to, python, tuple(entry.name for entry in entries))
    return python, to


def _content(
    description: Description, spec: FunctionSpec, root: Path, trees: _Trees, python: Interpreter, ours: Path
) -> _Content:
    """Everything that one function's zip contains."""
    queues = {_QUEUE_OF_CLOUD[description.cloud], *_named_queues(spec)}
    clouds = {*spec.clouds, *(_QUEUE_NEEDS[queue] for queue in queues if queue in _QUEUE_NEEDS)}
    carries = _carries(spec.module, set(spec.clouds), clouds, queues)
    loaded = _operations_beside(description, spec)
    found = import_closure(root / "shared" / "runtime" / "cold_start.py", root, carries)
    for name in (spec.module, *loaded):
        led_to = import_closure(root / "functions" / f"{name}.py", root, carries)
        found.own |= {*led_to.own, f"functions.{name}"}
        if spec.module != FOLLOW or name not in loaded or operations()[name].follower is not None:
            found.foreign |= led_to.foreign
    files = {f"{spec.module}.py": ours / f"{spec.module}.py"}
    for module in {*found.own, "shared.runtime.cold_start", "functions"}:
        path = Path(*module.split("."))
        compiled = path / "__init__.pyc" if (ours / path).is_dir() else path.with_suffix(".pyc")
        files[compiled.as_posix()] = ours / compiled
    products = {".".join(name.split(".")[:2]) for name in found.foreign if name.startswith("tencentcloud.")}
    distributions: list[Distribution] = []
    for lock in [*(["seal"] if spec.seals else []), *sorted(clouds)]:
        tree = trees.tree(lock, python)
        real = SHIMS & {name.partition("/")[0] for name in files}  # sealing needs the real packages instead
        for name, file in tree.files.items():
            if not _unused_product(name, products) and name.partition("/")[0] not in real:
                files.setdefault(name, file)
        distributions += tree.distributions
    # Two locks may name one distribution of the same version, and only one tree may have kept its files.
    return _Content(files, list({one.name: one for one in distributions if one.is_in(files)}.values()))


def _operations_beside(description: Description, spec: FunctionSpec) -> tuple[str, ...]:
    """The operations that plan_rotation and follow_change load by name: those of their platform.

    Raises: PackageError.
    """
    if spec.module not in (PLAN, FOLLOW):
        return ()
    beside = [one.module for one in description.functions if one.module not in (PLAN, FOLLOW)]
    for name in beside:
        if name not in operations():
            text = f"{spec.module}: its zip would not carry the operation {name}: functions/{name}.py declares none"
            raise PackageError(text)
    return tuple(dict.fromkeys(beside))


def _named_queues(spec: FunctionSpec) -> set[str]:
    urls = (spec.environment.get(name, "") for name in ("KEYTURN_RESULTS", "KEYTURN_COMMANDS"))
    return {scheme.rstrip("s") for url in urls if (scheme := url.partition("://")[0].lower())}


def _carries(function: str, own: set[str], clouds: set[str], queues: set[str]) -> Callable[[str], bool]:
    """Decides which of keyturn's modules a zip carries.

    For clouds in `own`: all of their modules. For a cloud that only a queue needs: only its session.

    Only plan_rotation lists fleets, so only its zip carries the modules for that, though every operation declares them.
    """

    def carries(module: str) -> bool:
        room, cloud, file = (*module.split(".")[1:4], "", "", "")[:3]
        if room == "workbench":
            raise PackageError("a module that ships imports shared.workbench, which does not ship")
        if module in _QUEUES:
            return _QUEUES[module] in queues
        if function != PLAN and (room == "rotation" or file == "fleet"):
            return False
        if room == "clouds" and cloud in ("tencent", "alibaba"):
            return cloud in (clouds if file in _SESSION else own)
        return True

    return carries


def _unused_product(name: str, products: set[str]) -> bool:
    """Whether a file is code or metadata of a Tencent product that the function does not import."""
    parts = name.split("/")
    if parts[0] == "tencentcloud" and len(parts) > 2:
        product = parts[1]
    elif parts[0].startswith("tencentcloud_sdk_python_"):
        product = parts[0].removeprefix("tencentcloud_sdk_python_").partition("-")[0]
    else:
        return False
    return product != "common" and f"tencentcloud.{product}" not in products


def _write(path: Path, content: _Content) -> str:
    """Write a zip; returns its SHA-256."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name in sorted(content.files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system, entry.external_attr = 3, _MODE
            archive.writestr(entry, content.files[name].read_bytes(), zipfile.ZIP_DEFLATED, _LEVEL)
    _replace(path, whole.getvalue())
    return hashlib.sha256(whole.getvalue()).hexdigest()


def _replace(path: Path, data: bytes) -> None:
    """Replace a file in one step: a reader sees the old file or the new one, never a part."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


def _built(spec: FunctionSpec, path: Path) -> BuiltZip:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    sizes: dict[str, int] = {}
    for entry in entries:
        top = entry.filename.partition("/")[0]
        sizes[top] = sizes.get(top, 0) + entry.compress_size
    largest = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_LARGEST]
    unpacked = sum(entry.file_size for entry in entries)
    return BuiltZip(spec, path, path.stat().st_size, unpacked, len(entries), tuple(largest))


def _report(one: BuiltZip) -> str:
    largest = ", ".join(f"{name} {size / _MB:.2f}" for name, size in one.largest)
    budget = f"budget {one.spec.budget_mb:g}"
    return (
        f"{one.path.name}: {one.size / _MB:.2f} MB ({budget}), "
        f"{one.files} files, {one.unpacked / _MB:.1f} MB unpacked; largest: {largest}"
    )
