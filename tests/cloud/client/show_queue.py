"""`queue show URL`: what a queue holds, one CloudEvent a line, oldest first."""

from __future__ import annotations

import argparse
import sys

from shared.queues.port import QueueUnavailable
from tests.cloud.client.inboxes import open_any_inbox


def main(argv: list[str]) -> int:
    """No file is no line; exit 0. Exit 1 if the queue cannot be asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.cloud queue", description=__doc__)
    parser.add_argument("verb", choices=("show",))
    parser.add_argument("url")
    arguments = parser.parse_args(argv)
    try:
        opened = open_any_inbox(arguments.url)
    except ValueError as error:
        parser.error(str(error))
    try:
        for stored in opened.peek():
            print(stored.message.body)
    except QueueUnavailable as error:
        print(f"the queue cannot be shown: {error}", file=sys.stderr)
        return 1
    finally:
        opened.close()
    return 0
