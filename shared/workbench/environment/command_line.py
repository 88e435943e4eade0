"""The form of every command's help, with an example, and of what it says to wrong use: one line, and where help is.

Uses the standard library alone, because the command that installs everything else is one of them.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import threading
from typing import Any, NoReturn

from shared.runtime.spelling import meant
from shared.workbench.environment.standard_streams import protect
from shared.workbench.environment.terminal import complain

WRONG_USE = 2
_UNKNOWN = "unrecognized arguments: "


class CommandLine(argparse.ArgumentParser):
    """argparse, whose help ends with examples and whose errors offer the word that was meant."""

    def __init__(
        self,
        prog: str,
        about: str | None = None,
        *examples: str,
        name: str = "",
        only_shows: bool = False,
        **more: Any,
    ) -> None:
        """`prog`: what a person types. `name`: how its errors begin; the last word of `prog` if not said.

        `only_shows`: the command has nothing to bring to an end once nobody reads its output.
        """
        self.name = name or re.split(r"[ .]", prog)[-1]
        self._only_shows = only_shows
        super().__init__(
            prog=prog,
            description=about,
            epilog="\n".join(["Example:", *(f"  {one}" for one in examples)]) if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **more,
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What the words mean. From here on the standard streams last, see `standard_streams`.

        A terminal that is closed ends the command as Ctrl-C does, unless `nohup` or the caller says otherwise.
        """
        protect(self.name, only_shows=self._only_shows)
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, signal.default_int_handler)
        return super().parse_args(args, namespace)

    def print_help(self, file: Any = None) -> None:
        """The help, which is all that a command shows then."""
        protect(self.name, only_shows=True)
        super().print_help(file)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit with 2."""
        if message.startswith(_UNKNOWN):
            word = message.removeprefix(_UNKNOWN).split(" ")[0]
            message = f"{word}: there is no such argument{meant(word.partition('=')[0], self._option_string_actions)}"
        message = re.sub(r"^argument (\S+): ", r"\1: ", message)
        complain(f"{self.name}: {message}\n  {self.prog} --help shows an example")
        sys.exit(WRONG_USE)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(one) for one in action.choices]
            text = f"`{value}` is none of {', '.join(known)}{meant(str(value), known)}"
            raise argparse.ArgumentError(action, text)


def whole_number(text: str) -> int:
    """A number from 1, as an argument's type. Raises: ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is no whole number from 1")
    return int(text)
