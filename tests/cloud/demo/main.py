"""`make demo`: the events of `events/` change real passwords on both stand-in clouds, and a real client proves it.

The demo runs every function on both platforms, by all three kinds of trigger, each handler in a fresh process. Then it
follows tasks that take longer than their invocation, over each kind of queue. It packages, deploys, uses and removes
the bundle. A timer rotates a fleet. The scenes run side by side, each on its own stand-in. Exit 0 only if every proof
held.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from shared.handlers.adapters import open_inbox
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.terminal import Terminal
from tests.cloud.client.standin import Standin
from tests.cloud.demo import deployment, fleets, handoffs, six_ways
from tests.cloud.demo.scenes import Scene, end_of, play_scenes
from tests.cloud.state.checkout import ROOT

_WAYS = "Each function, called in six ways: as an HTTP call, a timer and a queue message, on SCF and on FC"
_CHAINS = "A change that takes longer than its call: handed to follow_change, which ends it"
_FLEETS = "A fleet on a timer that fires twice; no event and no message holds a secret"
_DEPLOYED = "Packaged for Python 3.10, deployed to {}'s platform, used and removed"
_AT_ONCE = 4
RESULTS = ROOT / "dist" / "demo-results.jsonl"


def main(argv: list[str]) -> int:
    """Print the proofs; exit 1 if one failed."""
    CommandLine("python -m tests.cloud demo", __doc__, "make demo", only_shows=True).parse_args(argv)
    terminal = Terminal()
    try:
        return _demo(terminal)
    except KeyboardInterrupt:
        terminal.say("Interrupted. Everything that the demo started has ended.")
        return 130


def _demo(terminal: Terminal) -> int:
    started = time.monotonic()
    terminal.say("keyturn's demo changes real passwords, on this machine alone. It takes about a minute.")
    with tempfile.TemporaryDirectory(prefix="keyturn-") as name, ExitStack() as stack:
        folder = Path(name)
        packaging = {cloud: stack.enter_context(deployment.Packaging(cloud, folder)) for cloud in deployment.CLOUDS}
        # In this thread, because the kernel ends a stand-in with the thread that started it.
        terminal.progress("  starting stand-ins for both clouds")
        begun = [Standin(world=fleets.WORLD), *(Standin() for _ in range(_AT_ONCE))]
        fleet_cloud, *clouds = [stack.enter_context(one) for one in begun]
        redis, registry = (", ".join(kind.values()) for kind in (clouds[0].redis, clouds[0].registry))
        terminal.say(
            f"{len(begun)} stand-ins for both clouds run; no call leaves this machine. One is at {clouds[0].endpoint},"
        )
        terminal.say(f"with real Redis servers at {redis}")
        terminal.say(f"and a registry at {registry}.")
        free: SimpleQueue[Standin] = SimpleQueue()
        for cloud in clouds:
            free.put(cloud)

        def on_a_standin(heading: str, play: Callable[[Scene, Standin], None]) -> Scene:
            def take_one(scene: Scene) -> None:
                cloud = free.get()
                try:
                    play(scene, cloud)
                finally:
                    free.put(cloud)

            return Scene(heading, take_one)

        results, hosts = f"sqlite://{folder / 'results.db'}", set[str]()
        scenes = [
            on_a_standin(_WAYS, partial(six_ways.call_in_six_ways, function=function, results=results, hosts=hosts))
            for function in six_ways.OPERATIONS
        ]
        scenes += [
            on_a_standin(_CHAINS, partial(handoffs.hand_on_and_follow, kind=kind, folder=folder))
            for kind in handoffs.KINDS
        ]
        scenes += [
            Scene(_FLEETS, partial(fleets.rotate, cloud=fleet_cloud, fleet=fleet, folder=folder))
            for fleet in fleets.FLEETS
        ]
        scenes += [
            on_a_standin(
                _DEPLOYED.format(story.cloud),
                partial(deployment.deploy_and_use, story=story, packaging=packaging[story.cloud]),
            )
            for story in deployment.STORIES
        ]
        failed = play_scenes(scenes, terminal, _AT_ONCE)
        events = _kept([results, f"sqlite://{folder}/chained.db", *fleets.results(folder)])
    terminal.say(f"\nThe stand-ins were called, and checked the signatures, as {', '.join(sorted(hosts))}.")
    terminal.say(f"The {len(events)} results are in {RESULTS.relative_to(ROOT)}; for a page of them:")
    terminal.say(f"  make report FROM={RESULTS.relative_to(ROOT)}")
    seconds = time.monotonic() - started
    terminal.say((terminal.bad if failed else terminal.good)(f"{end_of(scenes)}, in {seconds:.0f} s."))
    return 1 if failed else 0


def _kept(urls: list[str]) -> list[dict[str, Any]]:
    """Every event on these queues. They are also written to a file that stays after the demo."""
    events: list[dict[str, Any]] = []
    for url in urls:
        opened = open_inbox(url)
        events += [json.loads(stored.message.body) for stored in opened.peek()]
        opened.close()
    RESULTS.parent.mkdir(exist_ok=True)
    lines = "".join(f"{json.dumps(event, ensure_ascii=False)}\n" for event in events)
    new = RESULTS.with_name(f".{RESULTS.name}.{os.getpid()}")
    new.write_text(lines, encoding="utf-8")
    new.replace(RESULTS)
    return events
