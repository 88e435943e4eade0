"""First secrets as a person gives them: which stores want one, and each typed unseen."""

from __future__ import annotations

import getpass
import sys
from contextlib import suppress
from dataclasses import dataclass, field

from shared.runtime.secret import Secret
from shared.workbench.apis.callers import CallerRefused
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.bootstrap import shown
from shared.workbench.bootstrap.account import Account
from shared.workbench.bootstrap.first_secrets import CORRECTION, CannotList, Credential, create, credentials, is_there
from shared.workbench.deploy.access import Refused
from shared.workbench.environment.terminal import Terminal, complain

_DONE, _FAILED = 0, 1


@dataclass
class Asked:
    """Which stores still want a first secret. `is_part`: others may, whose policies could not be listed."""

    wanted: list[str] = field(default_factory=list)
    is_part: bool = False


def ask_for_all(account: Account, terminal: Terminal) -> Asked:
    """Ask on a terminal for each first secret that is not there."""
    assert account.api is not None
    asked = Asked()
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
        for one in wanted:
            secret = None
            try:
                secret = _typed(one) if terminal.is_live and sys.stdin.isatty() else None
            except Refused as refused:
                terminal.say(str(refused))
            if secret is None or not _is_stored(account, one, secret, terminal):
                asked.wanted.append(one.store.place)
    return asked


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
        secret = _typed(one)
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


def _typed(credential: Credential) -> Secret | None:
    """What a person types, unseen; without a terminal one line of standard input. None: nothing. Raises: Refused."""
    whose, text = f"{credential.resource} {credential.account}".rstrip(), "\0"
    with suppress(UnicodeDecodeError):  # what is no text holds what cannot be seen
        if not sys.stdin.isatty():
            text = sys.stdin.readline().rstrip("\r\n")
        else:
            try:
                text = getpass.getpass(f"{credential.store.place}: the password of {whose} now (nothing: later): ")
            except EOFError:  # ctrl-D
                return None
    if text.strip() not in ("", text):
        raise Refused("what was typed begins or ends with a blank, which no such password does; nothing was made")
    if not text.isprintable():
        raise Refused("what was typed holds a character that cannot be seen; nothing was made")
    return Secret(text) if text.strip() else None


def _told(account: Account, error: CallRefused | CallLost | CallerRefused) -> str:
    assert account.api is not None
    return shown.told(error, account.needs.cloud, account.api.keys)
