"""`shell [--world FILE] [--tls]`: starts a shell in which the stand-in runs, with its keys and settings.

`exit` ends the stand-in and deletes the files that were written. No call from that shell reaches a cloud: both
endpoints are the stand-in's, and the shell does not get the caller's own keys and settings.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from shared.workbench.deploy.handoff_key import new_key
from shared.workbench.environment.command_line import CommandLine
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT

# Names that both the default world and the empty world use.
_NAMES = {"TENCENTCLOUD_UIN": "100000000001", "ALIBABA_ACCOUNT": "1000000000000001", "CKAFKA_INSTANCE": "ckafka-demo01"}
_NOT_HANDED_ON = ("KEYTURN_", "TENCENTCLOUD_", "ALIBABA_", "MAKE", "MFLAGS", "CKAFKA_INSTANCE", "YES")


def main(argv: list[str]) -> int:
    """Run a shell until it ends. Exit 0 however it ended; 2: the stand-in cannot start."""
    parser = CommandLine(
        "python -m tests.cloud shell", __doc__, "make shell", "make shell WORLD=tests/cloud/fleet.toml"
    )
    parser.add_argument("--world", type=Path, help="a TOML file in the form of the default world; then no queue is set")
    parser.add_argument("--tls", action="store_true", help="the stand-in at https://localhost, with its own CA")
    options = parser.parse_args(argv)
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="keyturn-") as folder:
        try:
            with Standin(world=options.world, tls=options.tls) as cloud:
                return _run(cloud, Path(folder), with_queues=options.world is None)
        except RuntimeError:  # its reason is on stderr
            return 2


def _run(cloud: Standin, folder: Path, *, with_queues: bool) -> int:
    settings = _settings(cloud, folder, with_queues=with_queues)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_HANDED_ON)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    print(f"The stand-in for both clouds runs at {cloud.endpoint}. This shell has its keys and settings:", flush=True)
    print("no call from here reaches a cloud. `exit` ends both and removes what was written.", flush=True)
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the program in the shell
    subprocess.run(
        [os.environ.get("SHELL") or "/bin/sh"], cwd=ROOT, env={**kept, **settings, "PATH": path}, check=False
    )
    print("The stand-in has ended, and its files are gone.", flush=True)
    return 0


def _settings(cloud: Standin, folder: Path, *, with_queues: bool) -> dict[str, str]:
    """The variables that functions and the deploy tool read, with the stand-in's values; `folder` is for files.

    `cloud.json` there names the addresses of its servers.
    """
    (folder / "cloud.json").write_text(json.dumps(cloud.ready, indent=1), encoding="utf-8")
    tencent, alibaba = cloud.credentials["tencent"], cloud.credentials["alibaba"]
    settings = {
        "folder": str(folder),
        "KEYTURN_TENCENT_ENDPOINT": cloud.endpoint,
        "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint,
        "TENCENTCLOUD_SECRET_ID": tencent["id"],
        "TENCENTCLOUD_SECRET_KEY": tencent["key"],
        "TENCENTCLOUD_TOKEN": tencent["token"],
        "ALIBABA_CLOUD_ACCESS_KEY_ID": alibaba["id"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": alibaba["key"],
        "ALIBABA_CLOUD_SECURITY_TOKEN": alibaba["token"],
        **_NAMES,
    }
    if cloud.ca:
        settings["KEYTURN_CA_FILE"] = cloud.ca
    if with_queues:
        settings["KEYTURN_RESULTS"] = f"sqlite://{folder}/results.db"
        settings["KEYTURN_COMMANDS"] = f"sqlite://{folder}/commands.db"
        settings["KEYTURN_HANDOFF_KEY"] = new_key()
    return settings
