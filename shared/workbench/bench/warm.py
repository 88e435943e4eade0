"""The CPU time that keyturn adds to the vendor's client for each command, once a function is warm.

One process of the packaged function makes the same changes in turn. First through `main_handler`: ten commands in an
invocation, as `serverless.yml` sets the queue trigger, and each result is published to `memory://`. Then through the
bare client, as a user creates it, with the same calls and nothing else. The difference is keyturn's own work. Only the
CPU time of that process counts (user and system), so waiting costs nothing. The stand-in and its Redis are not
included.

`python -m shared.workbench.bench.warm [--tls]` prints the figures as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shared.workbench.bench.build import PLAIN, PackagedFunction, interpreter, trust, unpacked_packages
from shared.workbench.bench.cases import ACCOUNT
from shared.workbench.bench.counts import counted_instructions
from shared.workbench.bench.standin import Standin

_INSTANCE, _ACCOUNT, _REGION = "crs-warm0001", "app", "ap-guangzhou"
_KEYS = {"id": "AKIDSTANDIN", "key": "standin-secret-key", "token": "standin-session-token"}
# In this world a task takes no time, so nothing waits for one, and the pace does not slow anything down.
_WORLD = f"""
task_s = 0
latency_s = 0
rate = 100000
[credentials.tencent]
id = "{_KEYS["id"]}"
key = "{_KEYS["key"]}"
token = "{_KEYS["token"]}"
[credentials.alibaba]
id = "LTAISTANDIN"
key = "{_KEYS["key"]}"
token = "{_KEYS["token"]}"
[redis.{_INSTANCE}]
region = "{_REGION}"
[redis.{_INSTANCE}.accounts]
root = {{ password = "Old-Passw0rd" }}
{_ACCOUNT} = {{ password = "App-Passw0rd" }}
"""
_BATCH = 10  # commands in one event, as in serverless.yml's queue trigger
Packed = Mapping[tuple[str, str], PackagedFunction]


@dataclass(frozen=True)
class Warm:
    """CPU milliseconds for each command: medians over the rounds.

    `spread_ms` is the smallest and the largest difference.
    """

    wire: str
    ours_ms: float
    bare_ms: float
    difference_ms: float
    spread_ms: tuple[float, float]
    ratio: float  # the difference, as a share of the bare client's
    rounds: int
    commands: int  # of each side in one round
    batch: int  # commands in one event
    calls: dict[str, float]  # calls of one command of keyturn by action, counted by the stand-in
    same_calls: bool  # both sides made each call equally often


def measure(
    packed: Packed, commands: int = 200, rounds: int = 5, *, tls: bool = False, profile: Path | None = None
) -> Warm:
    """Measure in a fresh process, with its own stand-in. `profile`: the file for cProfile's figures of keyturn's side.

    Raises: RuntimeError: a command did not end as `changed`; BenchError: the stand-in did not start.
    """
    with _standin(packed, tls) as standin:
        order = _order(standin) | {"commands": commands, "rounds": rounds, "profile": str(profile or "")}
        run = subprocess.run(_command(packed, order), env=_environment(standin), stdout=subprocess.PIPE, check=False)
    if run.returncode != 0:
        raise RuntimeError("the measured process failed; its reason is on stderr")
    told = json.loads(run.stdout)
    return Warm(**{**told, "wire": "TLS" if tls else "HTTP", "spread_ms": tuple(told["spread_ms"])})


def instructions(packed: Packed) -> dict[str, float] | None:
    """Instructions for each command of each side (`ours`, `bare`), over TLS, counted by valgrind; None without
    valgrind.

    Raises: BenchError: it could not run.
    """
    counted: dict[str, float] = {}
    with _standin(packed, tls=True) as standin:
        for side in ("ours", "bare"):
            sums = []
            for batches in (1, 3):
                order = _order(standin) | {"count": {"side": side, "batches": batches}}
                standin.reset()
                number = counted_instructions(_command(packed, order), _environment(standin))
                if number is None:
                    return None
                sums.append(number)
            counted[side] = (sums[1] - sums[0]) / (2 * _BATCH)
    return counted


@contextmanager
def _standin(packed: Packed, tls: bool) -> Iterator[Standin]:
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder) / "world.toml"
        world.write_text(_WORLD, encoding="utf-8")
        with Standin(tls=tls, world=world) as standin:
            if standin.ca:
                trust(standin.ca, packed, {})
            yield standin


def _order(standin: Standin) -> dict[str, Any]:
    names = {"instance": _INSTANCE, "account": _ACCOUNT, "region": _REGION, "keys": _KEYS, "batch": _BATCH}
    return {**names, "function": ACCOUNT, "endpoint": standin.endpoint, "ca": str(standin.ca or "")}


def _command(packed: Packed, order: Mapping[str, Any]) -> list[str]:
    folder = packed["tencent", ACCOUNT].folder
    script = [str(PLAIN / "warm_process.py"), str(folder), json.dumps(order)]
    return [interpreter().path, "-I", "-S", "-B", *script]


def _environment(standin: Standin) -> dict[str, str]:
    return {
        "LANG": "C.UTF-8",
        "KEYTURN_RESULTS": "memory://bench",
        "KEYTURN_TENCENT_ENDPOINT": standin.endpoint,
        "KEYTURN_RATE": "10000",
        "TENCENTCLOUD_SECRETID": _KEYS["id"],
        "TENCENTCLOUD_SECRETKEY": _KEYS["key"],
        "TENCENTCLOUD_SESSIONTOKEN": _KEYS["token"],
    }


def main(argv: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m shared.workbench.bench.warm", description=__doc__)
    parser.add_argument("--commands", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--profile", type=Path, help="write cProfile's figures of keyturn's side to this file")
    parser.add_argument("--instructions", action="store_true", help="count instructions over TLS instead")
    options = parser.parse_args(argv)
    packed = unpacked_packages()
    if options.instructions:
        print(json.dumps(instructions(packed)))
        return 0
    found = measure(packed, options.commands, options.rounds, tls=options.tls, profile=options.profile)
    print(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
