"""`python -m tests.campaign [--seed N] [--jobs N] [--only WORDS]`: every case; exit 1 if a promise was broken.

`python -m tests.campaign fleet`: a thousand instances rotated by a timer, and the pace of 300 stored changes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable

from . import fleet
from .cases import all_cases
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
    parser.add_argument("--verbose", action="store_true", help="a line a case")
    parser.add_argument("what", nargs="?", choices=["cases", "fleet"], default="cases")
    options = parser.parse_args()
    if options.what == "fleet":
        return fleet.main()
    cases = [case for case in (*all_cases(), *kept_cases()) if all(word in str(case) for word in options.only)]
    started = time.monotonic()
    verdicts: list[Verdict] = []
    for verdict in played(cases, options.seed, max(1, min(options.jobs, len(cases)))):
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
    return report(verdicts)


def report(verdicts: Iterable[Verdict]) -> int:
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
    print(f"{len(verdicts)} cases, {len(verdicts) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
