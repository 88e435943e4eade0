"""`verify CLOUD [--sandbox FILE] [--only IDS]`: which of keyturn's claims hold on the caller's account.

Reads first; then what changes something, on what the sandbox file names and on nothing else, each shown before and
agreed to (or `YES=1`), each put back. `SLOW=1` also tries what takes longer than a minute or a private address.
Writes dist/verify-<cloud>.json and a text for a bug report, dist/verify-<cloud>.txt.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.claims.table import Claim, read_claims
from shared.workbench.deploy.commands import Refused, identity
from shared.workbench.environment.terminal import Terminal
from shared.workbench.verify import findings as found
from shared.workbench.verify.apis import AlibabaApi, CallLost, CallRefused, TencentApi
from shared.workbench.verify.check import Check, Desk, Untried
from shared.workbench.verify.findings import Differs, Finding, NotTried
from shared.workbench.verify.interrupts import Interrupts
from shared.workbench.verify.put_back import Changed, Journal
from shared.workbench.verify.sandbox import SandboxError, ids, load_sandbox, parts

DONE, DIFFERS, WRONG_USE = 0, 1, 2


def main(argv: list[str]) -> int:
    """Exit 0: nothing differs. 1: something differs, or is not back as it was. 2: wrong use, or nobody to ask."""
    parser = argparse.ArgumentParser(prog="python -m shared.workbench.verify", description=__doc__)
    parser.add_argument("cloud", choices=("tencent", "alibaba"))
    parser.add_argument("--sandbox", type=Path, help="what may be changed; see shared/workbench/verify/sandbox.toml")
    parser.add_argument("--only", default="", help="ids of claims, comma-separated")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where the findings go")
    options = parser.parse_args(argv)
    try:
        return _verify(options.cloud, options.sandbox, options.only, options.dist, os.environ)
    except (SandboxError, Refused) as error:
        print(f"verify: {error}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        print("verify: interrupted while putting back: run it again, it puts back first", file=sys.stderr)
        return DIFFERS


def _verify(cloud: str, file: Path | None, only: str, dist: Path, environ: Mapping[str, str]) -> int:
    claims = {one.id: one for one in read_claims()}
    wanted = _wanted(claims, only)
    sandbox = load_sandbox(file, cloud, environ)
    agreed = environ.get("YES") == "1"
    if any(parts(sandbox, cloud)) and not agreed and not sys.stdin.isatty():
        raise Refused("there is no terminal to ask on before something is changed: set YES=1, or give no sandbox")
    keys, terminal = identity(cloud, environ), Terminal()
    endpoint = environ.get(f"KEYTURN_{cloud.upper()}_ENDPOINT", "").rstrip("/")
    if cloud == "tencent":
        api: TencentApi | AlibabaApi = TencentApi(keys, sandbox.tencent.region, sandbox.tencent.site, endpoint)
    else:
        api = AlibabaApi(keys, sandbox.alibaba.region, endpoint)
    checks, ways = _checks(cloud, api, environ)
    interrupts, show = Interrupts(), _Shown(ids(sandbox, cloud) | set(keys.values()), terminal)
    journal = Journal(dist / f"verify-{cloud}-open.json", ways, interrupts)
    desk: Desk[Any, Any] = Desk(
        api,
        getattr(sandbox, cloud),
        journal,
        allow=_asker(terminal, agreed),
        slow=environ.get("SLOW") == "1",
        environ=environ,
    )
    whole = False
    with interrupts.caught():
        for what in journal.left:
            terminal.say(f"an earlier run left {what.title}: putting it back")
        if left := journal.put_all_back():
            return _tell_left(left, journal.path)
        try:
            _run(desk, [one for one in checks if one.claim in wanted], wanted, claims, show)
            whole = True
        except KeyboardInterrupt:
            terminal.say("interrupted")
        left = journal.put_all_back()
    _write(cloud, dist, show.seen, claims)
    if left:
        return _tell_left(left, journal.path)
    return DONE if whole and not any(isinstance(one, Differs) for one in show.seen.values()) else DIFFERS


def _wanted(claims: Mapping[str, Claim], only: str) -> list[str]:
    named = [one.strip() for one in only.split(",") if one.strip()]
    if unknown := [one for one in named if one not in claims]:
        raise Refused(f"--only: there is no claim {', '.join(unknown)} in tests/cloud/claims.toml")
    return named or list(claims)


def _checks(
    cloud: str, api: Any, environ: Mapping[str, str]
) -> tuple[Sequence[Check[Any]], Mapping[str, Callable[[Changed], None]]]:
    """The checks of one cloud, those that only read first, and how each kind of change is put back."""
    if cloud == "tencent":
        from shared.workbench.verify.tencent import checks as tencent

        return tencent.CHECKS, tencent.ways(api, environ)
    from shared.workbench.verify.alibaba import checks as alibaba

    return alibaba.CHECKS, alibaba.ways(api, environ)


def _asker(terminal: Terminal, agreed: bool) -> Callable[[str], bool]:
    """Shows a change and asks for it, once for each title."""
    answers: dict[str, bool] = {}

    def allow(title: str) -> bool:
        if title not in answers:
            terminal.say(f"     to change: {title}")
            answers[title] = agreed or input("     go on? [y/N] ").strip().lower() in ("y", "yes")
        return answers[title]

    return allow


class _Shown:
    """The findings, each shown as it comes and with ids shortened."""

    def __init__(self, names: set[str], terminal: Terminal) -> None:
        self.seen: dict[str, Finding] = {}
        self._names, self._terminal = names, terminal

    def add(self, claim: str, finding: Finding) -> None:
        """One more."""
        texts = {name: found.shorten(text, self._names) for name, text in vars(finding).items()}
        self.seen[claim] = type(finding)(**texts)
        self._terminal.say(found.as_line(claim, self.seen[claim]))


def _run(
    desk: Desk[Any, Any], checks: Sequence[Check[Any]], wanted: Sequence[str], claims: Mapping[str, Claim], show: _Shown
) -> None:
    """Each wanted claim of this cloud: those that a check tries first, then the others with the reason."""
    for check in checks:
        show.add(check.claim, _finding(check, desk))
    for id_ in wanted:
        if id_ not in show.seen and desk.api.cloud in claims[id_].clouds:
            show.add(id_, NotTried(claims[id_].untried or "no check tries it yet"))


def _finding(check: Check[Any], desk: Desk[Any, Any]) -> Finding:
    if check.slow and not desk.slow:
        return NotTried(f"{check.slow}: SLOW=1 tries it")
    try:
        return check.judge(desk)
    except Untried as reason:
        return NotTried(str(reason))
    except (CallRefused, CallLost) as failure:
        return NotTried(f"a call that it rests on failed: {failure}")
    except (LookupError, TypeError, ValueError) as surprise:
        return NotTried(f"an answer has another shape than this check reads ({type(surprise).__name__})")


def _write(cloud: str, dist: Path, seen: Mapping[str, Finding], claims: Mapping[str, Claim]) -> None:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    texts = {id_: claims[id_].claim for id_ in seen}
    dist.mkdir(parents=True, exist_ok=True)
    (dist / f"verify-{cloud}.json").write_text(found.as_json(cloud, when, seen, texts), encoding="utf-8")
    report = dist / f"verify-{cloud}.txt"
    report.write_text(found.as_report(cloud, when, seen, texts), encoding="utf-8")
    counts = {kind: sum(type(one) is kind for one in seen.values()) for kind in (found.Holds, Differs, NotTried)}
    holds, differs, untried = counts.values()
    print(f"{holds} hold, {differs} differ, {untried} not tried; for a bug report: {report}")


def _tell_left(left: Sequence[Changed], path: Path) -> int:
    for what in left:
        print(f"verify: not back as it was: {what.title}", file=sys.stderr)
    print(f"verify: {path} has what is needed to put it back (mode 0600); run verify again to try", file=sys.stderr)
    return DIFFERS
