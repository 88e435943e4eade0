"""`verify CLOUD [--sandbox FILE] [--only IDS]`: checks which of keyturn's claims hold on the caller's account.

One signed read comes first, then other reads. Then come checks that change something. They change only what the sandbox
file names. Each change is shown first, needs your agreement (or `YES=1`), and is undone. `SLOW=1` also tries checks
that take more than a minute or need a private address. The command writes dist/verify-<cloud>.json, and a text for a
bug report, dist/verify-<cloud>.txt; with --only, dist/verify-<cloud>-only.*. Without --only it also says whether each
deployed function runs the local zip.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.runtime.settings import setting
from shared.runtime.spelling import meant
from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.callers import CallerRefused
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.claims.table import Claim, read_claims
from shared.workbench.deploy.access import Refused, identity
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.file_problems import why
from shared.workbench.environment.terminal import Terminal, complain
from shared.workbench.verify import first_read
from shared.workbench.verify.check import Check, Desk, NoSandbox, Untried, WrongPassword
from shared.workbench.verify.deployed_code import deployed_code
from shared.workbench.verify.findings import Differs, Finding, NotTried
from shared.workbench.verify.interrupts import Interrupts
from shared.workbench.verify.place import Place, only_run, place_of
from shared.workbench.verify.put_back import Changed, Journal, JournalError, read_journal
from shared.workbench.verify.sandbox import Sandbox, SandboxError, ids, load_sandbox, parts
from shared.workbench.verify.shown import Shown, asker, where

DONE, DIFFERS, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
CLOUDS = ("tencent", "alibaba")


def main(argv: list[str]) -> int:
    """Exit 0: nothing differs. 1: something differs or is not restored, or the run was interrupted.

    130: interrupted at the very beginning. 2: wrong use, another run, nobody to ask, keys that are refused, nothing
    reached, or a password of the sandbox that is not in force.
    """
    parser = CommandLine(
        "python -m shared.workbench.verify",
        __doc__,
        "make verify CLOUD=tencent",
        "make verify CLOUD=alibaba SANDBOX=sandbox.toml ONLY=A1,A2",
    )
    parser.add_argument("cloud", nargs="?", help="tencent or alibaba")
    parser.add_argument(
        "--sandbox", type=Path, help="a file that names what may be changed; see shared/workbench/verify/sandbox.toml"
    )
    parser.add_argument("--only", help="ids of claims, separated by commas")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="the folder for the findings")
    options = parser.parse_args(argv)
    try:
        if options.cloud not in CLOUDS:
            wrong = f"CLOUD={options.cloud} is none: " if options.cloud else ""
            near = meant(options.cloud or "", CLOUDS)
            raise Refused(f"which cloud? {wrong}make verify CLOUD=tencent, or CLOUD=alibaba{near}")
        if options.only is not None and not options.only.strip(" ,"):
            raise Refused("ONLY= names no claim: their ids are in tests/cloud/claims.toml")
        return _verify(options.cloud, options.sandbox, options.only or "", options.dist, os.environ)
    except (SandboxError, Refused) as error:
        complain(f"verify: {error}")
        return WRONG_USE
    except JournalError:
        path = _journal_path(options.dist, options.cloud)
        complain(f"verify: {path} was not written by verify: look at it, and move it away")
        return WRONG_USE
    except KeyboardInterrupt:
        complain("verify: interrupted before anything was changed")
        return INTERRUPTED


@dataclass(frozen=True)
class _Ended:
    """`whole`: every wanted claim was tried. `in_force`: each password that a check needed is in force."""

    whole: bool = False
    in_force: bool = True


def _verify(cloud: str, file: Path | None, only: str, dist: Path, environ: Mapping[str, str]) -> int:
    claims = {one.id: one for one in read_claims()}
    wanted = _wanted(claims, cloud, only)
    sandbox = load_sandbox(file, cloud, environ)
    changes, agreed = any(parts(sandbox, cloud)), environ.get("YES") == "1"
    if changes and not agreed and not sys.stdin.isatty():
        raise Refused(
            "verify must ask before it changes something, but there is no terminal: set YES=1, or give no sandbox"
        )
    keys, interrupts = identity(cloud, environ), Interrupts()
    api = _api(cloud, keys, sandbox, environ)
    with interrupts.caught(), only_run(dist, cloud):
        path = _journal_path(dist, cloud)
        earlier, terminal = read_journal(path), Terminal(wraps=False)
        terminal.say("; ".join(f"{name}: {value}" for name, value in where(api).items()))
        here = place_of(api, first_read.look(api))
        checks, ways = _checks(cloud, api, environ)
        journal = Journal(path, here, earlier, ways, interrupts, lambda: api.effects.count)
        show = Shown(claims, ids(sandbox, cloud) | set(keys.values()), terminal)
        if journal.elsewhere and changes:
            raise Refused(_told_elsewhere(journal, journal.elsewhere, here))
        asks, slow = asker(terminal, agreed), environ.get("SLOW") == "1"
        chosen = interrupts.between(one for one in checks if one.claim in wanted)
        fold = not only and not changes

        def run() -> bool:
            desk: Desk[Any, Any] = Desk(api, getattr(sandbox, cloud), journal, allow=asks, slow=slow, environ=environ)
            return _run(desk, chosen, wanted, claims, show, fold=fold)

        def write() -> None:
            _write(show, where(api), dist / f"verify-{cloud}{'-only' if only else ''}")

        ended = _try_all(journal, here, asks, interrupts, run, write)
    if ended.whole and not only:
        for line in deployed_code(cloud, dist, environ):
            terminal.say(line)
    if ended.whole and not ended.in_force:
        return WRONG_USE
    is_left = bool(journal.left) and not journal.elsewhere
    differs = any(isinstance(one, Differs) for one in show.seen.values())
    return DONE if ended.whole and not is_left and not differs else DIFFERS


def _try_all(
    journal: Journal,
    here: Place,
    asks: Callable[[str], bool],
    interrupts: Interrupts,
    run: Callable[[], bool],
    write: Callable[[], None],
) -> _Ended:
    """Undo what an earlier run left, run the checks, undo what they left, and write the findings."""
    ended, blocked = _Ended(), False
    try:
        journal.put_all_back(lambda title: asks(f"an earlier run left {title}: restore it"))
        blocked = bool(journal.left)
        _tell_left(journal, here)
        ended = _Ended(True, run())
    except KeyboardInterrupt:
        interrupts.heard()
        Terminal().say("interrupted")
    finally:
        _put_back_what_failed(journal, blocked, interrupts)
        write()
        if not blocked:
            _tell_left(journal, here)
    return ended


def _journal_path(dist: Path, cloud: str) -> Path:
    return dist / f"verify-{cloud}-open.json"


def _put_back_what_failed(journal: Journal, blocked: bool, interrupts: Interrupts) -> None:
    """Try once more, except for changes of an earlier run. From then on no signal ends the run."""
    try:
        if not blocked:
            journal.put_all_back()
    except KeyboardInterrupt:
        pass  # _tell_left names what is left
    finally:
        interrupts.finish()


def _write(show: Shown, place: Mapping[str, str], stem: Path) -> None:
    """Raises: Refused: nothing can be written there."""
    try:
        show.write(place, stem)
    except OSError as error:
        raise Refused(f"the findings cannot be written to {stem.parent}: {why(error)}") from None


def _wanted(claims: Mapping[str, Claim], cloud: str, only: str) -> list[str]:
    named = [one.strip().upper() for one in only.split(",") if one.strip()]
    if unknown := [one for one in named if one not in claims]:
        near = meant(unknown[0], claims)
        raise Refused(f"ONLY: there is no claim {', '.join(unknown)} in tests/cloud/claims.toml{near}")
    if elsewhere := [one for one in named if cloud not in claims[one].clouds]:
        other = next(one for one in CLOUDS if one != cloud)
        raise Refused(f"ONLY: {', '.join(elsewhere)} is about {other.title()}: use CLOUD={other}")
    return named or list(claims)


def _api(
    cloud: str, keys: Mapping[str, str], sandbox: Sandbox, environ: Mapping[str, str]
) -> TencentApi | AlibabaApi:  # fmt: skip
    endpoint = (setting(environ, f"KEYTURN_{cloud.upper()}_ENDPOINT") or "").rstrip("/")
    if cloud == "tencent":
        return TencentApi(keys, sandbox.tencent.region, sandbox.tencent.site, endpoint)
    return AlibabaApi(keys, sandbox.alibaba.region, endpoint)


def _checks(
    cloud: str, api: Any, environ: Mapping[str, str]
) -> tuple[Sequence[Check[Any]], Mapping[str, Callable[[Changed], None]]]:
    """The checks of one cloud (those that only read come first), and how each kind of change is undone."""
    if cloud == "tencent":
        from shared.workbench.verify.tencent import checks as tencent

        return tencent.CHECKS, tencent.ways(api, environ)
    from shared.workbench.verify.alibaba import checks as alibaba

    return alibaba.CHECKS, alibaba.ways(api, environ)


def _run(
    desk: Desk[Any, Any],
    checks: Iterable[Check[Any]],
    wanted: Sequence[str],
    claims: Mapping[str, Claim],
    show: Shown,
    *,
    fold: bool,
) -> bool:
    """Try each wanted claim of this cloud. First come those with a check, then the others, with the reason.

    `fold`: claims that need a sandbox or have no check share one line. Returns whether each password that a check
    needed is in force.
    """
    wrong = [check.claim for check in checks if _add(check, desk, show, fold=fold) is WrongPassword]
    for id_ in wanted:
        if id_ not in show.seen and desk.api.cloud in claims[id_].clouds:
            show.add(id_, NotTried(claims[id_].untried or "no check tries it yet"), fold=fold)
    return not wrong


def _add(check: Check[Any], desk: Desk[Any, Any], show: Shown, *, fold: bool) -> type[Untried] | None:
    """Try one claim and show the result. Returns the reason for no result, if it matters to other claims."""
    try:
        show.add(check.claim, _finding(check, desk))
    except (NoSandbox, WrongPassword) as reason:
        show.add(check.claim, NotTried(str(reason)), fold=fold and isinstance(reason, NoSandbox))
        return type(reason)
    return None


def _finding(check: Check[Any], desk: Desk[Any, Any]) -> Finding:
    """Raises: NoSandbox, WrongPassword."""
    if check.slow and not desk.slow:
        return NotTried(f"{check.slow}: SLOW=1 tries it")
    try:
        found, passing = desk.passing_under(lambda: check.judge(desk))
        if passing and not check.of_the_moment:
            return NotTried(
                f"a call that this check needs was refused for a temporary reason: {passing[0]}; run it again"
            )
        return found
    except (NoSandbox, WrongPassword):
        raise
    except Untried as reason:
        return NotTried(str(reason))
    except CallerRefused as refused:
        return NotTried(f"a call that this check needs was refused because of your keys or their rights: {refused}")
    except (CallRefused, CallLost) as failure:
        return NotTried(f"a call that this check needs failed: {failure}")
    except OSError as failure:
        return NotTried(f"the change could not be written down before it was made: {why(failure)}")
    except (LookupError, TypeError, ValueError) as surprise:
        return NotTried(f"an answer has another shape than this check reads ({type(surprise).__name__})")


def _told_elsewhere(journal: Journal, elsewhere: Place, here: Place) -> str:
    titles = "; ".join(one.title for one in journal.left)
    return (
        f"an earlier run left something elsewhere ({elsewhere.against(here)}): {titles}. {journal.path} has "
        "what is needed to restore it: run verify there, or restore it by hand and remove that file. Here nothing is "
        "changed"
    )


def _tell_left(journal: Journal, here: Place) -> None:
    if journal.elsewhere:
        complain(f"verify: {_told_elsewhere(journal, journal.elsewhere, here)}; only reads are tried")
        return
    for what in journal.left:
        complain(f"verify: not restored: {what.title}; by hand: {what.by_hand}")
    if journal.left:
        complain(
            f"verify: {journal.path} has what is needed to restore it (mode 0600); run verify again to try. When you "
            "have restored it by hand, remove that file. Until then nothing else is changed; only reads are tried"
        )
