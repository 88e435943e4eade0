"""A power cut behind any call of deploy or remove: run again, it ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from shared.workbench.bundle.description import CkafkaTrigger, DeadLetter, Destinations
from shared.workbench.deploy.plan import digest
from tests.support.forked import run_until_killed
from tests.support.hello_function import write_zip
from tests.support.kill_points import points
from tests.workbench.deploy_site import ONE_CALL, Site

_A_DAY = 3
_ARN = "acs:mns:cn-hangzhou:1000000000000001:/queues/ends/messages"


def nothing(site: Site) -> None:
    """Nobody has deployed it yet."""


def deployed(site: Site) -> None:
    """It runs as it is described."""
    assert site.deploy() == 0


def another_is_deployed(site: Site) -> None:
    """What runs differs in code, settings, bound, a trigger that has to be made anew, and what has to be taken off."""
    wanted, zip_ = site.description, (site.folder / "goodbye.zip").read_bytes()
    on_scf = wanted.platform == "scf"
    ends: Mapping[str, Any] = (
        {"dead_letter": DeadLetter("cmq-queue", "lost")} if on_scf else {"destinations": Destinations(_ARN, _ARN)}
    )
    (queue,) = wanted.functions[0].queues
    source = replace(queue, offset="earliest") if isinstance(queue, CkafkaTrigger) else replace(queue, queue="returns")
    site.change("hello", **ends, environment={"KEYTURN_LOG": "DEBUG"}, timers=(), instances=5)
    site.change("goodbye", timeout_s=9, async_retries=0, queues=(replace(source, enabled=False),))
    write_zip(site.folder / "goodbye.zip", {"hello.py": "def main_handler(event, context): return 2\n"})
    assert site.deploy() == 0
    site.description = wanted
    site.change("goodbye", queues=(replace(queue, enabled=False),))
    (site.folder / "goodbye.zip").write_bytes(zip_)


SCENES: dict[str, tuple[Callable[[Site], None], Callable[[Site], int]]] = {
    "deploy": (nothing, Site.deploy),
    "deploy changes": (another_is_deployed, Site.deploy),
    "remove": (deployed, Site.remove),
}


@pytest.mark.long
@pytest.mark.parametrize("scene", SCENES)
def test_a_kill_behind_any_call_is_made_good_by_the_same_command(site: Site, scene: str) -> None:
    before, command = SCENES[scene]
    first = site.description

    def begin() -> None:
        site.description = first
        site.cloud.reset(active_s=0.02, planes_lag_s=0, rate=1000)
        before(site)

    begin()
    until = site.calls()
    assert command(site) == 0
    calls, undisturbed = site.calls() - until, digest(site.plane.read({"hello", "goodbye"}))
    for number in points(calls, f"{scene} {site.description.cloud}", _A_DAY):
        begin()
        killed = run_until_killed(lambda: command(site), f"{ONE_CALL[site.description.platform]}:return#{number}")
        # How often a function is asked for until it is at rest differs by a few calls from run to run.
        assert killed or number > calls - 4, f"not killed at call {number}"
        assert command(site) == 0, f"killed at call {number}"
        assert digest(site.plane.read({"hello", "goodbye"})) == undisturbed, f"killed at call {number}"
