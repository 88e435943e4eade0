"""Claims about the registry, and the story of one service account."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared.workbench.apis.calls import CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.verify.check import Untried, WrongPassword, made_up_password
from shared.workbench.verify.findings import Finding, finding, said
from shared.workbench.verify.logins import registry_status
from shared.workbench.verify.put_back import Changed
from shared.workbench.verify.tencent.desk import TencentCheck, TencentDesk
from shared.workbench.verify.waiting import again_while_it_passes

KIND = "tcr account"
_PREFIX = "tcr$"
_WELCOME, _WRONG = 200, 401
_NO_LOGINS = "the registry refuses every login"


@dataclass(frozen=True)
class TcrStory:
    """What a change showed. A code is empty if the call was accepted; the status of a login is 0 if there was none.

    `bare`: the code for a name without prefix. `both`: the code for a given password together with Random.
    """

    bare: str
    repeated: str
    new_login: int
    old_login: int
    both: str


def account_story(desk: TencentDesk) -> TcrStory:
    """Set a given password by the bare name, and log in at once."""
    part = desk.need(desk.sandbox.tcr, "tcr")
    first, new = desk.present(part.account_password), made_up_password()
    if not _can_be_given(first):
        raise Untried(
            "the present password could not be set again, because it does not have 8 to 20 characters of three kinds"
        )
    account_shown(desk)
    ids = {"registry": part.registry, "account": part.account}
    title = f"the password of the service account {part.account} of the registry"
    if not _is_proven(desk):
        title += (
            f"; no login from here can prove the present one: at the end it has the value of {part.account_password}"
        )
    with desk.change(Changed(KIND, title, ids, part.account_password, new)):
        bare, answer = "", {}
        try:
            answer = _set(desk.api, part.registry, part.account, new)
        except CallRefused as refused:
            bare = refused.code
        got = answer.get("Password")
        repeated = "the one given" if got == new else "none" if not got else "another"
        new_login = old_login = 0
        with suppress(Untried):
            new_login, old_login = _login(desk, new), _login(desk, first)
        given = {"RegistryId": part.registry, "Name": part.account, "Random": True, "Password": new}
        both = desk.api.refusal("tcr", "ModifyServiceAccountPassword", given)
        return TcrStory(bare, repeated, new_login, old_login, both)


def _is_proven(desk: TencentDesk) -> bool:
    """Whether a login shows that the variable holds the present password. Raises: WrongPassword: it does not."""
    variable = desk.need(desk.sandbox.tcr, "tcr").account_password
    try:
        status = _login(desk, desk.present(variable))
    except Untried:
        return False
    if status == _WRONG:
        raise WrongPassword(variable, _NO_LOGINS)
    return status == _WELCOME


def put_back(api: TencentApi, environ: Mapping[str, str], what: Changed) -> None:
    """Set the first password again. Raises: what the API raises."""
    registry, account, first = what.ids["registry"], what.ids["account"], environ[what.variable]
    try:
        again_while_it_passes(lambda: _set(api, registry, account, first))
    except CallRefused:
        again_while_it_passes(lambda: _set(api, registry, _PREFIX + account, first))


def _set(api: TencentApi, registry: str, name: str, password: str) -> dict[str, Any]:
    given = {"RegistryId": registry, "Name": name, "Random": False, "Password": password}
    return api.call("tcr", "ModifyServiceAccountPassword", given)


def _can_be_given(password: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdecimal)
    return 8 <= len(password) <= 20 and all(any(kind(one) for one in password) for kind in kinds)


def _login(desk: TencentDesk, password: str) -> int:
    """The status of a login. Raises: Untried: the registry cannot be reached."""
    part = desk.need(desk.sandbox.tcr, "tcr")
    return registry_status(_host(desk), _PREFIX + part.account, password, slow=desk.slow)


def _host(desk: TencentDesk) -> str:
    part = desk.need(desk.sandbox.tcr, "tcr")
    given = {"Registryids": [part.registry], "Offset": 0, "Limit": 1}
    found = desk.api.call("tcr", "DescribeInstances", given)["Registries"]
    if not found:
        raise Untried("the sandbox's registry is not in this region and site")
    return str(found[0]["PublicDomain"])


def account_shown(desk: TencentDesk) -> Mapping[str, Any]:
    """The sandbox's account as DescribeServiceAccounts shows it. Raises: Untried: it does not exist."""
    part = desk.need(desk.sandbox.tcr, "tcr")
    if (found := _found(desk).get(part.account)) is None:
        raise Untried(f"there is no account {part.account} on {part.registry}")
    return found


def _found(desk: TencentDesk, name: str = "") -> dict[str, Mapping[str, Any]]:
    """The accounts that the filter finds, by names without prefix; all accounts without a name."""
    part = desk.need(desk.sandbox.tcr, "tcr")
    given: dict[str, Any] = {"RegistryId": part.registry, "Offset": 0, "Limit": 100}
    if name:
        given["Filters"] = [{"Name": "ServiceAccountName", "Values": [name]}]
    rows = desk.api.call("tcr", "DescribeServiceAccounts", given)["ServiceAccounts"]
    return {str(one["Name"]).removeprefix(_PREFIX): one for one in rows}


def _filter(desk: TencentDesk) -> Finding:
    name = desk.need(desk.sandbox.tcr, "tcr").account
    account_shown(desk)
    whole, part = name in _found(desk, name), name in _found(desk, name[:-1])
    return finding(whole and not part, "by the whole name only", f"by the whole name: {whole}; by a part: {part}")


def _asks(desk: TencentDesk) -> Finding:
    host = _host(desk)
    nobody = registry_status(host, slow=desk.slow)
    wrong, right = (_login(desk, one) for one in (made_up_password(), desk.present(_variable(desk))))
    if nobody == wrong == right == _WRONG:
        raise WrongPassword(_variable(desk), _NO_LOGINS)
    seen = f"without a name: {nobody}; a made-up password: {wrong}; the present one: {right}"
    return finding((nobody, wrong, right) == (_WRONG, _WRONG, _WELCOME), "401, 401, 200", seen)


def _account(desk: TencentDesk) -> str:
    return desk.need(desk.sandbox.tcr, "tcr").account


def _variable(desk: TencentDesk) -> str:
    return desk.need(desk.sandbox.tcr, "tcr").account_password


def _bare_name(desk: TencentDesk) -> Finding:
    code = desk.once(account_story).bare
    return finding(not code, "accepted", f"the name without tcr$: {said(code)}")


def _one_or_the_other(desk: TencentDesk) -> Finding:
    code, shown = desk.once(account_story).both, len(_found(desk, _account(desk)))
    seen = f"a given password together with Random: {said(code)}; in a list of 100 at most: {shown}"
    return finding(bool(code) and shown == 1, "refused; the account", seen)


def _repeats(desk: TencentDesk) -> Finding:
    story = desk.once(account_story)
    if story.bare:
        raise Untried(f"the change was refused: {story.bare}")
    return finding(story.repeated == "the one given", "the password that was given", story.repeated)


def _in_force(desk: TencentDesk) -> Finding:
    story = desk.once(account_story)
    if story.bare:
        raise Untried(f"the change was refused: {story.bare}")
    if not story.new_login:
        _login(desk, made_up_password())  # raises with the reason
    seen = f"at once, the new password: {story.new_login}; the old: {story.old_login}"
    return finding((story.new_login, story.old_login) == (_WELCOME, _WRONG), "200, 401", seen)


READS: tuple[TencentCheck, ...] = (TencentCheck("T4", _filter), TencentCheck("T5", _asks))
CHANGES: tuple[TencentCheck, ...] = (
    TencentCheck("T1", _bare_name),
    TencentCheck("T2", _repeats),
    TencentCheck("T3", _in_force),
    TencentCheck("T7", _one_or_the_other),
)
