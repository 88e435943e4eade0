"""What became of a claim, and how a person, a program and a bug report read it."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_SHOWN_ENDS = 2
_SENTENCE = 72


@dataclass(frozen=True)
class Holds:
    """It is so; `seen` is what shows it."""

    seen: str


@dataclass(frozen=True)
class Differs:
    """It is not so."""

    expected: str
    seen: str


@dataclass(frozen=True)
class NotTried:
    """Nothing was found out."""

    why: str


Finding = Holds | Differs | NotTried


def finding(holds: bool, expected: str, seen: str) -> Finding:
    """What was seen, as one or the other."""
    return Holds(seen) if holds else Differs(expected, seen)


def said(code: str) -> str:
    """A code as a finding shows it: where there is none, the call was taken."""
    return code or "taken"


def shorten(text: str, names: Iterable[str]) -> str:
    """The text with each of these ids cut to its kind and last letters: `crs-demo0001` is `crs-...01`."""
    for name in sorted(set(names), key=len, reverse=True):
        kind, dash, rest = name.partition("-")
        shown = f"{kind}{dash}" if dash and rest else ""
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", f"{shown}...{name[-_SHOWN_ENDS:]}", text)
    return text


def as_record(finding: Finding) -> dict[str, str]:
    """One finding as JSON has it."""
    if isinstance(finding, Holds):
        return {"Finding": "holds", "Seen": finding.seen}
    if isinstance(finding, Differs):
        return {"Finding": "differs", "Expected": finding.expected, "Seen": finding.seen}
    return {"Finding": "not tried", "Why": finding.why}


def as_line(claim: str, text: str, finding: Finding) -> str:
    """One finding as the table has it; `text` is the claim's sentence, which is cut."""
    start = f"{textwrap.shorten(text, _SENTENCE, placeholder=' ...')} |"
    if isinstance(finding, Holds):
        return f"{claim:<5}holds      {start} {finding.seen}"
    if isinstance(finding, Differs):
        return f"{claim:<5}differs    {start} expected: {finding.expected}; seen: {finding.seen}"
    return f"{claim:<5}not tried  {start} {finding.why}"


def as_json(where: Mapping[str, str], when: str, findings: Mapping[str, Finding], claims: Mapping[str, str]) -> str:
    """The whole as a file: no secret is in any finding, and ids were shortened before."""
    rows = [{"Claim": id_, "Text": claims[id_], **as_record(one)} for id_, one in findings.items()]
    whole: dict[str, Any] = {**where, "Time": when, "Findings": rows}
    return json.dumps(whole, indent=1) + "\n"


def as_report(where: Mapping[str, str], when: str, findings: Mapping[str, Finding], claims: Mapping[str, str]) -> str:
    """A text for a bug report: what differs in full, what holds by name, what was not tried by its reasons."""
    lines = [f"keyturn verify, {when}", "; ".join(f"{name}: {value}" for name, value in where.items())]
    for id_, one in findings.items():
        if isinstance(one, Differs):
            lines += [f"- {id_} differs: {claims[id_]}", f"  expected: {one.expected}", f"  seen: {one.seen}"]
    holds = [id_ for id_, one in findings.items() if isinstance(one, Holds)]
    lines.append(f"- holds: {' '.join(holds) or 'none'}")
    reasons: dict[str, list[str]] = {}
    for id_, one in findings.items():
        if isinstance(one, NotTried):
            reasons.setdefault(one.why, []).append(id_)
    lines += [f"- not tried: {' '.join(named)}: {why}" for why, named in reasons.items()]
    return "\n".join(lines) + "\n"
