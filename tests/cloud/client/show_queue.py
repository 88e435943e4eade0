"""Shows the messages of a queue, one CloudEvent a line, the oldest first. The messages stay in the queue."""

from __future__ import annotations

from pathlib import Path

from shared.queues.port import QueueUnavailable
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.terminal import complain
from tests.cloud.client.inboxes import open_any_inbox


def main(argv: list[str]) -> int:
    """A queue without a file prints nothing; exit 0. Exit 1: the queue cannot be read."""
    parser = CommandLine(
        "python -m tests.cloud queue",
        __doc__,
        "python -m tests.cloud queue show sqlite:///tmp/keyturn-results.db",
        only_shows=True,
    )
    parser.add_argument("verb", choices=("show",))
    parser.add_argument("url", help="as KEYTURN_RESULTS has it")
    arguments = parser.parse_args(argv)
    try:
        opened = open_any_inbox(arguments.url)
    except ValueError as error:
        parser.error(f"URL: {error}")
    scheme, _, rest = arguments.url.partition("://")
    place = f"/{rest.lstrip('/')}" if scheme == "sqlite" else "it"
    if scheme == "sqlite" and not Path(place).exists():
        complain(f"queue: the file {place} does not exist yet: nothing was put there")
    if Path(place).is_dir():
        complain(f"queue: {place} is a folder, but a queue is a file in a folder")
        return 1
    try:
        for stored in opened.peek():
            print(stored.message.body)
    except QueueUnavailable as error:
        complain(f"queue: {place} cannot be read: {error}")
        return 1
    finally:
        opened.close()
    return 0
