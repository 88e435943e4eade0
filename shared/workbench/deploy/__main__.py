"""`python -m shared.workbench.deploy plan|deploy|remove|call CLOUD ...`: serverless.yml on a platform, and its use."""

from __future__ import annotations

import sys

from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.interrupts import told_in_a_line

_VERBS = ("plan", "deploy", "remove", "call")


def main(argv: list[str]) -> int:
    """Exit 2: wrong use, or serverless.yml is wrong; the rest is up to the verb."""
    parser = CommandLine("python -m shared.workbench.deploy", __doc__, "python -m shared.workbench.deploy plan --help")
    parser.add_argument("verb", choices=_VERBS)
    verb: str = parser.parse_args(argv[:1]).verb
    if verb == "call":
        with told_in_a_line("call: interrupted; nothing was called"):
            from shared.workbench.deploy.call import main as call
        with told_in_a_line("call: interrupted; if the call was on its way, the change may have been made"):
            return call(argv[1:])
    with told_in_a_line(f"{verb}: interrupted; nothing was changed"):
        from shared.workbench.deploy.commands import main as deploy
    return deploy(verb, argv[1:])


sys.exit(main(sys.argv[1:]))
