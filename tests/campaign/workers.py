"""Plays many cases in parallel. Each worker has its own stand-in."""

from __future__ import annotations

import importlib
import math
import multiprocessing
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.campaign.case import Case, PlayedCase, play_case
from tests.campaign.invocations import CLIENTS
from tests.campaign.judge import Verdict
from tests.cloud.client.standin import Standin

_STUCK_S = 300.0


def play_cases(cases: Sequence[Case], seed: int, jobs: int, within_s: float = math.inf) -> Iterator[PlayedCase]:
    """Yield the cases as they end. Each job has its own stand-in, and begins no case after `within_s` seconds.

    Raises: queue.Empty if no case ended for five minutes.
    """
    until = time.monotonic() + within_s
    spawn = multiprocessing.get_context("spawn")
    todo: multiprocessing.Queue[int | None] = spawn.Queue()
    done: multiprocessing.Queue[PlayedCase | None] = spawn.Queue()
    for number in [*range(len(cases)), *[None] * jobs]:
        todo.put(number)
    workers = [spawn.Process(target=_work, args=(cases, seed, todo, done, until)) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    try:
        left = jobs
        while left:
            ended = done.get(timeout=_STUCK_S)
            if ended is None:
                left -= 1
            else:
                yield ended
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
    done: multiprocessing.Queue[PlayedCase | None],
    until: float,
) -> None:
    for client in CLIENTS:  # a cold start would take a share of the first case's six seconds
        importlib.import_module(client)
    with Standin() as standin:
        while (number := todo.get()) is not None and time.monotonic() < until:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    play_cases = play_case(cases[number], standin, Path(folder), seed)
                except Exception:  # the case counts as failed, the others go on
                    failed = Verdict([f"(-) not played: {traceback.format_exc()}"])
                    play_cases = PlayedCase(cases[number], failed, [])
            done.put(play_cases)
    done.put(None)
