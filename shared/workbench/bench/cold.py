"""Part 1: from a fresh process to the first result, ours beside the plain handlers, pairs in turn.

One call that the cloud refuses, so that every handler makes exactly one. Ours also publishes a result.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.workbench.bench.build import HOME, PackagedFunction, PlainHandler
from shared.workbench.bench.cases import ACCOUNT, CASES, TAIR, Case, case_of, run_case
from shared.workbench.bench.errors import BenchError
from shared.workbench.bench.processes import ProcessUsage, medians, spread
from shared.workbench.bench.standin import Standin

_MODULE = {"tencent": "plain_tencent", "alibaba": "plain_alibaba"}
_BASIS = {"tencent": ACCOUNT, "alibaba": TAIR}  # what the plain handlers do


def measure(
    python: str,
    standin: Standin,
    packed: dict[tuple[str, str], PackagedFunction],
    plain: dict[str, PlainHandler],
    rounds: int,
) -> dict[str, Any]:
    """`pairs`: each function and the plain handler of its cloud; `beside`: the other rows. Raises: BenchError."""

    def ours(case: Case) -> ProcessUsage:
        return _refused(python, standin, case, packed[case.cloud, case.function].folder, case.function)

    def bare(cloud: str) -> ProcessUsage:
        return _refused(python, standin, case_of(_BASIS[cloud]), plain[cloud].folder, _MODULE[cloud])

    def compiled(cloud: str) -> ProcessUsage:
        """The plain handler with the bytecode of what it imports, which the first run writes."""
        cache = ("-X", f"pycache_prefix={HOME / 'pycache'}")
        return _refused(python, standin, case_of(_BASIS[cloud]), plain[cloud].folder, _MODULE[cloud], cache)

    def floor() -> ProcessUsage:
        return _refused(python, standin, case_of(ACCOUNT), plain["tencent"].folder, "floor")

    beside: dict[str, Callable[[], ProcessUsage]] = {
        "plain Tencent handler, bytecode shipped": lambda: compiled("tencent"),
        "plain Alibaba handler, bytecode shipped": lambda: compiled("alibaba"),
        "standard library alone (Tencent)": floor,
    }
    for case in CASES:  # once uncounted: files come into the page cache
        ours(case)
        bare(case.cloud)
    for other in beside.values():
        other()
    pairs: dict[str, list[tuple[ProcessUsage, ProcessUsage]]] = {case.function: [] for case in CASES}
    others: dict[str, list[ProcessUsage]] = {name: [] for name in beside}
    for _ in range(rounds):
        for case in CASES:
            reference = bare(case.cloud)
            pairs[case.function].append((ours(case), reference))
        for name, other in beside.items():
            others[name].append(other())
    return {
        "rounds": rounds,
        "pairs": [
            {
                "function": case.function,
                "cloud": case.cloud,
                "ours": medians([one for one, _ in pairs[case.function]]),
                "plain": medians([one for _, one in pairs[case.function]]),
                "ratio": spread([one.cpu_s / other.cpu_s for one, other in pairs[case.function]]),
            }
            for case in CASES
        ],
        "beside": [{"name": name, **medians(runs)} for name, runs in others.items()],
        "plain_mb": {cloud: round(one.size / 1e6, 1) for cloud, one in plain.items()},
    }


def _refused(
    python: str, standin: Standin, case: Case, code: Path, module: str, options: tuple[str, ...] = ("-B",)
) -> ProcessUsage:
    standin.reset()
    used = run_case(python, standin, code, module, case.platform, [case.refused], options=options)
    calls, reply = standin.calls(), json.loads(used.stdout.splitlines()[-1])
    if len(calls) != 1 or reply["statusCode"] < 400 or not reply["body"]:
        raise BenchError(f"{module}: one refused call was expected, not {calls} and {reply}")
    return used
