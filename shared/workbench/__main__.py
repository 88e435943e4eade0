"""`python -m shared.workbench package|plan|deploy|remove|call CLOUD ...`."""

from __future__ import annotations

import sys

_VERBS = ("package", "plan", "deploy", "remove", "call")


def main(argv: list[str]) -> int:
    """Exit 2: wrong use, or serverless.yml is wrong; the rest is up to the verb."""
    if not argv or argv[0] not in _VERBS:
        print(f"usage: python -m shared.workbench {'|'.join(_VERBS)} CLOUD ...", file=sys.stderr)
        return 2
    if argv[0] == "package":
        from shared.workbench.package import main as package

        return package(argv[1:])
    if argv[0] == "call":
        from shared.workbench.call import main as call

        return call(argv[1:])
    from shared.workbench.deploy import main as deploy

    return deploy(argv[0], argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
