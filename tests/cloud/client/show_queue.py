"""What a queue holds, one CloudEvent a line, oldest first. Nothing is taken from it."""

from __future__ import annotations

from pathlib import Path

from shared.queues.port import QueueUnavailable
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.terminal import complain
from tests.cloud.client.inboxes import open_any_inbox


def main(argv: list[str]) -> int:
    """No file is no line; exit 0. Exit 1 if the queue cannot be asked."""
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
        complain(f"queue: there is no file {place} yet: nothing was put there")
    if Path(place).is_dir():
        complain(f"queue: {place} is a folder: a queue is a file in it")
        return 1
    try:
        for stored in opened.peek():
            print(stored.message.body)
    except QueueUnavailable as error:
        complain(f"queue: {place} cannot be shown: {error}")
        return 1
    finally:
        opened.close()
    return 0
