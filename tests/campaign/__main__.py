"""`make campaign`: plays every case. Exit 1: a promise was broken.

`--within SECONDS` plays as many cases as fit into that time. Their order is random and new each day. It begins with
one case of each topic. The day's number is printed: `--day NUMBER` plays the same order again.

`python -m tests.campaign walk [--minutes N] [--first NUMBER]` plays random walks, for N minutes or for
KEYTURN_WALK_MINUTES. It prints a walk that breaks a promise with as few steps as it could find.

`python -m tests.campaign fleet`: a timer rotates a thousand instances, and 300 stored changes are timed.
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
    """Play the cases and print their results. Returns the exit code."""
    parser = CommandLine(
        "python -m tests.campaign",
        __doc__,
        "python -m tests.campaign --within 120",
        "python -m tests.campaign --only drop_after tencent_redis_reset_password",
    )
    parser.add_argument("--seed", type=int, default=20260301, help="draws the secrets and names (cases are fixed)")
    parser.add_argument("--jobs", type=int, default=20, help="cases played in parallel; they mostly wait")
    parser.add_argument("--only", nargs="*", default=[], help="play cases whose names hold all these words")
    parser.add_argument("--within", type=float, default=math.inf, metavar="SECONDS", help="play only a sample")
    today = int(time.strftime("%Y%m%d", time.gmtime()))
    parser.add_argument("--day", type=int, default=today, help="the number that the sample is drawn with")
    parser.add_argument("--verbose", action="store_true", help="print what happened in each case")
    minutes = os.environ.get("KEYTURN_WALK_MINUTES", "3")
    parser.add_argument("--minutes", type=float, default=minutes, help="how long new walks are begun")
    parser.add_argument("--first", type=int, default=0, help="the first walk's number; by default the day decides")
    parser.add_argument("what", nargs="?", choices=["cases", "fleet", "walk"], default="cases")
    options = parser.parse_args()
    if options.what == "fleet":
        return fleet.main()
    if options.what == "walk":
        first = options.first or options.day * 100_000
        print(f"random walks for {options.minutes:g} minutes, repeated by --first {first}", flush=True)
        cases = [walk(number) for number in range(first, first + max(1, int(options.minutes * _WALKS_A_MINUTE)))]
        options.within = options.minutes * 60
        return _played(cases, options)
    cases = [case for case in all_cases() if all(word in str(case) for word in options.only)]
    if not cases:
        parser.error(f"no case's name holds {' and '.join(options.only)}: they hold a fault, a function, a world")
    if options.within < math.inf:
        cases = drawn(cases, options.day)
        print(f"a sample of {options.within:g} s; `--day {options.day}` plays the same one again", flush=True)
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
        print(f"the same broken promise with fewer steps: {least.case}\n{steps}{text}", file=sys.stderr, flush=True)


def drawn(cases: Sequence[Case], day: int) -> list[Case]:
    """The cases in the day's random order: first one case of each topic, then a second one of each, and so on."""
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
    """Print outcomes by kind, reasons for `unknown`, notes, failures and the count. Returns 1 if a case failed."""
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
    print("\nwhy deliveries ended unknown (each reason is allowed):")
    for reason in sorted(REASONS, key=lambda one: -reasons[one]):
        print(f"  {reasons[reason]:5}  {reason}")
    if notes:
        print("\ncounted, but not a violation:")
        for note, count in notes.most_common():
            print(f"  {count:5}  {note}")
    carried = {name: total[f"carried: {name}"] for name in _COLUMNS}
    share = carried["unknown"] / max(1, sum(carried.values()))
    print("\noutcomes of deliveries: " + ", ".join(f"{total[name]} {name}" for name in _COLUMNS))
    print(f"{sum(carried.values())} of them with a commands queue and a key: {share:.1%} unknown (goal: {_GOAL:.0%})")
    failed = [one for one in ended if one.violations]
    if len(ended) < among:
        print(f"{among - len(ended)} of {among} cases were not played: the time was over")
    for one in failed:
        print(f"{one.case}\n" + "".join(f"    {line}\n" for line in one.violations))
    print(f"{len(ended)} cases, {len(ended) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not ended else 0


if __name__ == "__main__":
    sys.exit(main())
