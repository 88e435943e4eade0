"""Plays a platform with the standard library alone: `start.py FOLDER MODULE scf|fc FILE`.

It imports MODULE's `main_handler` from FOLDER and passes it each event of FILE (a JSON list), one after the other. It
prints each return value as a line of JSON, and then ends at once. A platform's process continues, so nobody waits for
the clean-up that an interpreter does at its end.
"""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace


def main(folder: str, module: str, platform: str, file: str) -> None:
    """Raises: what the handler raises."""
    sys.path.insert(0, folder)
    handler = __import__(module).main_handler
    with open(file, encoding="utf-8") as events:  # noqa: PTH123 - pathlib would be part of what is measured
        for number, event in enumerate(json.load(events)):
            request_id = f"00000000-0000-4000-8000-{os.getpid():06d}{number:06d}"
            if platform == "scf":
                context = {
                    "request_id": request_id,
                    "function_name": module,
                    "namespace": "default",
                    "time_limit_in_ms": 30_000,
                    "memory_limit_in_mb": 128,
                    "tencentcloud_region": os.environ["TENCENTCLOUD_REGION"],
                }
                print(json.dumps(handler(event, context)))
                continue
            keys = {
                "access_key_id": os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
                "access_key_secret": os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
                "security_token": os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
            }
            fc_context = SimpleNamespace(
                request_id=request_id,
                credentials=SimpleNamespace(**keys),
                function=SimpleNamespace(name=module, handler=f"{module}.main_handler", memory=128, timeout=30),
                region="cn-hangzhou",
                account_id="1000000000000001",
            )
            print(json.dumps(handler(json.dumps(event).encode(), fc_context)))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
