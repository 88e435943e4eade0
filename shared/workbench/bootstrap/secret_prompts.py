"""First secrets as a person gives them: which stores want one, and each typed unseen."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from shared.runtime.secret import Secret
from shared.workbench.apis.callers import CallerRefused
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.bootstrap import shown
from shared.workbench.bootstrap.account import Account
from shared.workbench.bootstrap.first_secrets import CORRECTION, CannotList, Credential, create, credentials, is_there
from shared.workbench.deploy.access import Refused
from shared.workbench.environment.counted import counted
from shared.workbench.environment.terminal import Terminal, complain
from shared.workbench.environment.typed_lines import is_typed_ahead, read_line

_DONE, _FAILED = 0, 1
_TRIES = 3
_TYPED_AHEAD = (
    "first secrets: lines were typed or pasted before the question, so no password is asked for; they are left to the"
    " shell"
)


@dataclass
class Asked:
    """Which stores still want a first secret. `is_part`: others may, whose policies could not be listed."""

    wanted: list[str] = field(default_factory=list)
    is_part: bool = False


def ask_for_all(account: Account, terminal: Terminal) -> Asked:
    """Ask on a terminal for each first secret that is not there."""
    asked = Asked()
    missing = list(_missing(account, asked, terminal))
    if missing and terminal.is_live and sys.stdin.isatty():
        if is_typed_ahead():
            terminal.say(_TYPED_AHEAD)
        else:
            missing = _left_out(account, missing, terminal)
    asked.wanted = [one.store.place for one in missing]
    return asked


def _missing(account: Account, asked: Asked, terminal: Terminal) -> Iterator[Credential]:
    """The credentials whose stores hold no secret, of all policies. A policy that cannot be listed is told."""
    assert account.api is not None
    for first in account.needs.secrets:
        try:
            found = credentials(first, account.api)
            wanted = [one for one in found if not is_there(account.api, one)]
        except (CannotList, CallRefused, CallLost, CallerRefused) as error:
            text = str(error) if isinstance(error, CannotList) else _told(account, error)
            complain(f"first secrets: {text}; each belongs into {first.store}")
            asked.is_part = True
            continue
        if not found:
            rule = "Resources and Accounts under custom.policies of serverless.yml say which it is for"
            terminal.say(f"{first.policy} is for nothing that is in {first.region}: {rule}")
        yield from wanted


def _left_out(account: Account, missing: Sequence[Credential], terminal: Terminal) -> list[Credential]:
    """Ask for each of them; those whose stores still hold none."""
    whose = counted(len({(one.region, one.resource) for one in missing}), "instance")
    terminal.say(f"{counted(len(missing), 'first secret')} wanted: the passwords in force now, of accounts on {whose}.")
    terminal.say("You are asked for each one twice. What you type is not shown, and goes into its store only.")
    terminal.say("To leave one out press Enter: the next run asks for it again.")
    left = []
    for number, one in enumerate(missing, 1):
        terminal.say(f"{number} of {len(missing)}: {_whose(one)}, for {one.store.place}")
        try:
            secret = _typed_twice(terminal)
        except Refused as refused:
            terminal.say(str(refused))
            secret = None
        if secret is None or not _is_stored(account, one, secret, terminal):
            left.append(one)
    return left


def ask_for_one(account: Account, reference: str, terminal: Terminal) -> int:
    """Put one first secret into its store. Exit 0: it is there. Raises: Refused, CallRefused and the like."""
    assert account.api is not None
    wanted, unlisted = [], []
    for first in account.needs.secrets:
        try:
            found = credentials(first, account.api)
        except CannotList as error:
            unlisted.append(str(error))
            continue
        one = next((one for one in found if one.store.place == reference), None)
        if one is None:
            wanted += [one.store.place for one in found]
            continue
        if is_there(account.api, one):
            terminal.say(f"{reference} is there already, and is left as it is; {CORRECTION[one.store.kind]}")
            return _DONE
        if sys.stdin.isatty():
            terminal.say(f"{_whose(one)}: type the password in force now, twice. It is not shown.")
            secret = _typed_twice(terminal)
        else:
            secret = _checked(read_line())
        if secret is None:
            raise Refused("no secret was typed; nothing was made")
        return _DONE if _is_stored(account, one, secret, terminal) else _FAILED
    if unlisted:
        raise Refused("; ".join(unlisted))
    # What was given is not shown: it may be the password itself.
    raise Refused(f"SECRET= is no store of serverless.yml's policies; theirs are: {', '.join(wanted) or 'none'}")


def _is_stored(account: Account, credential: Credential, secret: Secret, terminal: Terminal) -> bool:
    """Put a secret into its store; a failure is told."""
    assert account.api is not None
    try:
        create(account.api, credential, secret, account.needs.mark)
    except (CallRefused, CallLost, CallerRefused) as error:
        complain(f"bootstrap: {credential.store.place}: {_told(account, error)}")
        return False
    terminal.say(f"{credential.store.place}: stored")
    return True


def _typed_twice(terminal: Terminal) -> Secret | None:
    """What a person types unseen, the same twice. None: nothing was typed. Raises: Refused."""
    for _ in range(_TRIES):
        first = _checked(terminal.ask_unseen("  password in force now: "))
        if first is None:
            return None
        if first == _checked(terminal.ask_unseen("  the same again: ")):
            return first
        terminal.say("  the two differ: nothing was stored")
    raise Refused(f"the two differed {_TRIES} times; nothing was made")


def _checked(typed: bytes) -> Secret | None:
    """A line that was typed, as a secret. None: it is blank. Raises: Refused: no password looks like that."""
    text = "\0"
    with suppress(UnicodeDecodeError):  # what is no text holds what cannot be seen
        text = typed.decode().rstrip("\r\n")
    if text.strip() not in ("", text):
        raise Refused("what was typed begins or ends with a blank, which no such password does; nothing was made")
    if not text.isprintable():
        raise Refused("what was typed holds a character that cannot be seen; nothing was made")
    return Secret(text) if text.strip() else None


def _whose(credential: Credential) -> str:
    account = f"account {credential.account} of " if credential.account else ""
    return f"{account}{credential.resource}"


def _told(account: Account, error: CallRefused | CallLost | CallerRefused) -> str:
    assert account.api is not None
    return shown.told(error, account.needs.cloud, account.api.keys)
