"""The stand-in's command line."""

from __future__ import annotations

import sys
from importlib import import_module

from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.interrupts import told_in_a_line
from shared.workbench.environment.terminal import complain

COMMANDS = {
    "serve": ("server.serve", "both clouds on one loopback port"),
    "shell": ("client.shell", "a shell in which the stand-in runs"),
    "invoke": ("invocation.invoke", "run one function with one event, as its platform would"),
    "run": ("invocation.queue_trigger", "pass waiting command events to their functions"),
    "queue": ("client.show_queue", "show what a queue holds"),
    "demo": ("demo.main", "change real passwords and show that it worked"),
}


def main() -> int:
    """Pass the rest of the command line to the command's own module, and return its exit code."""
    about = "\n".join([__doc__, "", *(f"  {name:<8} {told}" for name, (_, told) in COMMANDS.items())])
    parser = CommandLine("python -m tests.cloud", about, "python -m tests.cloud serve --help")
    parser.add_argument("command", choices=COMMANDS)
    command = parser.parse_args(sys.argv[1:2]).command
    with told_in_a_line(f"{command}: interrupted"):
        try:
            module = import_module(f"tests.cloud.{COMMANDS[command][0]}")
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in ("tests", "shared"):
                raise
            complain(f"{command}: this Python has no package {error.name}: use `make shell`, or .venv/bin/python")
            return 2
        code: int = module.main(sys.argv[2:])
    return code


if __name__ == "__main__":
    sys.exit(main())
