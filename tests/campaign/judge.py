"""Judges whether keyturn told the truth: each result, at its time, against what was really applied.

Violations have a letter: (a) not exactly one terminal result for a delivery; (c) a result that was not true;
(g) an id that is not its fact's; (u) `unknown` without an allowed reason. Those of stores are in `judge_stores`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.campaign.fault_kinds import refusal
from tests.campaign.record import IN_FORCE, SKEW_S, Applied, Delivery, Record, parse_time

NO_QUEUE = "no commands queue, or no handoff key, is set"
LOST = "an answer was lost on Tair or TCR, and neither a repeated call nor a login could settle it"
OVERTAKEN = "another change came in between"
BLIND = "the cloud could not be read, up to the last look"
DEAF = "no call of a fenced action got a clear answer, nor did its probe"
ENDLESS = "the cloud's task never ends"
STORE = "the store refused for as long as keyturn tried"
REPEATED = "another delivery of the same event made the call at the same time"
TOO_OLD = "its message came more than two hours late"
PROBE = "the cloud refuses old = new, so a refused old secret cannot be told from a redelivery"
LATE = "a task began long after the lost call, and may be that of anyone under the same operator"
EARLIER = "an earlier delivery of the same change on Tair or TCR may have left a call without a clear answer"
UNSEEN = "no read showed a Tair account change, and its action has no fence to probe"
OTHERWISE = "a claim about the cloud does not hold in this world"
REASONS = (
    NO_QUEUE,
    LOST,
    OVERTAKEN,
    REPEATED,
    BLIND,
    DEAF,
    ENDLESS,
    STORE,
    TOO_OLD,
    PROBE,
    LATE,
    EARLIER,
    UNSEEN,
    OTHERWISE,
)


@dataclass(eq=False)
class Verdict:
    """What the judges found: broken promises, notes that are only counted, and the reasons for `unknown`."""

    violations: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    deliveries: Counter[str] = field(default_factory=Counter)  # outcomes; with `carried:` before those with a queue

    def broke(self, letter: str, text: str) -> None:
        self.violations.append(f"({letter}) {text}")


def judge(record: Record, verdict: Verdict) -> None:
    """Judge every result."""
    for delivery in record.deliveries:
        _once(delivery, verdict)
        for result in delivery.last:
            outcome = result["data"]["Outcome"]
            verdict.deliveries[outcome] += 1
            if delivery.carries:
                verdict.deliveries[f"carried: {outcome}"] += 1
            if outcome in IN_FORCE:
                _in_force(record, delivery, result, verdict)
            elif outcome == "not_changed":
                _not_changed(record, delivery, result, verdict)
            elif outcome == "unknown":
                _unknown(record, delivery, result, verdict)
        for result in delivery.results:
            _named(delivery, result, verdict)
    for stray in record.strays:
        verdict.broke("a", f"a result of no delivery: {stray['data']['Outcome']} {stray['data']['CommandId']}")


def _once(delivery: Delivery, verdict: Verdict) -> None:
    count = len(delivery.last)
    if (count > 1 and not delivery.replayed) or (count == 0 and not delivery.killed):
        told = [one["data"]["Outcome"] for one in delivery.results]
        verdict.broke("a", f"{delivery} ended in {count} terminal results: {told}")


def _named(delivery: Delivery, result: dict[str, Any], verdict: Verdict) -> None:
    data = result["data"]
    fact = "in_force" if data["Outcome"] in IN_FORCE else data["Outcome"]
    parts = [result["source"], result["subject"], data["Operation"], data["CommandId"], fact]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    if result["id"] != hashlib.sha256(text.encode()).hexdigest()[:32]:
        verdict.broke("g", f"{delivery}: the id of {data['Outcome']} is not its fact's")


def secrets_of(record: Record, delivery: Delivery, result: dict[str, Any]) -> list[str]:
    """Digests of the secrets that the result says are in force: sent, in the store's version, or shown in a reply."""
    data, at = result["data"], parse_time(result["time"])
    stored = data["Stored"]
    if delivery.credential.place and stored is not None:
        digest = record.stored(delivery.credential, stored["Version"], at)
        return [digest] if digest else []
    if delivery.digest:
        return [delivery.digest]
    return delivery.shown[-1:]


def _in_force(record: Record, delivery: Delivery, result: dict[str, Any], verdict: Verdict) -> None:
    if not delivery.tells:
        return
    data, at, credential = result["data"], parse_time(result["time"]), delivery.credential
    if credential.place and data["Stored"] is None:
        verdict.broke("j", f"{delivery}: {data['Outcome']} without Stored")
        return
    secrets = secrets_of(record, delivery, result)
    if not secrets:
        if credential.place:
            verdict.broke("j", f"{delivery}: {data['Outcome']}, and Stored names a version that is not there")
        return
    opens = [record.opens(credential, one, at) for one in secrets]
    if opens[0] is not False:
        return
    text = f"{delivery}: {data['Outcome']} at {at:.3f}, and its secret is not in force then; {data['Evidence']}"
    mine = record.password_digests(credential, secrets[0])
    if "not looked at since" in " ".join(data["Evidence"]):
        if any(one.digest in mine for one in record.of(credential) if one.at <= at):
            verdict.notes["already_changed, not looked at since, and no longer in force"] += 1
        else:
            verdict.broke("c", f"{text}; it never was")
        return
    last = _last_by_others(record, delivery, mine, at)
    by_hand = last is not None and last.by == "outside" and at > delivery.ended
    looked = delivery.login and "login: not made" not in data["Evidence"]
    if by_hand and not looked and credential.service in ("tair", "tcr"):
        verdict.notes["followed to its end after somebody changed it by hand, which nothing shows there"] += 1
        return
    if last is not None and delivery.apart and last.at >= delivery.began:
        own = _told_of(record, delivery, last)
        if last.at > delivery.last_call:
            verdict.notes["another change was applied after this delivery's last call"] += 1
            return
        if own is None:
            verdict.notes[
                "another change was applied while this delivery was at work, by means that it cannot see"
            ] += 1
            return
    verdict.broke("c", text)


def _last_by_others(record: Record, delivery: Delivery, mine: set[str], at: float) -> Applied | None:
    found = [one for one in record.of(delivery.credential) if one.at <= at + SKEW_S and one.digest not in mine]
    return found[-1] if found else None


def _told_of(record: Record, delivery: Delivery, applied: Applied) -> Delivery | None:
    """The other delivery with the same store that made this change."""
    for other in record.deliveries:
        if other is delivery or other.credential.place != delivery.credential.place or not other.credential.place:
            continue
        if applied.digest in digests_of(record, other):
            return other
    return None


def digests_of(record: Record, delivery: Delivery) -> set[str]:
    """Digests of every password that this delivery may have sent."""
    found = {delivery.digest} if delivery.digest else set()
    for one in record.of_store(delivery.credential):
        if one.account in delivery.versions and one.digest:
            found |= record.password_digests(delivery.credential, one.digest)
    return found | set(delivery.shown)


def _not_changed(record: Record, delivery: Delivery, result: dict[str, Any], verdict: Verdict) -> None:
    at, mine = parse_time(result["time"]), digests_of(record, delivery)
    if not delivery.tells or not mine:
        return
    now = [record.in_force(delivery.credential, account, at) for account in delivery.credential.accounts]
    stood = {one.digest for one in now if one is not None and one.at < delivery.began}
    effects = [one for one in record.of(delivery.credential) if one.digest in mine and one.at >= delivery.began]
    effects = [one for one in effects if one.digest not in stood]  # a probe: the same secret once more
    others = [one for one in record.deliveries if one is not delivery and mine & digests_of(record, one)]
    for effect in effects:
        could = [one for one in others if one.began <= effect.at and (one.may_cause or one.killed)]
        if not delivery.may_cause or could:
            earlier = [one for one in could if one.number < delivery.number]
            if effect.at > at and earlier and delivery.credential.place and not delivery.apart:
                verdict.broke(
                    "c", f"{delivery}: not_changed at {at:.3f}, and what an earlier delivery sent took effect"
                )
            elif effect.at > at and earlier:
                verdict.notes[
                    "not_changed, and an earlier delivery's call, which it cannot see, took effect later"
                ] += 1
            continue
        if effect.at <= at and (result["data"]["Error"] or {}).get("Code") == "Superseded":
            continue  # it was killed after its call, and says truly of its repeat that a later command replaced it
        late = f"{effect.at - at:.1f} s later" if effect.at > at else "before"
        verdict.broke("c", f"{delivery}: not_changed, and what it sent took effect {late}; {result['data']['Error']}")
        return


def _unknown(record: Record, delivery: Delivery, result: dict[str, Any], verdict: Verdict) -> None:
    reason = reason_of(record, delivery, result)
    if reason is None:
        data = result["data"]
        code = (data["Error"] or {}).get("Code")
        verdict.broke("u", f"{delivery} ended unknown ({code}) for no reason: {data['Evidence']}")
    else:
        verdict.reasons[reason] += 1


def reason_of(record: Record, delivery: Delivery, result: dict[str, Any]) -> str | None:
    """The reason that allows `unknown`; None: there is none."""
    data, at = result["data"], parse_time(result["time"])
    before = [one for one in record.deliveries if one.order == delivery.order and one.number <= delivery.number]
    met = {trouble for one in before for trouble in one.met}
    first = min(one.began for one in before)
    mine = digests_of(record, delivery)
    theirs = [one for one in record.of(delivery.credential) if first <= one.at <= at and one.digest not in mine]
    beside = [
        one
        for one in record.deliveries
        if one.order != delivery.order
        and one.credential.resource == delivery.credential.resource
        and first <= max(one.ended, one.began)
        and one.began <= at
    ]
    if theirs or beside or _still_out(record, delivery) or _by_hand(record, delivery, first):
        return OVERTAKEN
    again = [one for one in record.deliveries if one.order == delivery.order and one is not delivery and one.calls]
    if any(one.began <= at and max(one.ended, one.began) >= delivery.began for one in again):
        return REPEATED
    if not delivery.carries:
        return NO_QUEUE
    if (data["Error"] or {}).get("Code") == "TooOld" and at - parse_time(data["StartedAt"]) > 7200.0:
        return TOO_OLD
    if "blind" in met:
        return BLIND
    if "deaf" in met:
        return DEAF
    if "endless" in met:
        return ENDLESS
    if met & {"lost", "kill"} and delivery.credential.service in ("tair", "tcr"):
        return LOST
    if "lost" in met and (data["Error"] or {}).get("Code") == "NotSettled":
        return LATE
    if (len(before) > 1 or data.get("Attempts", 1) > 1) and delivery.credential.service in ("tair", "tcr"):
        return EARLIER
    if "store" in met:
        return STORE
    if delivery.credential.service == "tair" and not delivery.fenced and not delivery.login:
        return UNSEEN
    if "probe" in met and delivery.fenced:
        return PROBE
    return OTHERWISE if met & {"otherwise", refusal((data["Error"] or {}).get("Code"))} else None


def _by_hand(record: Record, delivery: Delivery, first: float) -> bool:
    """Whether the last change before its first delivery was made by hand: then it knows no secret that is right."""
    before = [one for one in record.of(delivery.credential) if one.at <= first]
    return bool(before) and before[-1].by == "outside"


def _still_out(record: Record, delivery: Delivery) -> bool:
    """Whether an earlier command of the credential was left open."""
    return any(
        one.order != delivery.order
        and one.credential == delivery.credential
        and one.began < delivery.began
        and (one.killed or any(told["data"]["Outcome"] == "unknown" for told in one.last))
        for one in record.deliveries
    )


def outcomes(record: Record) -> Iterator[str]:
    """All terminal outcomes, in the order of deliveries."""
    for delivery in record.deliveries:
        yield from (one["data"]["Outcome"] for one in delivery.last)
