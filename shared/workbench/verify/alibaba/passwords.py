"""How ModifyAccountPassword behaves: the claims about Tair's fence, its states and its password rules."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from shared.clouds.alibaba.error_codes import ALIBABA_CODES
from shared.clouds.error_classification import Proves, find_code
from shared.workbench.verify.alibaba import wire
from shared.workbench.verify.alibaba.desk import AlibabaCheck, AlibabaDesk, Said
from shared.workbench.verify.alibaba.tair import SYMBOLS, TairAccount, account_to_change, changed
from shared.workbench.verify.check import Untried, WrongPassword, made_up_password
from shared.workbench.verify.findings import Differs, Finding, Holds

_QUIET_S = 3.0
_SHORTEST, _LONGEST = 8, 32


@dataclass(frozen=True)
class FenceSeen:
    """One change of a password, and the calls that were refused before and after it."""

    wrong_old: Said
    wrong_new: Said
    bad_token: Said
    change: Said
    bad_token_had_effect: bool = False
    statuses: tuple[str, ...] = ()
    used_nonce: Said | None = None
    old_afterwards: Said | None = None
    probe: Said | None = None
    equal_wrong: Said | None = None  # a password that was never in force, as old and as new


def fence_story(desk: AlibabaDesk) -> FenceSeen:
    """Change the password once, with calls before and after it that change nothing. Raises: Untried, CallLost."""
    account, first, variable = account_to_change(desk)
    new = made_up_password()
    too_short = new[: _SHORTEST - 1]
    with desk.change(changed(account, variable, too_short)):
        wrong_new = account.modify(first, too_short)
    with desk.change(changed(account, variable, new)):
        wrong_old = account.modify(made_up_password(), new)
        equal_wrong = account.modify(new, new)
        bad_token = account.modify(first, new, token="no-token")
        change = account.modify(first, new)
        if not change.taken:
            had_effect = not wrong_old.taken and not bad_token.taken and account.modify(new, first).taken
            return FenceSeen(wrong_old, wrong_new, bad_token, change, had_effect)
        statuses = account.watch(_QUIET_S)
        account.settle()
        return FenceSeen(
            wrong_old,
            wrong_new,
            bad_token,
            change,
            statuses=statuses,
            used_nonce=_with_used_nonce(account, new, first),
            old_afterwards=account.modify(first, new),
            probe=account.modify(new, new),
            equal_wrong=equal_wrong,
        )


def _with_used_nonce(account: TairAccount, old: str, new: str) -> Said:
    """Try a change under a nonce that a read has just used."""
    nonce = {"x-acs-signature-nonce": uuid.uuid4().hex}
    account.api.call("r-kvstore", "DescribeInstances", {"RegionId": account.api.region}, headers=nonce)
    return account.modify(old, new, headers=nonce)


@dataclass(frozen=True)
class ValuesSeen:
    """Which new passwords were accepted, and the answer to a second change right after the first."""

    longest: Said
    shortest: Said
    too_long: Said
    too_short: Said
    meanwhile: Said | None
    first_was_kept: bool


def values_story(desk: AlibabaDesk) -> ValuesSeen:
    """Try passwords at the limits of the published rule. Raises: Untried, CallLost."""
    account, first, variable = account_to_change(desk)
    longest = made_up_password(_LONGEST - len(SYMBOLS)) + SYMBOLS
    shortest = made_up_password(_SHORTEST)
    too_long, too_short = longest + "x", shortest[:-1]
    meanwhile, kept = None, False
    with desk.change(changed(account, variable, too_long)):
        said_too_long = account.modify(first, too_long)
    with desk.change(changed(account, variable, too_short)):
        said_too_short = account.modify(first, too_short)
    with desk.change(changed(account, variable, longest)):
        said_longest = account.modify(first, longest)
        if said_longest.taken:
            meanwhile = account.modify(longest, first)
            account.settle()
            kept = not meanwhile.taken and not account.modify(first, longest).taken
    with desk.change(changed(account, variable, shortest)):
        said_shortest = account.modify(first, shortest)
    return ValuesSeen(said_longest, said_shortest, said_too_long, said_too_short, meanwhile, kept)


def _form_body(desk: AlibabaDesk) -> Finding:
    seen = desk.once(fence_story)
    if seen.change.code.startswith("Missing"):
        return Differs("passwords in the form body are read", f"with both in the body: {seen.change}")
    return Holds("a change with both passwords in the form body was accepted") if seen.change.taken else _unclear(seen)


def _wrong_old(desk: AlibabaDesk) -> Finding:
    seen = desk.once(fence_story)
    expected = "a 4xx code of its own for a wrong old password"
    told = f"a wrong old password: {seen.wrong_old}; a new one of {_SHORTEST - 1} characters: {seen.wrong_new}"
    if seen.change.code.startswith("Missing"):
        raise Untried(f"the call itself is refused: {seen.change}")
    own = not seen.wrong_old.taken and seen.wrong_old.code != seen.wrong_new.code
    return Holds(told) if own and 400 <= seen.wrong_old.status < 500 else Differs(expected, told)


def _probe(desk: AlibabaDesk) -> Finding:
    seen = desk.once(fence_story)
    if seen.probe is None:
        return _unclear(seen)
    told = f"the password in force as old and new: {seen.probe}"
    return Holds(told) if seen.probe.taken else Differs("accepted, and nothing changes", told)


def _equal_wrong(desk: AlibabaDesk) -> Finding:
    seen = desk.once(fence_story)
    if seen.equal_wrong is None:
        return _unclear(seen)
    told = f"a password that was never in force, as old and as new: {seen.equal_wrong}"
    return Differs("refused", told) if seen.equal_wrong.taken else Holds(told)


def _status(desk: AlibabaDesk) -> Finding:
    seen = desk.once(fence_story)
    if not seen.statuses or seen.old_afterwards is None:
        return _unclear(seen)
    told = f"after the change: {', then '.join(seen.statuses)}; the old password afterwards: {seen.old_afterwards}"
    as_expected = seen.statuses[0] == "Unavailable" and not seen.old_afterwards.taken
    return Holds(told) if as_expected else Differs("Unavailable until the new password is in force", told)


def _used_nonce(desk: AlibabaDesk) -> Finding:
    seen = desk.once(fence_story)
    if seen.used_nonce is None or seen.old_afterwards is None:
        return _unclear(seen)
    told = f"a change under a used nonce: {seen.used_nonce}; then the former password: {seen.old_afterwards}"
    nothing = not seen.used_nonce.taken and not seen.old_afterwards.taken
    return Holds(told) if nothing else Differs("refused, and nothing changes", told)


def _refused_first(desk: AlibabaDesk) -> Finding:
    """Check that bad keys are refused and, if the sandbox has an account, that such a change has no effect."""
    read = wire.bad_keys(desk)
    if desk.sandbox.tair is None or isinstance(read, Differs):
        return read
    try:
        seen = desk.once(fence_story)
    except WrongPassword:
        raise
    except Untried:
        return read
    told = f"a change with a made-up token: {seen.bad_token}; then one with the real token: {seen.change}"
    if seen.bad_token.taken or seen.bad_token_had_effect:
        return Differs("refused, and nothing changes", told)
    return Holds(f"{read.seen}; {told}") if seen.change.taken else read


def _values(desk: AlibabaDesk) -> Finding:
    seen = desk.once(values_story)
    tried = {
        f"{_LONGEST} characters with every symbol": seen.longest,
        f"{_SHORTEST}": seen.shortest,
        f"{_LONGEST + 1}": seen.too_long,
        f"{_SHORTEST - 1}": seen.too_short,
    }
    told = "; ".join(f"{name}: {one}" for name, one in tried.items())
    kept = seen.longest.taken and seen.shortest.taken and not seen.too_long.taken and not seen.too_short.taken
    return (
        Holds(told) if kept else Differs("8 to 32 characters with the published symbols are accepted, no others", told)
    )


def _busy(desk: AlibabaDesk) -> Finding:
    seen = desk.once(values_story)
    if seen.meanwhile is None or seen.meanwhile.taken:
        raise Untried("a second change right after the first was accepted: nothing was busy")
    told = f"a second change right after the first: {seen.meanwhile}"
    if not seen.first_was_kept:
        return Differs("such a code means that nothing changes", f"{told}; the first change's password is not in force")
    row = find_code(ALIBABA_CODES, seen.meanwhile.code)
    return Holds(told) if row and row.proof is Proves.LATER else Differs("a code that the tables list as busy", told)


def _unclear(seen: FenceSeen) -> Finding:
    raise Untried(f"the change that this check needs was refused: {seen.change}")


CHECKS: tuple[AlibabaCheck, ...] = (
    AlibabaCheck("A1", _form_body),
    AlibabaCheck("A2", _wrong_old),
    AlibabaCheck("A4", _probe),
    AlibabaCheck("A5", _status),
    AlibabaCheck("A7", _used_nonce),
    AlibabaCheck("W2", _refused_first),
    AlibabaCheck("R14", _busy, of_the_moment=True),
    AlibabaCheck("W3", _values),
    AlibabaCheck("W10", _equal_wrong),
)
