"""What a run prints, and the files that it writes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.claims.table import Claim
from shared.workbench.environment.counted import counted
from shared.workbench.environment.terminal import Terminal
from shared.workbench.verify import findings as found
from shared.workbench.verify.findings import Differs, Finding, Holds, NotTried

_KEY_STARTS, _KEY_ENDS = 4, 2


def asker(terminal: Terminal, agreed: bool) -> Callable[[str], bool]:
    """Shows a change and asks whether to make it, once for each title."""
    answers: dict[str, bool] = {}

    def allow(title: str) -> bool:
        if title not in answers:
            terminal.say(f"     to change: {title}")
            answers[title] = agreed or _says_yes()
        return answers[title]

    return allow


def _says_yes() -> bool:
    """Whether a person at a terminal agrees. No person, or the end of input, means no."""
    if not sys.stdin.isatty():
        return False
    try:
        return input("     go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def where(api: TencentApi | AlibabaApi) -> dict[str, str]:
    """The place and the caller of a run, as the files name them."""
    id_ = api.keys["id"]
    site = {"Site": api.site} if isinstance(api, TencentApi) else {}
    return {
        "Cloud": api.cloud,
        "Endpoint": api.endpoint or "the cloud's own hosts",
        "Region": api.region,
        **site,
        "Key": f"{id_[:_KEY_STARTS]}...{id_[-_KEY_ENDS:]}",
    }


class Shown:
    """The findings. Each is shown when it arrives, with shortened ids."""

    def __init__(self, claims: Mapping[str, Claim], names: set[str], terminal: Terminal) -> None:
        self.seen: dict[str, Finding] = {}
        self.folded: list[str] = []
        """The claims without a line of their own."""
        self._claims, self._names, self._terminal = claims, names, terminal

    def add(self, claim: str, finding: Finding, *, fold: bool = False) -> None:
        """Add a finding. `fold`: it gets no line of its own."""
        texts = {name: found.shorten(text, self._names) for name, text in vars(finding).items()}
        self.seen[claim] = type(finding)(**texts)
        if fold:
            self.folded.append(claim)
        else:
            self._terminal.say(found.as_line(claim, self._claims[claim].claim, self.seen[claim]))

    def write(self, place: Mapping[str, str], stem: Path) -> None:
        """Write the files `stem`.json and .txt, and print the counts."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        texts = {id_: self._claims[id_].claim for id_ in self.seen}
        whole, report = stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.txt")
        stem.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(found.as_json(place, when, self.seen, texts), encoding="utf-8")
        report.write_text(found.as_report(place, when, self.seen, texts), encoding="utf-8")
        if self.folded:
            ids = " ".join(self.folded)
            need = "needs" if len(self.folded) == 1 else "need"
            claims = counted(len(self.folded), "claim")
            self._terminal.say(f"{claims} {need} a sandbox (SANDBOX=file) or cannot be tried: {ids}")
            self._terminal.say(f"{whole} holds the reasons")
        kinds = (Holds, Differs, NotTried)
        holds, differs, untried = (sum(type(one) is kind for one in self.seen.values()) for kind in kinds)
        self._terminal.say(f"{holds} hold, {differs} differ, {untried} not tried; for a bug report: {report}")
