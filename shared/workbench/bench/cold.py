"""Part 1: the time from a fresh process to the first result. Pairs of keyturn and a plain handler run in turn.

Each changes something that does not exist, over HTTP and TLS, so the cloud refuses it. The plain handlers make one
call. keyturn first makes at most two reads, and publishes a result.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.workbench.bench.build import HOME, PackagedFunction, PlainHandler, trust
from shared.workbench.bench.cases import ACCOUNT, CASES, TAIR, Case, case_of, run_case
from shared.workbench.bench.errors import BenchError
from shared.workbench.bench.processes import ProcessUsage, medians, spread
from shared.workbench.bench.standin import Standin

_MODULE = {"tencent": "plain_tencent", "alibaba": "plain_alibaba"}
_BASIS = {"tencent": ACCOUNT, "alibaba": TAIR}  # the plain handlers' change


def measure(
    python: str,
    packed: dict[tuple[str, str], PackagedFunction],
    plain: dict[str, PlainHandler],
    rounds: int,
) -> dict[str, Any]:
    """`pairs`: each function with the plain handler of its cloud, over HTTP and TLS; `beside`: the other rows.

    Raises: BenchError.
    """
    pairs = []
    for tls in (False, True):
        with Standin(tls=tls) as standin:
            if standin.ca:
                trust(standin.ca, packed, plain)
            pairs += _pairs(python, standin, packed, plain, rounds)
    with Standin() as standin:
        beside = _beside(python, standin, plain, rounds)
    return {
        "rounds": rounds,
        "pairs": pairs,
        "beside": beside,
        "plain_mb": {cloud: round(one.size / 1e6, 1) for cloud, one in plain.items()},
    }


def _pairs(
    python: str,
    standin: Standin,
    packed: dict[tuple[str, str], PackagedFunction],
    plain: dict[str, PlainHandler],
    rounds: int,
) -> list[dict[str, Any]]:
    runs: dict[str, list[tuple[ProcessUsage, ProcessUsage]]] = {case.function: [] for case in CASES}
    for number in range(rounds + 1):
        for case in CASES:
            basis = case_of(_BASIS[case.cloud])
            theirs = _refused(python, standin, basis, plain[case.cloud].folder, _MODULE[case.cloud])
            ours = _refused(python, standin, case, packed[case.cloud, case.function].folder, case.function)
            if number:  # the first round loads files into the page cache
                runs[case.function].append((ours, theirs))
    return [
        {
            "function": case.function,
            "cloud": case.cloud,
            "wire": {"http": "HTTP", "https": "TLS"}[standin.scheme],
            "ours": medians([one for one, _ in runs[case.function]]),
            "plain": medians([one for _, one in runs[case.function]]),
            "ratio": spread([one.cpu_s / other.cpu_s for one, other in runs[case.function]]),
        }
        for case in CASES
    ]


def _beside(python: str, standin: Standin, plain: dict[str, PlainHandler], rounds: int) -> list[dict[str, Any]]:
    """The plain handlers with bytecode of their imports, which the first run writes; and the smallest client."""
    cache = ("-X", f"pycache_prefix={HOME / 'pycache'}")
    rows = []
    for name, cloud, module, options in (
        ("plain Tencent handler, bytecode shipped", "tencent", _MODULE["tencent"], cache),
        ("plain Alibaba handler, bytecode shipped", "alibaba", _MODULE["alibaba"], cache),
        ("standard library alone (Tencent)", "tencent", "floor", ("-B",)),
    ):
        code, case = plain[cloud].folder, case_of(_BASIS[cloud])
        runs = [_refused(python, standin, case, code, module, options) for _ in range(rounds + 1)]
        rows.append({"name": name, **medians(runs[1:])})
    return rows


def _refused(
    python: str, standin: Standin, case: Case, code: Path, module: str, options: tuple[str, ...] = ("-B",)
) -> ProcessUsage:
    standin.reset()
    used = run_case(python, standin, code, module, case.platform, [case.refused], options=options)
    calls, reply = standin.calls(), json.loads(used.stdout.splitlines()[-1])
    most = 1 if module in (*_MODULE.values(), "floor") else 2
    if not 1 <= len(calls) <= most or reply["statusCode"] < 400 or not reply["body"]:
        raise BenchError(f"{module}: at most {most} calls and a refusal were expected, not {calls} and {reply}")
    return used
