"""Builds the file that `shared/runtime/compiled.py` reads: what one packaged function compiles when it starts.

For this, the function is started once on the machine that packages it. This also checks that the zip starts. The
machine must be like the platforms'. A zip that was packaged elsewhere starts as well, but more slowly.
"""

from __future__ import annotations

import hashlib
import platform as machine
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from shared.runtime.compiled import checksum
from shared.workbench.package.dependencies import Interpreter, PackageError

NAME = "shared/runtime/compiled.bin"
_SCRIPT = Path(__file__).with_name("recording.py")
_LIMIT_S = 60.0


def can_start_here() -> bool:
    """Whether this machine can run the platforms' code."""
    return (machine.system(), machine.machine(), machine.libc_ver()[0]) == ("Linux", "x86_64", "glibc")


def compiled_file(files: Mapping[str, Path], function: str, platform: str, python: Interpreter, root: Path) -> Path:
    """The compiled file for a zip with these files, by their names in it. The cache keeps it for the same files.

    Raises: PackageError: the function does not start.
    """
    event = _event(root, function, platform)
    made_of = hashlib.sha256(f"{python.full} {platform} {function}".encode())
    for name, path in [("recording", _SCRIPT), ("starting", Path(__file__)), ("event", event), *sorted(files.items())]:
        made_of.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
    cache = root / ".keyturn" / "packages"
    ready = cache / f"compiled-{made_of.hexdigest()[:32]}"
    if not _is_whole(ready):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".starting-") as temporary:
            made = _made(files, function, platform, python, event, Path(temporary))
            made.replace(ready)
    return ready


def _is_whole(file: Path) -> bool:
    content = file.read_bytes() if file.is_file() else b""
    return content[:4] == checksum(content[4:])


def _event(root: Path, function: str, platform: str) -> Path:
    """An example event of the function. Raises: PackageError: there is none."""
    for trigger in ("http", "queue", "timer"):
        if (event := root / "events" / function / f"{platform}-{trigger}.json").is_file():
            return event
    raise PackageError(f"{function} has no event to start it with: events/{function}/{platform}-http.json is missing")


def _made(
    files: Mapping[str, Path], function: str, platform: str, python: Interpreter, event: Path, scratch: Path
) -> Path:
    code, texts, made = scratch / "code", scratch / "texts", scratch / "compiled.bin"
    for name, path in files.items():
        place = code / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path.resolve())
    with socket.socket() as nobody:  # this port refuses connections: it is bound, but nobody listens
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        environ = _environment(platform, endpoint, scratch)
        _run(
            [python.path, "-I", "-S", "-B", str(_SCRIPT), str(code), function, platform, str(event), str(texts)],
            environ,
            function,
        )
    _run([python.path, "-s", "-S", "-B", str(_SCRIPT), str(texts), str(made)], environ, function)
    return made


def _environment(platform: str, endpoint: str, scratch: Path) -> dict[str, str]:
    """A platform's documented variables, keys that no cloud knows, and keyturn's settings."""
    environ = {
        "PYTHONHASHSEED": "0",
        "HOME": str(scratch),
        "KEYTURN_RESULTS": f"sqlite://{scratch}/results.db",
        "KEYTURN_COMMANDS": f"sqlite://{scratch}/commands.db",
        "KEYTURN_TENCENT_ENDPOINT": endpoint,
        "KEYTURN_ALIBABA_ENDPOINT": endpoint,
    }
    if platform == "scf":
        environ |= {"TENCENTCLOUD_RUNENV": "SCF", "TENCENTCLOUD_REGION": "ap-guangzhou", "TENCENTCLOUD_UIN": "1"}
        keys = "TENCENTCLOUD_SECRETID TENCENTCLOUD_SECRETKEY TENCENTCLOUD_SESSIONTOKEN"
        others = "KEYTURN_ALIBABA_ACCESS_KEY_ID KEYTURN_ALIBABA_ACCESS_KEY_SECRET KEYTURN_ALIBABA_TOKEN"
    else:
        environ |= {"FC_FUNCTION_NAME": "keyturn", "FC_REGION": "cn-hangzhou", "FC_ACCOUNT_ID": "1"}
        keys = ""  # the keys come with the context
        others = "KEYTURN_TENCENT_SECRET_ID KEYTURN_TENCENT_SECRET_KEY KEYTURN_TENCENT_TOKEN"
    return environ | dict.fromkeys([*keys.split(), *others.split()], "none")


def _run(command: list[str], environ: Mapping[str, str], function: str) -> None:
    try:
        done = subprocess.run(
            command, env=dict(environ), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        raise PackageError(f"{function} was packaged, but does not answer within {_LIMIT_S:g} s") from None
    if done.returncode:
        raise PackageError(f"{function} was packaged, but does not start:\\n{done.stderr.strip()[-2000:]}")
