"""`python -m shared.workbench.deploy plan|deploy|remove|call CLOUD ...`."""

from __future__ import annotations

import sys

_VERBS = ("plan", "deploy", "remove", "call")


def main(argv: list[str]) -> int:
    """Exit 2: wrong use, or serverless.yml is wrong; the rest is up to the verb."""
    if not argv or argv[0] not in _VERBS:
        print(f"usage: python -m shared.workbench.deploy {'|'.join(_VERBS)} CLOUD ...", file=sys.stderr)
        return 2
    if argv[0] == "call":
        from shared.workbench.deploy.call import main as call

        return call(argv[1:])
    from shared.workbench.deploy.commands import main as deploy

    return deploy(argv[0], argv[1:])


sys.exit(main(sys.argv[1:]))
