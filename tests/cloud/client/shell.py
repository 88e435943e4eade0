"""`shell [--world FILE] [--tls]`: starts a shell in which the stand-in runs, with its keys and settings.

`exit` ends the stand-in and removes what was written. Both endpoints in that shell are the stand-in's. It has neither
the caller's keys and settings nor those that the user's own start file sets.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from shared.workbench.deploy.handoff_key import new_key
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.terminal import complain
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT

# Names that both the default world and the empty world use.
_NAMES = {"TENCENTCLOUD_UIN": "100000000001", "ALIBABA_ACCOUNT": "1000000000000001", "CKAFKA_INSTANCE": "ckafka-demo01"}
_MARK = "STAND_IN"  # where the stand-in of this shell is
_NOT_HANDED_ON = ("KEYTURN_", "TENCENTCLOUD_", "ALIBABA_", "MAKE", "MFLAGS", "CKAFKA_INSTANCE", "YES")


def main(argv: list[str]) -> int:
    """Run a shell until it ends. Exit 0 then, however it ended; 2 if no stand-in can start, or one has this shell."""
    parser = CommandLine(
        "python -m tests.cloud shell", __doc__, "make shell", "make shell WORLD=tests/cloud/fleet.toml"
    )
    parser.add_argument("--world", type=Path, help="a TOML file in the form of the default world; then no queue is set")
    parser.add_argument("--tls", action="store_true", help="the stand-in at https://localhost, with its own CA")
    options = parser.parse_args(argv)
    if running := os.environ.get(_MARK):
        complain(f"shell: this shell has a stand-in already, at {running}; `exit` ends both, then run make shell again")
        return 2
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
    command, start_files = _shell(os.environ.get("SHELL") or "/bin/sh", folder, settings)
    print(f"The stand-in for both clouds runs at {cloud.endpoint}. This shell has its keys and settings,", flush=True)
    print("and none of your own. `exit` ends both and removes their files; what is in dist/ stays.", flush=True)
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for what runs in the shell
    subprocess.run(command, cwd=ROOT, env={**kept, **settings, **start_files, "PATH": path}, check=False)
    print("The stand-in has ended, and its files are gone.", flush=True)
    return 0


def _shell(program: str, folder: Path, settings: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command that opens an interactive shell, and the variables that name its start file.

    The start file runs the user's own one first: it may put another Python before ours, or set keys of a real account.
    """
    name = Path(program).name
    own = {"bash": "~/.bashrc", "zsh": '"${OWN_ZDOTDIR:-$HOME}/.zshrc"'}.get(name)
    start = folder / ".zshrc" if name == "zsh" else folder / "start.sh"
    lines = [f"[ ! -r {own} ] || . {own}"] if own else []
    lines += [
        f"unset $(env | sed -n -E 's/^(({'|'.join(_NOT_HANDED_ON)})[A-Za-z0-9_]*)=.*/\\1/p')",
        *(f"export {name}={shlex.quote(value)}" for name, value in settings.items()),
        f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH",
        'PS1="(stand-in) $PS1"',
    ]
    start.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if name == "bash":
        return [program, "--rcfile", str(start)], {}
    if name == "zsh":
        return [program], {"ZDOTDIR": str(folder), "OWN_ZDOTDIR": os.environ.get("ZDOTDIR", "")}
    return [program], {"ENV": str(start)}  # what POSIX has an interactive sh read


def _settings(cloud: Standin, folder: Path, *, with_queues: bool) -> dict[str, str]:
    """The variables that functions and the deploy tool read, with the stand-in's values; `folder` is for files.

    `cloud.json` there names the addresses of its servers.
    """
    (folder / "cloud.json").write_text(json.dumps(cloud.ready, indent=1), encoding="utf-8")
    tencent, alibaba = cloud.credentials["tencent"], cloud.credentials["alibaba"]
    settings = {
        _MARK: cloud.endpoint,
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
