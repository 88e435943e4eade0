"""How KMS treats versions and labels. Each version of the checks holds the value that was current before."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from shared.workbench.verify.alibaba.desk import AlibabaCheck, AlibabaDesk, Said
from shared.workbench.verify.alibaba.secret import (
    CURRENT,
    KIND,
    MOST_VERSIONS,
    PREVIOUS,
    KmsSecret,
    labels_of,
)
from shared.workbench.verify.check import Untried, new_mark
from shared.workbench.verify.findings import Differs, Finding, Holds
from shared.workbench.verify.put_back import Changed

_MOST_LABELS, _MOST_BYTES = 8, 30 * 1024
_WHOLE_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass
class SecretSeen:
    """What the checks saw. The story may have stopped early."""

    labelled: Said = field(default_factory=Said)
    label_is_there: bool = False
    still_current: bool = False
    times: list[str] = field(default_factory=list)
    other_value: Said | None = None
    same_value: Said | None = None
    not_held: Said | None = None
    label_stayed: bool = False
    moved: Said | None = None
    current_is_given: bool = False
    unlabelled: tuple[int, int] | None = None
    left_previous: bool = False
    labels: int = 0
    label_too_many: Said | None = None
    largest: Said | None = None
    too_large: Said | None = None
    count: int = 0
    fill: Said | None = None
    eleventh: Said | None = None
    pushed_out: tuple[str, ...] = ()
    earliest_went: bool = False


def secret_story(desk: AlibabaDesk) -> SecretSeen:
    """Put versions and move labels. Raises: Untried, CallRefused, CallLost."""
    secret = KmsSecret(desk.api, desk.need(desk.sandbox.kms, "kms").secret, new_mark())
    was = secret.current()
    if was.get("SecretDataType", "text") != "text" or len(was["SecretData"]) > 4096:
        raise Untried("the sandbox's secret is not a short text")
    first, value = str(was["VersionId"]), str(was["SecretData"])
    seen = SecretSeen()
    title = "versions of the secret: up to ten copies of its present value are added, and older versions may be deleted"
    ids = {"secret": secret.name, "version": first, "mark": secret.mark}
    with desk.change(Changed(KIND, title, ids, password=value)):
        one, two = secret.version_name(), secret.version_name()
        seen.labelled = secret.put(one, value, [secret.label])
        if seen.labelled.taken:
            _two_values(secret, seen, one, value, first)
            seen.fill = secret.put(two, value, [f"{secret.label}-second"])
            if seen.fill.taken:
                _two_labels(secret, seen, (first, one, two))
                _limits(secret, seen, two)
                _eleven(secret, seen, value)
    return seen


def _two_values(secret: KmsSecret, seen: SecretSeen, one: str, value: str, first: str) -> None:
    listed = secret.versions()
    seen.label_is_there = secret.label in labels_of(listed, one)
    seen.still_current = CURRENT in labels_of(listed, first)
    seen.times = [each.created for each in listed]
    seen.same_value = secret.put(one, value, [secret.label])
    seen.other_value = secret.put(one, f"{value} and more", [secret.label])


def _two_labels(secret: KmsSecret, seen: SecretSeen, ids: tuple[str, str, str]) -> None:
    """Put the label on the second version; the first version has the current label."""
    first, one, two = ids
    seen.not_held = secret.move(secret.label, away=first, to=two)
    seen.label_stayed = secret.label in labels_of(secret.versions(), one)
    seen.moved = secret.move(CURRENT, away=first, to=two)
    listed = secret.versions()
    seen.left_previous = PREVIOUS in labels_of(listed, first)
    secret.move(secret.label, away=one)
    seen.current_is_given = secret.current()["VersionId"] == two
    bare = {each.id for each in secret.versions() if not each.labels}
    short = {each.id for each in secret.versions(deprecated="false")}
    seen.unlabelled = len(bare), len(bare & short)


def _limits(secret: KmsSecret, seen: SecretSeen, holder: str) -> None:
    """Add labels to a version until one is refused. Then put the largest value, which never becomes the current one."""
    added = [f"{secret.label}-second"]
    for number in range(_MOST_LABELS + 1):
        label = f"{secret.label}-{number}"
        said = secret.move(label, to=holder)
        if not said.taken:
            seen.label_too_many = said
            break
        added.append(label)
    seen.labels = len(labels_of(secret.versions(), holder))
    for label in added:
        secret.move(label, away=holder)
    seen.too_large = secret.put(secret.version_name(), "k" * (_MOST_BYTES + 1), [secret.label])
    seen.largest = secret.put(secret.version_name(), "k" * _MOST_BYTES, [secret.label])


def _eleven(secret: KmsSecret, seen: SecretSeen, value: str) -> None:
    """Fill the secret, add one more version, and leave two new copies as the current and the previous version."""
    for _ in range(MOST_VERSIONS):
        seen.count = len(secret.versions())
        if seen.count >= MOST_VERSIONS:
            break
        # Each time with a new label: a label moves on, so only the last version has it.
        seen.fill = secret.put(secret.version_name(), value, [secret.label])
        if not seen.fill.taken:
            return
    if seen.count < MOST_VERSIONS:
        return
    # The two current versions are the newest. The versions that are pushed out have no label.
    copies = [secret.put(secret.version_name(), value) for _ in range(2)]
    before = secret.versions()
    refused = next((one for one in copies if not one.taken), None)
    seen.eleventh = refused or secret.put(secret.version_name(), value, [secret.label])
    after = {one.id for one in secret.versions()}
    gone = [one for one in before if one.id not in after]
    seen.pushed_out = tuple(one.id for one in gone)
    seen.earliest_went = len(gone) == 1 and gone[0].created == before[0].created


def _written_once(desk: AlibabaDesk) -> Finding:
    seen = desk.once(secret_story)
    if seen.other_value is None or seen.same_value is None:
        return _unclear(seen)
    told = f"the same version again with another value: {seen.other_value}, with the same: {seen.same_value}"
    once = seen.same_value.taken and not seen.other_value.taken
    return Holds(told) if once else Differs("refused with another value", told)


def _labels(desk: AlibabaDesk) -> Finding:
    seen = desk.once(secret_story)
    whole = all(_WHOLE_SECONDS.fullmatch(one) for one in seen.times)
    told = (
        f"a label as JSON text: {seen.labelled}, shown: {_yes(seen.label_is_there)}, the current version stays: "
        f"{_yes(seen.still_current)}; ACSCurrent moved: {seen.moved}, ACSPrevious left behind: "
        f"{_yes(seen.left_previous)}; whole seconds: {_yes(whole)}"
    )
    as_expected = seen.label_is_there and seen.still_current and seen.left_previous and whole
    return Holds(told) if as_expected else Differs("yes to all", told)


def _eleventh(desk: AlibabaDesk) -> Finding:
    seen = desk.once(secret_story)
    if seen.eleventh is None:
        raise Untried(f"the secret has {seen.count} versions and takes no more: {seen.fill}")
    told = f"an eleventh version: {seen.eleventh}; deleted: {len(seen.pushed_out)}"
    told += ", the earliest" if seen.earliest_went else ""
    return (
        Holds(told)
        if seen.eleventh.taken and seen.earliest_went
        else Differs("accepted, and the earliest is deleted", told)
    )


def _not_held(desk: AlibabaDesk) -> Finding:
    seen = desk.once(secret_story)
    if seen.not_held is None:
        return _unclear(seen)
    told = f"a label moved from a version that lacks it: {seen.not_held}; it stays: {_yes(seen.label_stayed)}"
    return Holds(told) if not seen.not_held.taken and seen.label_stayed else Differs("refused; it stays", told)


def _most(desk: AlibabaDesk) -> Finding:
    seen = desk.once(secret_story)
    if seen.largest is None or seen.too_large is None:
        return _unclear(seen)
    told = (
        f"{seen.count} versions; {seen.labels} labels on one, then {seen.label_too_many or 'no refusal'}; "
        f"30 KB: {seen.largest}, a byte more: {seen.too_large}"
    )
    sizes = seen.largest.taken and not seen.too_large.taken
    as_expected = sizes and seen.count == MOST_VERSIONS and seen.label_too_many is not None
    return Holds(told) if as_expected else Differs("ten versions, eight labels and no more, 30 KB and no more", told)


def _read(desk: AlibabaDesk) -> Finding:
    seen = desk.once(secret_story)
    if seen.unlabelled is None or not (seen.moved and seen.moved.taken):
        return _unclear(seen)
    bare, shown = seen.unlabelled
    told = (
        f"without a version id the current value is returned: {_yes(seen.current_is_given)}; "
        f"of {bare} versions without a label {shown} are listed where IncludeDeprecated is false"
    )
    as_expected = seen.current_is_given and bare and not shown
    return Holds(told) if as_expected else Differs("yes; none", told)


def _unclear(seen: SecretSeen) -> Finding:
    raise Untried(f"a version with a label was refused: {seen.labelled}")


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


CHECKS: tuple[AlibabaCheck, ...] = (
    AlibabaCheck("S1", _written_once),
    AlibabaCheck("S4", _labels),
    AlibabaCheck("S5", _eleventh),
    AlibabaCheck("S6", _not_held),
    AlibabaCheck("S7", _most),
    AlibabaCheck("S9", _read),
)
