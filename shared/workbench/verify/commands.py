"""`verify CLOUD [--sandbox FILE] [--only IDS]`: which of keyturn's claims hold on the caller's account.

Reads first; then what changes something, on what the sandbox file names and on nothing else, each shown before and
agreed to (or `YES=1`), each put back. `SLOW=1` also tries what takes longer than a minute or a private address.
Writes dist/verify-<cloud>.json and a text for a bug report, dist/verify-<cloud>.txt.
"""

from __future__ import annotations

import argparse
import os
import signal
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
    journal = Journal(dist / f"verify-{cloud}-open.json", ways)
    for what in journal.left:
        terminal.say(f"an earlier run left {what.title}: putting it back")
    if left := journal.put_all_back():
        return _tell_left(left, journal.path)
    allow = _asker(terminal, agreed)
    desk: Desk[Any, Any] = Desk(
        api, getattr(sandbox, cloud), journal, allow=allow, slow=environ.get("SLOW") == "1", environ=environ
    )
    names = ids(sandbox, cloud) | set(keys.values())
    seen = _run(desk, [one for one in checks if one.claim in wanted], wanted, claims, names, terminal)
    _write(cloud, dist, seen, claims)
    if journal.left:
        return _tell_left(journal.left, journal.path)
    return DIFFERS if any(isinstance(one, Differs) for one in seen.values()) else DONE


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


def _run(
    desk: Desk[Any, Any],
    checks: Sequence[Check[Any]],
    wanted: Sequence[str],
    claims: Mapping[str, Claim],
    names: set[str],
    terminal: Terminal,
) -> dict[str, Finding]:
    """Each wanted claim of this cloud and its finding, shown as it comes. An interrupt ends it early."""
    seen: dict[str, Finding] = {}
    tried = {one.claim for one in checks}

    def add(claim: str, finding: Finding) -> None:
        seen[claim] = _shortened(finding, names)
        terminal.say(found.as_line(claim, seen[claim]))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        for check in checks:
            add(check.claim, _finding(check, desk))
    except KeyboardInterrupt:
        terminal.say("interrupted; what was changed is being put back")
    finally:
        signal.signal(signal.SIGTERM, before)
    for id_ in wanted:
        why = claims[id_].untried
        if id_ not in tried and desk.api.cloud in claims[id_].clouds:
            add(id_, NotTried(why or "no check tries it yet"))
    return seen


def _finding(check: Check[Any], desk: Desk[Any, Any]) -> Finding:
    if check.slow and not desk.slow:
        return NotTried(f"{check.slow}: SLOW=1 tries it")
    try:
        return check.judge(desk)
    except Untried as reason:
        return NotTried(str(reason))
    except (CallRefused, CallLost) as failure:
        return NotTried(f"a call that it rests on failed: {failure}")


def _shortened(finding: Finding, names: set[str]) -> Finding:
    return type(finding)(**{name: found.shorten(text, names) for name, text in vars(finding).items()})


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
