"""What bootstrap says: short, in groups, and last what is left for a person."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shared.workbench.bootstrap.account import Account
from shared.workbench.bootstrap.needs import Consent, Needs
from shared.workbench.bootstrap.resources import Found, Resource
from shared.workbench.environment.terminal import Terminal

_CLOUDS = {"tencent": "Tencent Cloud", "alibaba": "Alibaba Cloud"}
_SIGNS = {"there": "=", "missing": "+", "differs": "~", "foreign": "!"}
_WORDS = {"there": "there", "missing": "to make", "differs": "to mend", "foreign": "in the way"}


def place(account: Account) -> str:
    """Where it works."""
    needs = account.needs
    return f"{_CLOUDS[needs.cloud]}, account {account.number}, {needs.region}, service {needs.service}"


def found(looked: Sequence[tuple[Resource, Found]], terminal: Terminal) -> Iterator[str]:
    """A line for each group and condition, with the names of what is not there as it should be."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one, how in looked:
        groups.setdefault((one.group, how.condition), []).append((one.name, how.why))
    for (group, condition), names in groups.items():
        line = f"{_SIGNS[condition]} {group}: {len(names)} {_WORDS[condition]}"
        yield terminal.dim(line) if condition == "there" else line
        told = [(name, why) for name, why in names if why or condition != "there"]
        yield from (f"    {name}{': ' + why if why else ''}" for name, why in told)


def rest(
    account: Account, missing: Sequence[Consent], exports: Mapping[str, str], environ: Mapping[str, str]
) -> Iterator[str]:
    """What a person has to do or to know, and the next command."""
    needs = account.needs
    to_do = [f"in the console: {one.page}" for one in missing]
    to_do += [f"export {one}" for one in needs.unnamed]
    if to_do:
        yield "for you to do, since no API does it:"
        yield from (f"  {number}. {text}" for number, text in enumerate(to_do, 1))
    yield "billed, and never made here (price page, read on):"
    yield from (f"  {one.what}: {one.page}, {one.read}" for one in needs.billed)
    if changed := {name: value for name, value in exports.items() if environ.get(name) != value}:
        yield f"set these, or `. dist/bootstrap/{needs.cloud}/settings.sh`:"
        yield from (f"  export {name}={shlex.quote(value)}" for name, value in changed.items())
    yield f"next: make {'bootstrap' if to_do else 'plan'} CLOUD={needs.cloud}"


def other_name(needs: Needs, file: Path, terminal: Terminal) -> str:
    """On a terminal, how a second team in the account gets a name of its own; empty where there is nothing to say."""
    if needs.service != "keyturn" or not terminal.is_live:
        return ""
    lines = file.read_text(encoding="utf-8").splitlines()
    line = next((number for number, text in enumerate(lines, 1) if text.startswith("service:")), 1)
    return (
        f"every clone's service is called keyturn: if another team deploys to this account, call yours, say,"
        f" keyturn-{getpass.getuser()} ({file.name}:{line}, `service:`)"
    )
