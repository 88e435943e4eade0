"""`bootstrap`: what an account lacks is shown, agreed to, made, and looked at again; `--remove` takes it away.

Everything may be interrupted and repeated at any point. Only what carries the mark of the service is changed or
removed. Nothing that is billed by the month is made, and serverless.yml is never edited.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from shared.workbench.apis.callers import CallerRefused
from shared.workbench.apis.calls import CallLost, CallRefused, waited_out
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap import printed, secret_prompts, settings, shown
from shared.workbench.bootstrap.account import Account, read_account
from shared.workbench.bootstrap.alibaba import LinkedRole
from shared.workbench.bootstrap.first_secrets import CannotList, credentials, is_there
from shared.workbench.bootstrap.named_queues import wrong_queues
from shared.workbench.bootstrap.needs import Consent
from shared.workbench.bootstrap.resources import MISSING, Found, Resource, title
from shared.workbench.bootstrap.roles import SHARED, FunctionRole
from shared.workbench.bootstrap.secret_prompts import Asked
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import Purpose
from shared.workbench.deploy import access
from shared.workbench.deploy.access import Refused
from shared.workbench.deploy.commands import DONE, FAILED, INTERRUPTED, WRONG_USE
from shared.workbench.environment import file_problems
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.terminal import NobodyToAsk, Terminal, complain

_SHOWS_WITHIN_S = 20.0  # a new role or topic may be listed late

_WRITTEN = """written to {}, and nothing was made:
  commands.sh: what bootstrap does, for somebody who may
  deployer.json, bootstrap.json: the rights of who deploys, and of who runs bootstrap
  <role>.trust.json, <role>.policy.json: of each function's role"""

Looked = list[tuple[Resource, Found]]


def main(argv: list[str], environ: Mapping[str, str] = os.environ) -> int:
    """Exit 0: all is there. 1: a step failed, or something is left for a person. 2: wrong use, or nobody to ask."""
    parser = CommandLine(
        "python -m shared.workbench.bootstrap",
        __doc__,
        "make bootstrap CLOUD=tencent",
        "make bootstrap CLOUD=tencent SECRET=ssm://redis-crs-demo0001-app",
    )
    parser.add_argument("cloud", help="tencent or alibaba")
    parser.add_argument("--file", type=Path, default=ROOT / "serverless.yml", help="another serverless.yml")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where files are written")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--print", action="store_true", help="write commands and policies, and call nothing")
    what.add_argument("--remove", action="store_true", help="take away what bootstrap made")
    what.add_argument("--secret", default="", metavar="REF", help="put one first secret into its store")
    options = parser.parse_args(argv)
    verb, terminal = "remove" if options.remove else "bootstrap", Terminal(environ=environ, wraps=False)
    try:
        to: Purpose = "read" if options.remove else "prepare"
        account = read_account(options.file, options.cloud, environ, to=to, with_keys=not options.print)
        if options.print:
            folder = printed.write(account.description, account.needs, account.number, options.dist)
            terminal.say(_WRITTEN.format(folder))
            return DONE
        terminal.say(shown.place(account))
        for variable, name in account.gone.items():
            then = "" if options.remove else ": another is made"
            terminal.say(f"{variable} names {name}, which is not in {account.needs.region}{then}")
        if options.secret:
            return secret_prompts.ask_for_one(account, options.secret, terminal)
        if options.remove:
            return _remove(account, environ, options.dist, terminal)
        return _bootstrap(account, environ, options.dist, options.file, terminal)
    except DescriptionError as error:
        complain(error)
        return WRONG_USE
    except (Refused, NobodyToAsk) as error:
        complain(f"{verb}: {error}")
        return WRONG_USE
    except OSError as error:
        again = "put that right and run it again: it goes on from here"
        complain(f"{verb}: {error.filename or options.dist}: {file_problems.why(error)}; {again}")
        return FAILED
    except (CallRefused, CallLost, CallerRefused) as error:
        complain(f"{verb}: {shown.told(error, options.cloud, access.identity(options.cloud, environ))}")
        return FAILED
    except KeyboardInterrupt:
        complain(f"\n{verb}: interrupted; run it again: it goes on from here")
        return INTERRUPTED


def _bootstrap(account: Account, environ: Mapping[str, str], dist: Path, file: Path, terminal: Terminal) -> int:
    missing = _missing_consents(account)
    waits = {one.service for one in missing}
    looked = _look(account, waits, terminal)
    for line in shown.found(looked, _waiting(account, waits), terminal):
        terminal.say(line)
    to_make = [(one, found) for one, found in looked if found.condition in ("missing", "differs")]
    if any(found.service for _, found in looked):
        for line in shown.in_the_way(looked):
            complain(line)
        terminal.say("nothing was made")
        return FAILED
    if to_make:
        if name := shown.other_name(account.needs, file, terminal):
            terminal.say(name)
        for line in shown.costs(account.needs):
            terminal.say(line)
        if not terminal.agrees(f"Make or mend what is marked + or ~ in account {account.number} ({len(to_make)})?"):
            terminal.say("nothing was made")
            return FAILED
        if not _do([(one.make, title(one)) for one, _ in to_make], account, "bootstrap", terminal):
            return FAILED
        looked = _until_shown(account, waits, terminal)
    foreign = [*shown.in_the_way(looked), *_led_astray(account)]
    for line in foreign:
        complain(line)
    exports = {**account.exports, **_given(account, looked)}
    cloud = account.needs.cloud
    settings.write(exports, environ, account.gone, account.needs, dist / "bootstrap" / cloud)
    secrets = Asked() if {"ssm", "kms"} & waits else secret_prompts.ask_for_all(account, terminal)
    is_blocked = bool(foreign) or secrets.is_part
    new = {name: value for name, value in exports.items() if environ.get(name) != value}
    for line in shown.rest(account, missing, secrets.wanted, new, is_blocked=is_blocked):
        terminal.say(line)
    return FAILED if is_blocked or missing or account.needs.unnamed else DONE


def _remove(account: Account, environ: Mapping[str, str], dist: Path, terminal: Terminal) -> int:
    """What carries the mark, last made first."""
    waits = {one.service for one in _missing_consents(account)}
    known = [one for one in account.resources() if one.after not in waits and waited_out(one.look).ours]
    more = [one for one in waited_out(lambda: account.leftovers(waits)) if waited_out(one.look).ours]
    ours = [*known, *more][::-1]
    if not ours:
        terminal.say("nothing that bootstrap made is left")
        _forget(account, environ, dist, waits, terminal)
        return DONE
    for line in shown.taken_away(ours):
        terminal.say(line)
    if not terminal.agrees(f"Take these {len(ours)} away from account {account.number}?"):
        terminal.say("nothing was taken away")
        return FAILED
    if not _do([(one.take_away, title(one)) for one in ours], account, "remove", terminal):
        return FAILED
    left = [one for one in ours if waited_out(one.look).ours]
    for one in left:
        why = "it may show for a minute more, then run it again; else it holds what is not bootstrap's"
        complain(f"remove: {title(one)} still stands: {why}")
    terminal.say(f"{len(ours) - len(left)} taken away; what carries no mark is left as it is")
    if not left:
        _forget(account, environ, dist, waits, terminal)
    return FAILED if left else DONE


def _forget(
    account: Account, environ: Mapping[str, str], dist: Path, waits: Collection[str], terminal: Terminal
) -> None:
    """The settings that name nothing any more go, and what stays is named."""
    cloud = account.needs.cloud
    if names := settings.forget(dist / "bootstrap" / cloud, environ, account.needs):
        terminal.say(f"settings.sh is gone; in this shell: unset {' '.join(names)}")
    for line in _stays(account, waits):
        terminal.say(f"stays: {line}")


def _stays(account: Account, waits: Collection[str]) -> Iterator[str]:
    """What bootstrap helped to make and does not take away."""
    assert account.api is not None
    for first in account.needs.secrets:
        if {"ssm", "kms"} & set(waits):
            continue
        try:
            kept = [one.store.place for one in credentials(first, account.api) if is_there(account.api, one)]
        except (CannotList, CallRefused, CallLost, CallerRefused):
            kept = [f"whatever stands at {first.store}"]
        if kept:
            yield f"secrets, which are billed and hold what is in force: {', '.join(kept)}"
    looked = [(one, waited_out(one.look)) for one in account.resources() if isinstance(one, LinkedRole | FunctionRole)]
    if shared := [one.name for one, found in looked if found.why == SHARED]:
        yield f"roles: {SHARED}: {', '.join(shared)}"
    if roles := [one.name for one, found in looked if isinstance(one, LinkedRole) and found != MISSING]:
        yield f"EventBridge's own roles, which all that uses it shares: {', '.join(roles)}"


def _missing_consents(account: Account) -> list[Consent]:
    return [one for one in account.needs.consents if not account.is_given(one)]


def _look(account: Account, missing: set[str], terminal: Terminal) -> Looked:
    """Everything, less what waits for a consent and what a setting makes needless. Raises: CallRefused and the like."""
    looked = []
    for one in account.resources():
        if one.after in missing:
            continue
        terminal.progress(f"looking at {one.name}")
        found = waited_out(one.look)
        if found.condition == "there" or title(one) not in account.needs.optional:
            looked.append((one, found))
    return looked


def _waiting(account: Account, missing: set[str]) -> list[Resource]:
    """What is made once consents are given."""
    return [one for one in account.resources() if one.after in missing and title(one) not in account.needs.optional]


def _until_shown(account: Account, missing: set[str], terminal: Terminal) -> Looked:
    """What stands now, asked again for some seconds where it does not show yet."""
    until = time.monotonic() + _SHOWS_WITHIN_S
    while True:
        looked = _look(account, missing, terminal)
        late = any(found.condition in ("missing", "differs") for _, found in looked)
        if not late or time.monotonic() > until:
            return looked
        time.sleep(1)


def _do(steps: list[tuple[Callable[[], None], str]], account: Account, verb: str, terminal: Terminal) -> bool:
    """The steps in order; at the first that fails say how to go on."""
    assert account.api is not None
    for number, (step, named) in enumerate(steps, 1):
        terminal.progress(f"[{number}/{len(steps)}] {named}")
        started = time.monotonic()
        try:
            waited_out(step, also_lost=False)
        except (CallRefused, CallLost, CallerRefused) as error:
            terminal.say(f"[{number}/{len(steps)}] {named}: {terminal.bad('failed')}")
            complain(f"{verb}: {shown.told(error, account.needs.cloud, account.api.keys)}")
            complain(f"{verb}: put that right and run it again: it goes on from here")
            return False
        terminal.say(f"[{number}/{len(steps)}] {named}: {time.monotonic() - started:.1f} s")
    return True


def _led_astray(account: Account) -> Iterator[str]:
    """A line for each setting whose queue is not the one that it should be."""
    if isinstance(account.api, TencentApi):
        for one in wrong_queues(account.api, account.description):
            yield f"in the way: {one.what}: {one.remedy}"


def _given(account: Account, looked: Looked) -> dict[str, str]:
    """The variables whose values the cloud made."""
    variables = {task.name: task.variable for task in account.needs.tasks}
    values: dict[str, str] = {}
    for one, found in looked:
        if one.name == str(account.needs.logs) and found.value:
            values["KEYTURN_CLS_LOGSET"], values["KEYTURN_CLS_TOPIC"] = found.value.split()
        elif one.name in variables and found.value.startswith("ckafka://") and title(one) not in account.needs.optional:
            values[variables[one.name]] = found.value
    return values
