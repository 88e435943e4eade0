"""`run [--once] [--skip-delays]`: the platform's queue trigger. Each waiting command event goes to its function."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from shared.queues import Inbox, Leased, open_inbox

from .runtime import ROOT, SCF, platform_of, run

_PREFIX = "keyturn.command."
_LEASE_S = 120.0
_REDELIVER_S = 1.0
_MOST_RECEIVES = 3  # CKafka's trigger is deployed with three repeats


def functions() -> list[str]:
    """Every function of the bundle."""
    return sorted(path.stem for path in (ROOT / "functions").glob("[a-z]*.py"))


def as_trigger_event(body: str, platform: str, offset: int) -> bytes:
    """A message as the platform's own queue trigger delivers it: CKafka to SCF, SMQ through EventBridge to FC."""
    event: dict[str, Any]
    if platform == SCF:
        record = {"topic": "keyturn-commands", "Partition": 0, "offset": offset, "msgKey": "None", "msgBody": body}
        return json.dumps({"Records": [{"Ckafka": record}]}).encode()
    message_id = json.loads(body)["id"]
    event = {
        "id": f"envelope-{message_id}",
        "source": "keyturn-commands",
        "specversion": "1.0",
        "type": "mns:Queue:SendMessage",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": "acs:mns:cn-hangzhou:1000000000000001:queues/keyturn-commands",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "data": {"requestId": message_id, "messageId": message_id, "messageBody": body},
    }
    return json.dumps([event]).encode()


def deliver(inbox: Inbox, leased: Leased, *, only: str | None = None, skip_delays: bool = False) -> bool:
    """Give one message to its function; False if it goes back to the queue to be delivered again."""
    body = json.loads(leased.message.body)
    kind = str(body.get("type", ""))
    function = only or kind.removeprefix(_PREFIX)
    if function not in functions() or not (only or kind.startswith(_PREFIX)):
        print(f"left: a message of type {kind[:80]} is addressed to no function", file=sys.stderr)
        inbox.ack(leased)
        return True
    if skip_delays:
        body.pop("notbefore", None)
    platform = platform_of(kind.removeprefix(_PREFIX) if function != "follow_change" else _followed(body))
    event = as_trigger_event(json.dumps(body, ensure_ascii=False), platform, leased.receives)
    returned = run(function, event, platform)
    sys.stderr.write(returned.log)
    if returned.error is not None and leased.receives <= _MOST_RECEIVES:
        inbox.release(leased, _REDELIVER_S)
        return False
    inbox.ack(leased)
    return True


def _followed(body: dict[str, Any]) -> str:
    """follow_change runs on the cloud whose change it follows."""
    data = body.get("data")
    return "alibaba_" if isinstance(data, dict) and data.get("Cloud") == "alibaba" else "tencent_"


def inboxes(url: str) -> list[tuple[str | None, Inbox]]:
    """The queues behind a commands URL: one a function where it says `{function}`, else one for all."""
    if "{function}" in url:
        return [(name, open_inbox(url, function=name)) for name in functions()]
    return [(None, open_inbox(url))]


def main(argv: list[str]) -> int:
    """Runs until it is stopped; with `--once` delivers what waits now, exit 3 if that is nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.cloud run", description=__doc__)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--skip-delays", action="store_true")
    arguments = parser.parse_args(argv)
    url = os.environ.get("KEYTURN_COMMANDS")
    if not url:
        parser.error("KEYTURN_COMMANDS is not set")
    if url.startswith("sqlite://") and not Path("/" + url.removeprefix("sqlite://").lstrip("/")).parent.is_dir():
        parser.error("KEYTURN_COMMANDS names a file in a folder that does not exist")
    queues = inboxes(url)
    try:
        while True:
            found = 0
            for only, inbox in queues:
                for leased in inbox.receive(100, _LEASE_S, ignore_delay=arguments.skip_delays):
                    found += 1
                    deliver(inbox, leased, only=only, skip_delays=arguments.skip_delays)
            if arguments.once:
                return 0 if found else 3
            if not found:
                time.sleep(0.1)
    except KeyboardInterrupt:
        return 0
    finally:
        for _, inbox in queues:
            inbox.close()
