"""What bootstrap says: a line a thing in columns, then what is left for a person in the order of doing it."""

from __future__ import annotations

import getpass
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shared.workbench.apis.callers import CallerRefused, complaint, missing_right
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.bootstrap.account import Account
from shared.workbench.bootstrap.needs import Consent, Needs
from shared.workbench.bootstrap.resources import Found, Resource, title
from shared.workbench.bundle.description import Cloud
from shared.workbench.deploy.access import wrong_keys
from shared.workbench.environment.counted import counted
from shared.workbench.environment.terminal import Terminal

_CLOUDS = {"tencent": "Tencent Cloud", "alibaba": "Alibaba Cloud"}
_SIGNS = {"there": "=", "missing": "+", "differs": "~", "foreign": "!"}
_WORDS = {"there": "", "missing": "is missing", "differs": "differs", "foreign": "is in the way"}


def told(error: CallRefused | CallLost | CallerRefused, cloud: Cloud, keys: Mapping[str, str]) -> str:
    """What a failed call means to a person: a right that is missing and who grants it, or wrong keys, or the moment."""
    if isinstance(error, CallLost):
        if error.certificate:
            return str(error)
        effect = "" if error.is_read else "it may have had its effect: "
        return f"{error}; {effect}run it again, it looks first"
    if isinstance(error, CallRefused) and error.passes:
        return f"{error}: the cloud has no time now; run it again in a minute"
    if complaint(error.code) == "keys":
        return wrong_keys(cloud, keys, error.code)
    advice = missing_right(cloud, error.service, error.action, error.code, "bootstrap")
    return f"{error}: {advice}" if advice else str(error)


def place(account: Account) -> str:
    """Where it works."""
    needs = account.needs
    return f"{_CLOUDS[needs.cloud]}, account {account.number}, {needs.region}, service {needs.service}"


def found(looked: Sequence[tuple[Resource, Found]], waiting: Sequence[Resource], terminal: Terminal) -> Iterator[str]:
    """A line for each thing that is not as it should be or has a remark, and one for all the others."""
    quiet = [one.kind for one, how in looked if how.condition == "there" and not how.why]
    if quiet:
        yield terminal.dim(f"= there: {', '.join(counted(n, kind) for kind, n in Counter(quiet).items())}")
    rows = [
        (_SIGNS[how.condition], one, how.why or _WORDS[how.condition])
        for one, how in looked
        if how.condition != "there" or how.why
    ]
    rows += [(".", one, f"waits for your consent to {one.after}, see below") for one in waiting]
    cells = [(f"{sign} {one.kind}", one.name, text) for sign, one, text in rows]
    yield from columns(cells)


def in_the_way(looked: Sequence[tuple[Resource, Found]]) -> Iterator[str]:
    """A line for each thing that is not there, or not as it should be, once all is made."""
    for one, how in looked:
        if how.condition != "there":
            yield f"in the way: {title(one)}: {how.why or 'it does not show'}"


def taken_away(things: Sequence[Resource]) -> Iterator[str]:
    """A line for each thing that is to go."""
    yield from columns([(f"- {one.kind}", one.name) for one in things])


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> Iterator[str]:
    """Each row as a line, its cells below each other."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def costs(needs: Needs) -> Iterator[str]:
    """What costs money, for who is about to agree."""
    yield "What costs money (nothing that is billed by the month is made here), with the price page and its date:"
    yield from columns([(one.what, one.when, one.dated, one.page) for one in needs.billed], "  ")


def rest(
    account: Account,
    missing: Sequence[Consent],
    secrets: Sequence[str],
    exports: Mapping[str, str],
    *,
    is_blocked: bool,
) -> Iterator[str]:
    """What a person has to do, and the next commands. `exports`: what this shell does not have yet."""
    needs = account.needs
    load = f". dist/bootstrap/{needs.cloud}/settings.sh"
    to_do = [f"in the console: {one.page}" for one in missing]
    to_do += [f"in this shell: export {one}" for one in needs.unnamed]
    if to_do:
        yield "For you to do; the next `make bootstrap` checks it:"
        yield from (f"  {number}. {text}" for number, text in enumerate(to_do, 1))
    if exports:
        yield f"Settings for this shell, which `{load}` sets:"
        yield from (f"  export {name}={shlex.quote(value)}" for name, value in exports.items())
    if secrets:
        yield "First secrets wanted: each command asks for the password in force now, and keeps it in its store:"
        yield from (f"  make bootstrap CLOUD={needs.cloud} SECRET={shlex.quote(one)}" for one in secrets)
    then = "bootstrap" if to_do or is_blocked else "plan"
    before = [*([load] if exports else []), *(["the first secrets"] if secrets else [])]
    yield f"next: {', then '.join([*before, f'make {then} CLOUD={needs.cloud}'])}"


def other_name(needs: Needs, file: Path, terminal: Terminal) -> str:
    """On a terminal, how a second team in the account gets a name of its own; empty where there is nothing to say."""
    if needs.service != "keyturn" or not terminal.is_live:
        return ""
    lines = file.read_text(encoding="utf-8").splitlines()
    line = next((number for number, text in enumerate(lines, 1) if text.startswith("service:")), 1)
    return (
        f"Every clone's service is called keyturn. If another team deploys to this account, say no here and call yours,"
        f" for example, keyturn-{getpass.getuser()} ({file.name}:{line}, `service:`). What else has to differ stands in"
        " the manual under: Two teams in one account."
    )
