"""`python -m tests.campaign [--seed N] [--jobs N] [--only WORDS]`: every case; exit 1 if a promise was broken.

`--within SECONDS` plays what fits into that time, in an order that each day draws anew and that begins with one case of
each kind; the number of the day, by which the same order is drawn again (`--day`), is printed.


`python -m tests.campaign fleet`: a thousand instances rotated by a timer, and the pace of 300 stored changes.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from . import fleet
from .cases import Case, all_cases
from .crew import played
from .kept_cases import kept_cases
from .play import Verdict

_COLUMNS = ("changed", "already_changed", "not_changed", "unknown")


def main() -> int:
    """Play the cases, print what came of them. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=20260301, help="of the secrets and names (the cases are fixed)")
    parser.add_argument("--jobs", type=int, default=20, help="cases beside each other; they wait more than they work")
    parser.add_argument("--only", nargs="*", default=[], help="words that a case's name must hold")
    parser.add_argument("--within", type=float, default=math.inf, metavar="SECONDS", help="a sample, not every case")
    today = int(time.strftime("%Y%m%d", time.gmtime()))
    parser.add_argument("--day", type=int, default=today, help="what the sample is drawn by")
    parser.add_argument("--verbose", action="store_true", help="a line a case")
    parser.add_argument("what", nargs="?", choices=["cases", "fleet"], default="cases")
    options = parser.parse_args()
    if options.what == "fleet":
        return fleet.main()
    cases = [case for case in (*all_cases(), *kept_cases()) if all(word in str(case) for word in options.only)]
    if options.within < math.inf:
        cases = drawn(cases, options.day)
        print(f"a sample: what fits into {options.within:g} s, drawn by --day {options.day}", flush=True)
    started = time.monotonic()
    verdicts: list[Verdict] = []
    for verdict in played(cases, options.seed, max(1, min(options.jobs, len(cases))), options.within):
        verdicts.append(verdict)
        if options.verbose or verdict.violations:
            print(f"{verdict.case}: {', '.join(verdict.outcomes)}", file=sys.stderr)
        if verdict.violations:
            print(
                "".join(f"    {line}\n" for line in (*verdict.violations, *verdict.story)), file=sys.stderr, flush=True
            )
        if len(verdicts) % 100 == 0:
            print(
                f"{len(verdicts)} of {len(cases)} cases, {time.monotonic() - started:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return report(verdicts, len(cases))


def drawn(cases: Sequence[Case], day: int) -> list[Case]:
    """The cases in an order that the day draws: first one of each kind, then the second ones, and so on."""
    rng = random.Random(day)
    kinds: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        kinds.setdefault((case.target, case.fault or case.kill), []).append(case)
    groups = list(kinds.values())
    rng.shuffle(groups)
    for group in groups:
        rng.shuffle(group)
    return [case for turn in zip_longest(*groups) for case in turn if case is not None]


def report(verdicts: Iterable[Verdict], among: int) -> int:
    """The table, the reasons for `unknown`, and the count on a line of its own; 1 if a case failed."""
    verdicts = list(verdicts)
    cells: dict[tuple[str, str], Counter[str]] = {}
    total, reasons = Counter[str](), Counter[str]()
    for verdict in verdicts:
        case = verdict.case
        row = (
            case.target,
            case.fault + (" on reads" if case.action else "") if case.fault else "killed" if case.kill else "none",
        )
        cells.setdefault(row, Counter()).update(verdict.outcomes)
        total.update(verdict.outcomes)
        reasons.update(verdict.reasons)
    print(f"{'operation':22} {'fault':22}" + "".join(f"{name:>16}" for name in _COLUMNS))
    for (target, fault), counts in sorted(cells.items()):
        print(f"{target:22} {fault:22}" + "".join(f"{counts[name] or '.':>16}" for name in _COLUMNS))
    print("\nunknown, and why it is true:")
    for reason, count in reasons.most_common():
        print(f"  {count:5}  {reason}")
    print("\noutcomes of deliveries: " + ", ".join(f"{total[name]} {name}" for name in _COLUMNS))
    failed = [verdict for verdict in verdicts if verdict.violations]
    if len(verdicts) < among:
        print(f"{among - len(verdicts)} of {among} cases did not fit into the time")
    print(f"{len(verdicts)} cases, {len(verdicts) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
