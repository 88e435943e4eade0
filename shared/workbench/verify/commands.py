"""`verify CLOUD [--sandbox FILE] [--only IDS]`: which of keyturn's claims hold on the caller's account.

One signed read comes first, then other reads; then what changes something, on what the sandbox file names and on
nothing else, each shown before and agreed to (or `YES=1`), each put back. `SLOW=1` also tries what takes longer than a
minute or a private address. Writes dist/verify-<cloud>.json and a text for a bug report, dist/verify-<cloud>.txt; with
--only, dist/verify-<cloud>-only.*. Without --only it also says of each deployed function whether it runs the local zip.
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
    """Exit 0: nothing differs. 1: something differs, is not back, or was interrupted; 130: so at the very beginning.

    2: wrong use, another run, nobody to ask, keys that are refused, nothing reached, or a sandbox's password that is
    not in force.
    """
    parser = CommandLine(
        "python -m shared.workbench.verify",
        __doc__,
        "make verify CLOUD=tencent",
        "make verify CLOUD=alibaba SANDBOX=sandbox.toml ONLY=A1,A2",
    )
    parser.add_argument("cloud", nargs="?", help="tencent or alibaba")
    parser.add_argument("--sandbox", type=Path, help="what may be changed; see shared/workbench/verify/sandbox.toml")
    parser.add_argument("--only", help="ids of claims, comma-separated")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where the findings go")
    options = parser.parse_args(argv)
    try:
        if options.cloud not in CLOUDS:
            wrong = f"CLOUD={options.cloud} is none: " if options.cloud else ""
            near = meant(options.cloud or "", CLOUDS)
            raise Refused(f"on which cloud? {wrong}make verify CLOUD=tencent, or CLOUD=alibaba{near}")
        if options.only is not None and not options.only.strip(" ,"):
            raise Refused("ONLY= names no claim: their ids are in tests/cloud/claims.toml")
        return _verify(options.cloud, options.sandbox, options.only or "", options.dist, os.environ)
    except (SandboxError, Refused) as error:
        complain(f"verify: {error}")
        return WRONG_USE
    except JournalError:
        path = _journal_path(options.dist, options.cloud)
        complain(f"verify: {path} is not what verify wrote: look at it, and move it away")
        return WRONG_USE
    except KeyboardInterrupt:
        complain("verify: interrupted before anything was changed")
        return INTERRUPTED


@dataclass(frozen=True)
class _Ended:
    """Whether every wanted claim was gone through, and whether each password that was needed is in force."""

    whole: bool = False
    in_force: bool = True


def _verify(cloud: str, file: Path | None, only: str, dist: Path, environ: Mapping[str, str]) -> int:
    claims = {one.id: one for one in read_claims()}
    wanted = _wanted(claims, cloud, only)
    sandbox = load_sandbox(file, cloud, environ)
    changes, agreed = any(parts(sandbox, cloud)), environ.get("YES") == "1"
    if changes and not agreed and not sys.stdin.isatty():
        raise Refused("there is no terminal to ask on before something is changed: set YES=1, or give no sandbox")
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
    """Put back what an earlier run left, run the checks, put back what is left of them, and write what was found."""
    ended, blocked = _Ended(), False
    try:
        journal.put_all_back(lambda title: asks(f"an earlier run left {title}: it is put back"))
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
    """Try once more, unless it is an earlier run's; from then on no signal ends the run."""
    try:
        if not blocked:
            journal.put_all_back()
    except KeyboardInterrupt:
        pass  # what is left is told
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
        raise Refused(f"ONLY: {', '.join(elsewhere)} is about {other.title()}: try it with CLOUD={other}")
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
    """The checks of one cloud, those that only read first, and how each kind of change is put back."""
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
    """Each wanted claim of this cloud: those that a check tries first, then the others with the reason.

    `fold`: what needs a sandbox or is never tried is told in one line. Whether each password that was needed is in
    force.
    """
    wrong = [check.claim for check in checks if _add(check, desk, show, fold=fold) is WrongPassword]
    for id_ in wanted:
        if id_ not in show.seen and desk.api.cloud in claims[id_].clouds:
            show.add(id_, NotTried(claims[id_].untried or "no check tries it yet"), fold=fold)
    return not wrong


def _add(check: Check[Any], desk: Desk[Any, Any], show: Shown, *, fold: bool) -> type[Untried] | None:
    """Try one claim and show what came of it; why it could not be tried, where that matters beyond it."""
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
            return NotTried(f"a call that it rests on was refused for the moment: {passing[0]}; run it again")
        return found
    except (NoSandbox, WrongPassword):
        raise
    except Untried as reason:
        return NotTried(str(reason))
    except CallerRefused as refused:
        return NotTried(f"a call that it rests on was refused for your keys or their rights: {refused}")
    except (CallRefused, CallLost) as failure:
        return NotTried(f"a call that it rests on failed: {failure}")
    except OSError as failure:
        return NotTried(f"the change could not be written down first: {why(failure)}")
    except (LookupError, TypeError, ValueError) as surprise:
        return NotTried(f"an answer has another shape than this check reads ({type(surprise).__name__})")


def _told_elsewhere(journal: Journal, elsewhere: Place, here: Place) -> str:
    titles = "; ".join(one.title for one in journal.left)
    return (
        f"an earlier run left something elsewhere ({elsewhere.against(here)}): {titles}. {journal.path} has "
        "what is needed to put it back: run verify there, or put it back by hand and remove that file. Here nothing is "
        "changed"
    )


def _tell_left(journal: Journal, here: Place) -> None:
    if journal.elsewhere:
        complain(f"verify: {_told_elsewhere(journal, journal.elsewhere, here)}; what only reads is tried")
        return
    for what in journal.left:
        complain(f"verify: not back as it was: {what.title}; by hand: {what.by_hand}")
    if journal.left:
        complain(
            f"verify: {journal.path} has what is needed to put it back (mode 0600); run verify again to try. When it "
            "is back by hand, remove that file. Until then nothing else is changed; what only reads is tried"
        )
