"""A task that takes longer than its invocation is handed to follow_change, over each kind of queue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from shared.triggers import Trigger
from shared.workbench.deploy.handoff_key import new_key
from tests.cloud.client.inboxes import open_any_inbox
from tests.cloud.client.standin import Standin
from tests.cloud.demo.scenes import Scene
from tests.cloud.demo.six_ways import accepts, endpoints, example_events, why_of
from tests.cloud.functions.platform_names import FC, SCF
from tests.cloud.invocation.runtime import run_function
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.checkout import ROOT

_SMQ = f"smq://{ALIBABA_ACCOUNT}.mns.cn-hangzhou.aliyuncs.com/keyturn-"
_PATIENCE_S = 60.0
_LOOK_S = 0.2
# Function -> the kind of queue over which it hands on.
KINDS = {
    "sqlite": "tencent_redis_modify_instance_password",
    "ckafka": "tencent_redis_modify_instance_password",
    "smq": "alibaba_tair_modify_account_password",
}


def hand_on_and_follow(scene: Scene, cloud: Standin, kind: str, folder: Path) -> None:
    """Show one line: the outcomes, and whether the server accepted the new password at the end."""
    results, commands = {
        "sqlite": (f"sqlite://{folder}/chained.db", f"sqlite://{folder}/commands.db"),
        "ckafka": ("ckafka://ap-guangzhou/datahub-demo01", "ckafka://ap-guangzhou/datahub-demo02"),
        "smq": (f"{_SMQ}results", f"{_SMQ}to-{{function}}"),
    }[kind]
    function, platform = KINDS[kind], FC if kind == "smq" else SCF
    way = next(one for one in example_events(function) if one.platform == platform and one.trigger is Trigger.HTTP)
    scene.doing = f"task over {kind}"
    cloud.reset(task_s=3.0, settle_s=3.0)
    started = time.monotonic()
    queues = {"KEYTURN_RESULTS": results, "KEYTURN_COMMANDS": commands, **endpoints(cloud)}
    queues["KEYTURN_HANDOFF_KEY"] = new_key()
    run_function(function, way.event, platform, settings=queues)
    told, why = _follow_to_the_end(queues, results)
    assert way.new_password is not None
    works = accepts(cloud, way.credential, way.new_password)
    proof = f"new password {'accepted' if works else 'REFUSED'}"
    line = f"  {function:<44} over {kind:<8} {', '.join(told)} in {time.monotonic() - started:.1f} s: {proof}"
    expected = "expected: pending, then changed, and the new password accepted"
    scene.tell(line, works and told == ["pending", "changed"], f"{expected}; the last result says: {why or 'nothing'}")


def _follow_to_the_end(settings: dict[str, str], results: str) -> tuple[list[str], str]:
    """Play the platform's queue trigger until a terminal result is out.

    Returns the outcomes, oldest first, and why the last is not in force.
    """
    environ = {**os.environ, **settings}
    worker = [sys.executable, "-m", "tests.cloud", "run"]
    process = subprocess.Popen(worker, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until, told, why = time.monotonic() + _PATIENCE_S, [""], ""
        opened = open_any_inbox(results, environ=environ)
        try:
            while told[-1] in ("", "pending") and time.monotonic() < until:
                time.sleep(_LOOK_S)
                events = [json.loads(stored.message.body) for stored in opened.peek()]
                told = [event["data"]["Outcome"] for event in events] or [""]
                why = why_of(events[-1]) if events else ""
        finally:
            opened.close()
        return told, why
    finally:
        process.terminate()
        process.wait()
