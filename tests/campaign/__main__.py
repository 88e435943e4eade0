"""`make campaign`: every case; exit 1 if a promise was broken.

`--within SECONDS` plays what fits into that time, in an order that each day draws anew and that begins with one case of
each topic; the number of the day, by which the same order is drawn again (`--day`), is printed.

`python -m tests.campaign walk [--minutes N] [--first NUMBER]`: random walks, for so long (or KEYTURN_WALK_MINUTES);
what breaks a promise is shown with as few steps as could be found.

`python -m tests.campaign fleet`: a thousand instances rotated by a timer, and the pace of 300 stored changes.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from shared.workbench.environment.command_line import CommandLine
from tests.campaign import fleet
from tests.campaign.case import Case, PlayedCase
from tests.campaign.cases import all_cases
from tests.campaign.judge import REASONS
from tests.campaign.random_walk import shrunk, walk
from tests.campaign.workers import play_cases
from tests.cloud.client.standin import Standin

_COLUMNS = ("changed", "already_changed", "not_changed", "unknown", "would_change")
_WALKS_A_MINUTE = 150
_MOST_SHRUNK = 3
_GOAL = 0.05  # of the deliveries with a commands queue may end unknown


def main() -> int:
    """Play the cases, print what came of them. Returns the exit code."""
    parser = CommandLine(
        "python -m tests.campaign",
        __doc__,
        "python -m tests.campaign --within 120",
        "python -m tests.campaign --only drop_after tencent_redis_reset_password",
    )
    parser.add_argument("--seed", type=int, default=20260301, help="of the secrets and names (the cases are fixed)")
    parser.add_argument("--jobs", type=int, default=20, help="cases beside each other; they wait more than they work")
    parser.add_argument("--only", nargs="*", default=[], help="words that a case's name must hold")
    parser.add_argument("--within", type=float, default=math.inf, metavar="SECONDS", help="a sample, not every case")
    today = int(time.strftime("%Y%m%d", time.gmtime()))
    parser.add_argument("--day", type=int, default=today, help="what the sample is drawn by")
    parser.add_argument("--verbose", action="store_true", help="each case's story")
    minutes = os.environ.get("KEYTURN_WALK_MINUTES", "3")
    parser.add_argument("--minutes", type=float, default=minutes, help="how long walks are begun")
    parser.add_argument("--first", type=int, default=0, help="the first walk's number; drawn by the day if not said")
    parser.add_argument("what", nargs="?", choices=["cases", "fleet", "walk"], default="cases")
    options = parser.parse_args()
    if options.what == "fleet":
        return fleet.main()
    if options.what == "walk":
        first = options.first or options.day * 100_000
        print(f"walks from --first {first}, for {options.minutes:g} minutes", flush=True)
        cases = [walk(number) for number in range(first, first + max(1, int(options.minutes * _WALKS_A_MINUTE)))]
        options.within = options.minutes * 60
        return _played(cases, options)
    cases = [case for case in all_cases() if all(word in str(case) for word in options.only)]
    if not cases:
        parser.error(f"no case's name holds {' and '.join(options.only)}: they hold a fault, a function, a world")
    if options.within < math.inf:
        cases = drawn(cases, options.day)
        print(f"a sample: what fits into {options.within:g} s, drawn by --day {options.day}", flush=True)
    return _played(cases, options)


def _played(cases: Sequence[Case], options: argparse.Namespace) -> int:
    started = time.monotonic()
    ended: list[PlayedCase] = []
    for one in play_cases(cases, options.seed, max(1, min(options.jobs, len(cases))), options.within):
        ended.append(one)
        if options.verbose or one.violations:
            lines = (*one.violations, *one.story)
            print(f"{one.case}\n" + "".join(f"    {line}\n" for line in lines), file=sys.stderr, flush=True)
        if len(ended) % 100 == 0:
            print(
                f"{len(ended)} of {len(cases)} cases, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True
            )
    if options.what == "walk":
        _shrink([one for one in ended if one.violations][:_MOST_SHRUNK], options.seed)
    return report(ended, len(cases))


def _shrink(found: Sequence[PlayedCase], seed: int) -> None:
    for one in found:
        with Standin() as standin:
            least = shrunk(one, standin, seed)
        steps = "".join(f"    {each.do} {each.given} {dict(each.named) or ''}\n" for each in least.case.steps)
        text = "".join(f"    {line}\n" for line in (*least.violations, *least.story))
        print(f"with fewer steps: {least.case}\n{steps}{text}", file=sys.stderr, flush=True)


def drawn(cases: Sequence[Case], day: int) -> list[Case]:
    """The cases in an order that the day draws: first one of each topic, then the second ones, and so on."""
    rng = random.Random(day)
    topics: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        topics.setdefault((case.kind, case.topic), []).append(case)
    groups = list(topics.values())
    rng.shuffle(groups)
    for group in groups:
        rng.shuffle(group)
    return [case for turn in zip_longest(*groups) for case in turn if case is not None]


def report(ended: Iterable[PlayedCase], among: int) -> int:
    """What was said, by kind; why `unknown` was; what was only counted; what failed; the count. 1: a case failed."""
    ended = list(ended)
    by_kind: dict[str, Counter[str]] = {}
    reasons, notes, total = Counter[str](), Counter[str](), Counter[str]()
    for one in ended:
        by_kind.setdefault(one.case.kind, Counter()).update(one.verdict.deliveries)
        reasons.update(one.verdict.reasons)
        notes.update(one.verdict.notes)
        total.update(one.verdict.deliveries)
    print(f"{'kind':12}" + "".join(f"{name:>16}" for name in _COLUMNS))
    for kind, counts in sorted(by_kind.items()):
        print(f"{kind:12}" + "".join(f"{counts[name] or '.':>16}" for name in _COLUMNS))
    print("\nunknown, and why it is true:")
    for reason in sorted(REASONS, key=lambda one: -reasons[one]):
        print(f"  {reasons[reason]:5}  {reason}")
    if notes:
        print("\ncounted, and no violation:")
        for note, count in notes.most_common():
            print(f"  {count:5}  {note}")
    carried = {name: total[f"carried: {name}"] for name in _COLUMNS}
    share = carried["unknown"] / max(1, sum(carried.values()))
    print("\noutcomes of deliveries: " + ", ".join(f"{total[name]} {name}" for name in _COLUMNS))
    print(f"with a commands queue and a key: {sum(carried.values())}, of which {share:.1%} unknown (goal: {_GOAL:.0%})")
    failed = [one for one in ended if one.violations]
    if len(ended) < among:
        print(f"{among - len(ended)} of {among} cases did not fit into the time")
    for one in failed:
        print(f"{one.case}\n" + "".join(f"    {line}\n" for line in one.violations))
    print(f"{len(ended)} cases, {len(ended) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not ended else 0


if __name__ == "__main__":
    sys.exit(main())
