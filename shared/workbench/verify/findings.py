"""The finding about a claim, in the forms that people, programs and bug reports read."""

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
    """The claim holds; `seen` shows it."""

    seen: str


@dataclass(frozen=True)
class Differs:
    """The claim does not hold."""

    expected: str
    seen: str


@dataclass(frozen=True)
class NotTried:
    """The check found nothing out."""

    why: str


Finding = Holds | Differs | NotTried


def finding(holds: bool, expected: str, seen: str) -> Finding:
    """Holds or Differs, with what was seen."""
    return Holds(seen) if holds else Differs(expected, seen)


def said(code: str) -> str:
    """A code as a finding shows it. No code means that the call was accepted."""
    return code or "accepted"


def shorten(text: str, names: Iterable[str]) -> str:
    """The text with each of these ids shortened to its kind and last letters: `crs-demo0001` is `crs-...01`."""
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
    """One finding as a row of the table; `text` is the claim's sentence, shortened."""
    start = f"{textwrap.shorten(text, _SENTENCE, placeholder=' ...')} |"
    if isinstance(finding, Holds):
        return f"{claim:<5}holds      {start} {finding.seen}"
    if isinstance(finding, Differs):
        return f"{claim:<5}differs    {start} expected: {finding.expected}; seen: {finding.seen}"
    return f"{claim:<5}not tried  {start} {finding.why}"


def as_json(where: Mapping[str, str], when: str, findings: Mapping[str, Finding], claims: Mapping[str, str]) -> str:
    """All findings as JSON. No finding holds a secret, and ids are shortened already."""
    rows = [{"Claim": id_, "Text": claims[id_], **as_record(one)} for id_, one in findings.items()]
    whole: dict[str, Any] = {**where, "Time": when, "Findings": rows}
    return json.dumps(whole, indent=1) + "\n"


def as_report(where: Mapping[str, str], when: str, findings: Mapping[str, Finding], claims: Mapping[str, str]) -> str:
    """A text for a bug report: differences in full, ids of claims that hold, and reasons for those not tried."""
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
