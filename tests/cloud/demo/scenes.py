"""Runs scenes side by side and prints them in order, each as soon as the scenes before it have ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from shared.workbench.environment.terminal import Terminal

_LOOK_S = 0.1


@dataclass
class Scene:
    """One part of the demo: its heading, its function, and its lines so far."""

    heading: str
    play: Callable[[Scene], None]
    lines: list[str] = field(default_factory=list)
    failed: int = 0
    left_out: str = ""
    """Why this machine could not run it; empty if it ran."""
    doing: str = ""
    """What it is doing now, for the progress line."""

    def tell(self, line: str, well: bool = True, why: str = "") -> None:
        """A line of proof; `well` says whether the proof held, and `why` on the next line why it did not."""
        self.lines.append(line if well else f"{line}  FAILED")
        self.failed += not well
        if why and not well:
            self.lines.append(f"      {why}")


def end_of(scenes: Sequence[Scene]) -> str:
    """The end of the demo in one sentence, without its full stop."""
    failed = sum(scene.failed for scene in scenes)
    if failed:
        return f"{failed} {'proof' if failed == 1 else 'proofs'} FAILED"
    left_out = dict.fromkeys(scene.left_out for scene in scenes if scene.left_out)
    return f"All proofs that this machine could show held ({'; '.join(left_out)})" if left_out else "All proofs held"


def play_scenes(scenes: Sequence[Scene], terminal: Terminal, at_once: int) -> int:
    """Run all scenes, `at_once` side by side; print their lines in order. Returns the number of failed proofs."""
    started = time.monotonic()
    ended = {id(scene): threading.Event() for scene in scenes}

    def play(scene: Scene) -> None:
        try:
            scene.play(scene)
        except Exception as error:  # the other scenes go on: they show more than a demo that stops
            scene.tell(f"  {type(error).__name__}: {error}", False)
        finally:
            ended[id(scene)].set()

    with ThreadPoolExecutor(at_once) as pool, ExitStack() as interrupted:
        interrupted.callback(pool.shutdown, wait=False, cancel_futures=True)
        for scene in scenes:
            pool.submit(play, scene)
        heading = ""
        for scene in scenes:
            told = 0
            over = False
            while not over:
                over = ended[id(scene)].wait(_LOOK_S)
                for line in scene.lines[told:]:
                    if heading != scene.heading:
                        heading = scene.heading
                        terminal.say(f"\n{heading}")
                    terminal.say(terminal.bad(line) if line.endswith("FAILED") else line)
                    told += 1
                at = ", ".join(one.doing for one in scenes if one.doing and not ended[id(one)].is_set())
                terminal.progress(f"  {time.monotonic() - started:.0f} s  {at}")
    return sum(scene.failed for scene in scenes)
