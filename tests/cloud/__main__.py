"""The stand-in's command line: `python -m tests.cloud serve|shell|invoke|run|queue|demo`."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

COMMANDS = {
    "serve": ("server.serve", "both clouds on one loopback port"),
    "shell": ("client.shell", "a shell that has the stand-in running"),
    "invoke": ("invocation.invoke", "one function, one event, as the platform would"),
    "run": ("invocation.queue_trigger", "give waiting command events to their functions"),
    "queue": ("client.show_queue", "show what a queue holds"),
    "demo": ("demo.main", "change real passwords and show the proof"),
}


def main() -> int:
    """Hand the rest of the command line to the command's own module; its exit code is ours."""
    parser = argparse.ArgumentParser(prog="python -m tests.cloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, about) in COMMANDS.items():
        commands.add_parser(name, help=about, add_help=False)
    command = parser.parse_args(sys.argv[1:2]).command
    module = import_module(f"tests.cloud.{COMMANDS[command][0]}")
    code: int = module.main(sys.argv[2:])
    return code


if __name__ == "__main__":
    sys.exit(main())
