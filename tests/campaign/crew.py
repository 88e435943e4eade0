"""Plays many cases beside each other, each worker with a stand-in of its own."""

from __future__ import annotations

import importlib
import math
import multiprocessing
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.cloud.client import Standin

from .cases import ALWAYS, Case
from .platform import CLIENTS
from .play import Verdict, play

_STUCK_S = 300.0


def played(cases: Sequence[Case], seed: int, jobs: int, within_s: float = math.inf) -> Iterator[Verdict]:
    """Verdicts as they come. Each job has a stand-in of its own; none begins a case after `within_s` seconds.

    Raises: queue.Empty: no case ended for five minutes.
    """
    until = time.monotonic() + within_s
    spawn = multiprocessing.get_context("spawn")
    todo: multiprocessing.Queue[int | None] = spawn.Queue()
    done: multiprocessing.Queue[Verdict | None] = spawn.Queue()
    # What is refused each time is handed back ten times, for minutes: begun first, so that nobody waits for it alone.
    long = [number for number, case in enumerate(cases) if case.mode == ALWAYS and case.commands]
    rest = [number for number in range(len(cases)) if number not in long]
    for number in [*long, *rest, *[None] * jobs]:
        todo.put(number)
    workers = [spawn.Process(target=_work, args=(cases, seed, todo, done, until)) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    try:
        left = jobs
        while left:
            verdict = done.get(timeout=_STUCK_S)
            if verdict is None:
                left -= 1
            else:
                yield verdict
        for worker in workers:
            worker.join()
    finally:
        todo.cancel_join_thread()  # what nobody took is of no use
        for worker in workers:
            worker.terminate()


def _work(
    cases: Sequence[Case],
    seed: int,
    todo: multiprocessing.Queue[int | None],
    done: multiprocessing.Queue[Verdict | None],
    until: float,
) -> None:
    for client in CLIENTS:  # a cold start would take a share of the first case's six seconds
        importlib.import_module(client)
    with Standin() as standin:
        while (number := todo.get()) is not None and time.monotonic() < until:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    verdict = play(cases[number], standin, Path(folder), seed)
                except Exception:  # the case counts as failed, the others go on
                    verdict = Verdict(cases[number], [], [f"(-) not played: {traceback.format_exc()}"])
            done.put(verdict)
    done.put(None)
