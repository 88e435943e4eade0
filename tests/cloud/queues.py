"""`queue show URL`: what a queue holds, one CloudEvent a line, oldest first."""

from __future__ import annotations

import argparse

from shared.queues import open_inbox


def main(argv: list[str]) -> int:
    """No file is no line; exit 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.cloud queue", description=__doc__)
    parser.add_argument("verb", choices=("show",))
    parser.add_argument("url")
    arguments = parser.parse_args(argv)
    try:
        inbox = open_inbox(arguments.url)
    except ValueError as error:
        parser.error(str(error))
    for stored in inbox.peek():
        print(stored.message.body)
    inbox.close()
    return 0
