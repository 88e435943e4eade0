"""What an account lacks before a deploy, for `plan` to say: each with its remedy. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.workbench.apis.callers import CallerRefused
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.bootstrap.account import read_account
from shared.workbench.bundle.description import Cloud


@dataclass(frozen=True)
class Missing:
    """One thing. `known` false: these keys may not look, so that nobody knows."""

    what: str
    remedy: str
    known: bool = True


def missing(file: Path, cloud: Cloud, environ: Mapping[str, str]) -> tuple[Missing, ...]:
    """Everything that is not there, consents first.

    Raises: DescriptionError; Refused: whose keys?; CallRefused, CallLost, CallerRefused: not even who calls is told.
    """
    account, found = read_account(file, cloud, environ), []
    bootstrap = f"make bootstrap CLOUD={cloud}"
    waits: set[str] = set()
    for consent in account.needs.consents:
        try:
            if account.is_given(consent):
                continue
            found.append(Missing(f"consent to {consent.service}", f"in the console: {consent.page}"))
        except (CallLost, CallerRefused) as error:
            found.append(Missing(f"consent to {consent.service}", f"it could not be looked at ({error})", known=False))
        waits.add(consent.service)
    found += [Missing(one.partition(":")[0], f"export {one}") for one in account.needs.unnamed]
    for one in account.resources():
        if one.after in waits:
            continue
        title = f"{one.group}: {one.name}"
        try:
            how = one.look()
        except (CallRefused, CallLost, CallerRefused) as error:
            found.append(Missing(title, f"it could not be looked at ({error})", known=False))
            continue
        if how.condition == "foreign":
            found.append(Missing(title, how.why))
        elif how.condition != "there" and one.name not in account.needs.optional:
            found.append(Missing(title, bootstrap + (f" ({how.why})" if how.why else "")))
    return tuple(found)
