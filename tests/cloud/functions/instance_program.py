"""The program inside one instance of a deployed function: a bare interpreter, the unpacked zip, and a pipe of events.

`instance_process` starts it with `python3.10 -I -S -B`, so it imports only the standard library. A zip must not work
only because of a file of the checkout or a variable of the machine. The function can only reach this machine's network.
Arguments: PLATFORM CODE HANDLER CONCURRENCY OFFSET_S. On SCF the code is imported when the instance starts. On FC it is
imported at the first event, and with a concurrency above 1 events run in threads.
"""

from __future__ import annotations

import base64
import importlib
import json
import logging
import os
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, TextIO


def main() -> None:
    """Serve events until the pipe ends."""
    platform, code, handler, concurrency = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    _move_clock(float(sys.argv[5]))
    asked, told = _own_pipes()
    sys.addaudithook(_fence)
    sys.path.insert(0, code)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger().setLevel(logging.INFO)
    instance = Instance(platform, handler, told)
    if platform == "scf":
        instance.load()
    instance.tell({"ready": True})
    if concurrency == 1:
        for line in asked:
            instance.answer(json.loads(line))
    else:
        with ThreadPoolExecutor(concurrency) as threads:
            for line in asked:
                threads.submit(instance.answer, json.loads(line))


def _move_clock(offset_s: float) -> None:
    """Move this process's clock so many seconds ahead, as the stand-in's world is."""
    if offset_s:
        path = Path(__file__).with_name("shifted_time.py")
        namespace: dict[str, Any] = {}
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), namespace)
        namespace["install"](offset_s)


def _own_pipes() -> tuple[BinaryIO, TextIO]:
    """The pipes to the platform, which the code cannot reach: its prints go to the log, and its stdin is empty."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return asked, told


_CHECKOUT = str(Path(__file__).parents[3]) + os.sep


def _fence(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse what a real instance cannot do: read the checkout, or connect to another machine."""
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(_CHECKOUT):
        raise FileNotFoundError(f"not in the zip: {arguments[0]}")
    host = None
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    if host and not str(host).startswith("127.") and host not in ("localhost", "::1"):
        raise OSError(f"the stand-in's network does not reach {host}")


class Instance:
    """The handler after its import, and how each platform calls it."""

    def __init__(self, platform: str, handler: str, told: TextIO) -> None:
        self._platform = platform
        self._module, _, self._name = handler.rpartition(".")
        self._told = told
        self._turn = threading.Lock()
        self._handler: Any = None
        self._unloadable: dict[str, Any] | None = None

    def tell(self, message: dict[str, Any]) -> None:
        with self._turn:
            self._told.write(json.dumps(message) + "\n")
            self._told.flush()

    def load(self) -> None:
        """Import the handler. If that fails, the reason is the answer to each event."""
        try:
            self._handler = getattr(importlib.import_module(self._module.replace("/", ".")), self._name)
        except Exception as error:
            self._unloadable = _error(self._platform, error)
            if self._platform == "fc":
                text = f"Unable to import module '{self._module}'"
                self._unloadable |= {"errorMessage": text, "errorType": "ImportModuleError"}

    def answer(self, call: dict[str, Any]) -> None:
        try:
            self.tell({"id": call["id"]} | self._called(call))
        except BaseException:
            # As on the platforms, an error that is no Exception ends the process, in whichever thread it is raised.
            traceback.print_exc()
            os._exit(1)

    def _called(self, call: dict[str, Any]) -> dict[str, Any]:
        if self._handler is None and self._unloadable is None:
            with self._turn:
                self.load()
        if self._unloadable is not None:
            return {"error": self._unloadable, "kind": "init"}
        os.environ.update(call["environ"])
        raw = base64.b64decode(call["event"])
        try:
            if self._platform == "scf":
                value = self._handler(json.loads(raw), call["context"])
                body = json.dumps(value, ensure_ascii=False).encode()
            else:
                body = _fc_bytes(self._handler(raw, _namespace(call["context"])))
        except Exception as error:
            traceback.print_exc()
            return {"error": _error(self._platform, error), "kind": "raised"}
        return {"returned": base64.b64encode(body).decode()}


def _fc_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return json.dumps(value, indent=4, sort_keys=True).encode()


def _namespace(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{name: _namespace(inner) for name, inner in value.items()})
    return value


def _error(platform: str, error: BaseException) -> dict[str, Any]:
    if platform == "scf":
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return {"errorCode": 1, "errorMessage": "user code exception caught", "stackTrace": trace}
    stack = [[one.filename, one.lineno, one.name, one.line] for one in traceback.extract_tb(error.__traceback__)]
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": stack}


if __name__ == "__main__":
    main()
