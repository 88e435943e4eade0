"""`make mutants`: do the quick tests notice small changes of the shipped code?

This draws mutants of shared/{changes,stores,handlers,clouds} and runs the quick tests (`pytest -m quick`) on each, side
by side in copies of the checkout. It prints every survivor. Exit 1: a mutant survived that `equivalents.toml` does not
list, or that list does not fit the code; 2: the tests fail without a mutant.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from shared.workbench.environment.command_line import CommandLine, whole_number
from shared.workbench.mutants import equivalents
from shared.workbench.mutants.candidates import ROOMS, Mutant, files, mutants_of, mutated_source
from shared.workbench.mutants.drawing import SEED, drawn
from shared.workbench.mutants.judging import Checkout, Judgement, Verdict, limit_of

_ROOT = Path(__file__).parents[3]
_MAY_TAKE_S = 60.0
_LONGEST_BASELINE_S = 600.0


def main() -> int:
    """Draw mutants, judge them, print the results. Returns the exit code."""
    options = _options()
    seed = time.strftime("%Y-%m-%d", time.gmtime()) if options.today else options.seed
    with tempfile.TemporaryDirectory(prefix="keyturn-mutants-") as folder:
        copies = [Checkout(_ROOT, Path(folder) / str(number)) for number in range(options.jobs)]
        source = copies[0].folder
        every = [one for file in files(source) for one in mutants_of(source, file)]
        listed = equivalents.read()
        outdated = equivalents.outdated(listed, (one.key for one in every))
        for entry in outdated:
            print(f"equivalents.toml: the code no longer has this mutant: {entry.key}")
        chosen = drawn((one for one in every if one.room in options.room), seed, options.count)
        known = {entry.key for entry in listed}
        to_judge = [one for one in chosen if one.key not in known]
        listed_text = f"{len(chosen) - len(to_judge)} of them are listed as equivalent"
        print(f"{len(chosen)} of {len(every)} mutants, drawn by {seed!r}; {listed_text}", flush=True)
        baseline = copies[0].run(_LONGEST_BASELINE_S)
        if baseline.verdict is not Verdict.SURVIVED:
            print(f"the quick tests fail without a mutant: {baseline.killer}", file=sys.stderr)
            return 2
        print(f"the quick tests take {baseline.seconds:.0f} s, of {_MAY_TAKE_S:.0f}", flush=True)
        judged = _judged(to_judge, copies, limit_of(baseline.seconds), options)
    _summarize(to_judge, judged)
    return 1 if outdated or any(one.verdict is Verdict.SURVIVED for one in judged.values()) else 0


def _judged(
    mutants: Sequence[Mutant], copies: Sequence[Checkout], limit_s: float, options: argparse.Namespace
) -> dict[Mutant, Judgement]:
    """The verdict on each mutant that was started in time. Each is printed when it arrives."""
    until = time.monotonic() + options.within
    free: SimpleQueue[Checkout] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def judge(mutant: Mutant) -> Judgement | None:
        copy = free.get()
        try:
            if time.monotonic() >= until:
                return None
            judgement = copy.judge(mutant.path, mutated_source(copy.folder, mutant), limit_s)
        finally:
            free.put(copy)
        if judgement.verdict is Verdict.SURVIVED or options.verbose:
            print(f"{judgement.verdict.value} ({judgement.seconds:.0f} s) {mutant.told()}", flush=True)
            if judgement.killer:
                print(f"    by {judgement.killer}", flush=True)
        return judgement

    threads = ThreadPoolExecutor(len(copies))
    try:
        told = list(threads.map(judge, mutants))
    except BaseException:  # interrupted: the tests run in sessions of their own, and would continue
        threads.shutdown(wait=False, cancel_futures=True)
        for copy in copies:
            copy.stop()
        raise
    finally:
        threads.shutdown()
    return {mutant: judgement for mutant, judgement in zip(mutants, told, strict=True) if judgement is not None}


def _summarize(mutants: Sequence[Mutant], judged: Mapping[Mutant, Judgement]) -> None:
    """Print a line for each room, and one for all rooms."""
    for room in (*ROOMS, "all"):
        here = [one for one in mutants if room in (one.room, "all")]
        if here:
            counts = Counter(judged[one].verdict for one in here if one in judged)
            told = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict)
            seconds = sum(judged[one].seconds for one in here if one in judged)
            print(
                f"{room}: {len(here)} mutants: {told}, {len(here) - counts.total()} not begun; {seconds:.0f} s of tests"
            )


def _options() -> argparse.Namespace:
    parser = CommandLine("python -m shared.workbench.mutants", __doc__, "make mutants COUNT=50 ROOM=stores")
    parser.add_argument("--count", type=whole_number, default=300, help="the number of mutants to draw")
    parser.add_argument("--seed", default=SEED, help="the word that seeds the draw")
    parser.add_argument("--today", action="store_true", help="seed by the date, so that each day draws anew")
    parser.add_argument("--room", nargs="*", default=list(ROOMS), choices=ROOMS)
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="number of copies of the checkout that run side by side"
    )
    parser.add_argument(
        "--within", type=float, default=3600.0, metavar="SECONDS", help="start no mutant after so many seconds"
    )
    parser.add_argument("--verbose", action="store_true", help="what killed each")
    options: argparse.Namespace = parser.parse_args()
    return options


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
