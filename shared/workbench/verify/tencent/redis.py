"""Claims about TencentDB for Redis, judged by what the stories showed."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from shared.clouds.error_classification import error_from_code
from shared.clouds.tencent.error_codes import TENCENT_CODES
from shared.runtime.errors import RetryLater
from shared.workbench.verify.check import Untried, WrongPassword
from shared.workbench.verify.findings import Differs, Finding, Holds, finding, said
from shared.workbench.verify.logins import RedisDoor, is_private
from shared.workbench.verify.tencent import tcr
from shared.workbench.verify.tencent.desk import TencentCheck, TencentDesk
from shared.workbench.verify.tencent.redis_account import AccountStory, account_story, values_story
from shared.workbench.verify.tencent.redis_instance import (
    LISTED_S,
    SPELLINGS,
    TASK_TYPES,
    RedisInstance,
    is_lock,
    is_unknown_action,
)
from shared.workbench.verify.tencent.redis_root import LONG, long_story, root_story

_MISSING = "crs-0verify0"
_CHINA = timezone(timedelta(hours=8))
_QUARTER_S = 900.0
_WITHOUT_TLS = (1, 2, 3, 4, 5, 200)  # Redis 2.8, CKV, Memcached
_NO_TLS = ("UnSupportedType", "InstanceStatusError", "IncorrectEngineVersion")
_WRONG_OLD = ("InvalidParameterValue.PasswordError", "InvalidParameterValue.PasswordRuleError")
_PASSWORD = "Kt1-made-up"


def _instance(desk: TencentDesk) -> RedisInstance:
    return RedisInstance(desk.api, desk.need(desk.sandbox.redis, "redis").instance)


# --- Reads, and calls that name nothing that exists


def _spellings(desk: TencentDesk) -> Finding:
    given = {"InstanceId": _MISSING, "OldPassword": _PASSWORD, "Password": _PASSWORD}
    codes = {name: desk.api.refusal("redis", name, given) for name in (*SPELLINGS, "ModifyNothingAtAll")}
    *known, unknown = (is_unknown_action(code) for code in codes.values())
    seen = "; ".join(f"{name}: {said(code)}" for name, code in codes.items())
    return finding(unknown and not any(known), "both names are known, a made-up one is not", seen)


def _missing(desk: TencentDesk) -> Finding:
    given = {"InstanceId": _MISSING, "AccountName": "nobody", "AccountPassword": _PASSWORD}
    codes = [desk.api.refusal("redis", "ModifyInstanceAccount", given)]
    if desk.sandbox.redis:
        codes.append(desk.once(account_story).missing)
    if busy := [code for code in codes if is_lock(code)]:
        raise Untried(f"the refusal is temporary: {busy[0]}")
    says = all("NotFound" in code or "NotExist" in code for code in codes)
    return finding(says, "codes with NotFound or NotExist", f"missing instance, account: {', '.join(map(said, codes))}")


def _lists(desk: TencentDesk) -> Finding:
    rows = desk.api.call("redis", "DescribeInstances", {"Limit": 100, "Offset": 0})["InstanceSet"]
    if not rows:
        raise Untried("there is no Redis instance in this region")
    first = rows[0]["InstanceId"]
    accounts = RedisInstance(desk.api, first).accounts()
    there = len(rows), len(accounts)
    if max(there) < 2:
        raise Untried("one instance with one account: a second page does not exist")
    page = {"Limit": 1, "Offset": 0}
    instances = desk.api.call("redis", "DescribeInstances", page)
    of_first = desk.api.call("redis", "DescribeInstanceAccount", {"InstanceId": first, **page})
    counted = instances["TotalCount"], of_first["TotalCount"]
    states = {one["Status"] for one in rows}, {one.status for one in accounts.values()}
    known = states[0] <= {0, 1, 2, -2, -3} and states[1] <= {1, 2, 4}
    right = all(count >= whole for count, whole in zip(counted, there, strict=True))
    seen = f"TotalCount on pages of one: {counted} of {there}; states: {sorted(states[0])}, {sorted(states[1])}"
    if not desk.sandbox.redis:
        return finding(known and right, "the whole count; known states", seen)
    changing = desk.once(account_story).states
    seen += f"; while a password is changed: {changing[0]}, {changing[1]}"
    return finding(known and right and 1 in changing, "the whole count; known states; 1 while it is changed", seen)


def _search(desk: TencentDesk) -> Finding:
    def found(**given: object) -> list[str]:
        rows = desk.api.call("redis", "DescribeInstances", {"Limit": 100, "Offset": 0, **given})["InstanceSet"]
        return [str(one["InstanceId"]) for one in rows]

    shown = _instance(desk).shown()
    id_, name = str(shown["InstanceId"]), str(shown["InstanceName"])
    by_id, by_part = found(InstanceIds=[id_]) == [id_], id_ in found(SearchKey=name[: len(name) // 2 + 1])
    tags = [{"TagKey": one["TagKey"], "TagValue": one["TagValue"]} for one in shown.get("InstanceTags") or []]
    no_such = {"TagKey": "keyturn-verify", "TagValue": "none"}
    by_tags = id_ in found(InstanceTags=[*tags[:1], no_such]) if tags else None
    crooked = desk.api.refusal("redis", "DescribeInstances", {"Limit": 20, "Offset": 7})
    seen = (
        f"by id: {by_id}; by half of its name: {by_part}; by one of two tags: "
        f"{'it has none' if by_tags is None else by_tags}; an offset of 7 with a limit of 20: {said(crooked)}"
    )
    return finding(by_id and by_part and by_tags is not False and bool(crooked), "found each time; refused", seen)


def _tls(desk: TencentDesk) -> Finding:
    kind = _instance(desk).shown()["Type"]
    code = desk.api.refusal("redis", "DescribeSSLStatus", {"InstanceId": _instance(desk).id})
    seen = f"the look-up of TLS on an engine of type {kind}: {said(code)}"
    if kind in _WITHOUT_TLS:
        return finding(not code or code.endswith(_NO_TLS), f"an answer, or a code of {', '.join(_NO_TLS)}", seen)
    return finding(not code, "an answer, since engines of Redis 4.0 and later have TLS", seen)


def _address(desk: TencentDesk) -> Finding:
    instance = _instance(desk)
    host = str(instance.shown()["WanIp"])
    if not is_private(host):
        return Differs("a private address", "a public one")
    try:
        instance.door(slow=desk.slow)
    except ConnectionRefusedError:
        return Differs("a server at the address", "nobody listens there")
    return Holds("a private address, reached from here")


def _door(desk: TencentDesk) -> RedisDoor:
    try:
        return _instance(desk).door(slow=desk.slow)
    except ConnectionRefusedError:
        raise Untried("nobody listens at the address that the API shows") from None


def _account_login(desk: TencentDesk) -> Finding:
    part, door = desk.need(desk.sandbox.redis, "redis"), _door(desk)
    password = desk.present(part.account_password)
    made_up = door.says(f"{part.account}@{_PASSWORD}")
    one, two = door.says(f"{part.account}@{password}"), door.says(part.account, password)
    if "OK" not in (one, two) and "nothing" not in (one, two):
        raise WrongPassword(part.account_password)
    seen = f"account@password: {one}; two words: {two}; a made-up password: {made_up}"
    return finding(one == two == "OK" != made_up, "both forms log in, a made-up password does not", seen)


def _root_login(desk: TencentDesk) -> Finding:
    part, door = desk.need(desk.sandbox.redis, "redis"), _door(desk)
    password = desk.present(part.root_password)
    made_up = door.says(_PASSWORD)
    alone, with_id = door.says(password), door.says(f"{part.instance}:{password}")
    if part.root_password and "OK" not in (alone, with_id) and "nothing" not in (alone, with_id):
        raise WrongPassword(part.root_password)
    seen = f"password alone: {alone}; instance id:password: {with_id}; a made-up password: {made_up}"
    return finding(alone == with_id == "OK" != made_up, "both forms log in, a made-up password does not", seen)


# --- By the story of an account


def _ended_well(desk: TencentDesk) -> AccountStory:
    """The story, if none of its changes failed, which may be temporary. Raises: Untried."""
    story = desk.once(account_story)
    if failed := [one for one in (story.ended, story.rights_ended) if one in ("failed", "error")]:
        raise Untried(f"the task of a change ended: {failed[0]}")
    return story


def _rights(desk: TencentDesk) -> Finding:
    story = _ended_well(desk)
    kept, left_out = story.changed, story.rights_left_out
    seen = f"with r: {kept.privilege}; then without any: {left_out.privilege}, {list(left_out.readonly_policy)}"
    same = (kept.privilege, kept.readonly_policy) == ("r", story.before.readonly_policy)
    reset = (left_out.privilege, left_out.readonly_policy) == ("rw", ("master",))
    return finding(same and reset, "r, then rw and master", seen)


def _task_id(desk: TencentDesk) -> Finding:
    story = desk.once(account_story)
    seen = (
        f"ids {'0' if not story.task else 'other than 0'} and {'0' if not story.task_of_rights else 'other than 0'}; "
        f"asked at once: {said(story.asked_at_once)}; ended: {story.ended or 'not in 5 minutes'}"
    )
    good = story.task and story.task_of_rights and not story.asked_at_once and story.of_instance and story.ended
    return finding(bool(good), "ids other than 0 that can be queried at once, of this instance", seen)


def _in_force(desk: TencentDesk) -> Finding:
    story = _ended_well(desk)
    if story.new_opens is None:
        _door(desk)  # raises with the reason, if no server can be reached
        raise Untried("there was no login")
    seen = f"at the end of the task the new password logs in: {story.new_opens}, the old: {story.old_opens}"
    return finding(story.new_opens and not story.old_opens, "new: True, old: False", seen)


def _listed(desk: TencentDesk) -> Finding:
    story = desk.once(account_story)
    types = {"ModifyInstanceAccount": story.typed}
    if desk.need(desk.sandbox.redis, "redis").root_password:
        types["ModifyInstancePassword"] = desk.once(root_story).typed
    seen = "; ".join(f"{name}: {kind or 'not in the list of the known types'}" for name, kind in types.items())
    return finding(all(types.values()), f"in the list within {LISTED_S:.0f} s by one of {', '.join(TASK_TYPES)}", seen)


def _times(desk: TencentDesk) -> Finding:
    story = _ended_well(desk)
    before, after, later = story.before.modified, story.changed.modified, story.rights_left_out.modified
    shown = before > "2000"
    seen = (
        f"before: {'a time' if shown else 'none'}; after a new password: "
        f"{'empty' if not after else 'moved' if after != before else 'the same'}; "
        f"after other rights only: {'the same' if later == after else 'moved'}"
    )
    return finding(shown and bool(after) and after != before and later == after, "a time; moved; the same", seen)


def _zone(desk: TencentDesk) -> Finding:
    story = _ended_well(desk)
    try:
        shown = datetime.strptime(story.changed.modified, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise Untried("no time is shown after a change") from None
    off = shown.replace(tzinfo=_CHINA).timestamp() - story.sent_at
    held = -60 < off < time.time() - story.sent_at + _QUARTER_S
    seen = f"read as UTC+8, the time of a change is {off / 3600:.1f} h off"
    if desk.sandbox.tcr:
        zone = datetime.fromisoformat(tcr.account_shown(desk)["UpdateTime"]).tzinfo
        held, seen = held and zone is not None, f"{seen}; the registry names {zone or 'no zone'}"
    return finding(held, "the time of the change in UTC+8; a zone", seen)


def _locked(desk: TencentDesk) -> Finding:
    story = desk.once(account_story)
    if not story.second:
        return Differs("a code of a lock", "a second change during the first was accepted")
    error = error_from_code(TENCENT_CODES, "ModifyInstanceAccount", story.second, None)
    seen = f"{story.second}; a task of its own: {'yes' if story.second_began else 'no'}"
    return finding(isinstance(error, RetryLater) and not story.second_began, "a code of a lock, and no task", seen)


def _one_at_a_time(desk: TencentDesk) -> Finding:
    second = desk.once(account_story).second
    return finding(bool(second), "refused", f"a second change during the first: {said(second)}")


# --- By the stories of root, and of values


def _wrong_old(desk: TencentDesk) -> Finding:
    story = desk.once(root_story)
    seen = f"made up: {said(story.wrong)}; the former one: {said(story.former)}; a task: {story.wrong_began}"
    both = story.wrong in _WRONG_OLD and story.former in _WRONG_OLD
    return finding(both and not story.wrong_began, "PasswordError or PasswordRuleError, and no task", seen)


def _probe(desk: TencentDesk) -> Finding:
    story = desk.once(root_story)
    seen = f"equal: {said(story.equal)}; a change from the same password after it: {said(story.change)}"
    return finding(not story.equal and not story.change, "both are accepted", seen)


def _equal_code(desk: TencentDesk) -> Finding:
    story = desk.once(root_story)
    seen = f"equal: {said(story.equal)}; wrong: {said(story.wrong)}"
    return finding(
        story.equal not in (story.wrong, story.former), "accepted, or another code than for a wrong one", seen
    )


def _equal_wrong(desk: TencentDesk) -> Finding:
    code = desk.once(root_story).equal_wrong
    return finding(bool(code), "refused", f"a password that was never in force, as old and as new: {said(code)}")


def _order(desk: TencentDesk) -> Finding:
    desk.once(account_story)
    ids = list(_instance(desk).tasks())
    if len(ids) < 2:
        raise Untried("fewer than two tasks are listed")
    in_order = ids == sorted(ids, reverse=True)
    return finding(in_order, "the latest first, by ids that rise", f"{len(ids)} tasks, so listed: {in_order}")


def _lengths(desk: TencentDesk) -> Finding:
    codes = desk.once(long_story).codes
    seen = f"{LONG} characters: " + "; ".join(f"{name}: {said(code)}" for name, code in codes.items())
    corrected, misspelt = (codes.get(name, "not tried") for name in SPELLINGS)
    return finding(bool(corrected) and not misspelt, "refused by the corrected name, accepted by the other", seen)


def _values(desk: TencentDesk) -> Finding:
    story = desk.once(values_story)
    seen = f"30 characters with every symbol: {said(story.symbols)}; 7 characters: {said(story.short)}"
    return finding(not story.symbols and bool(story.short), "accepted; refused", seen)


READS: tuple[TencentCheck, ...] = (
    TencentCheck("R1", _spellings),
    TencentCheck("R22", _search),
    TencentCheck("W6", _tls),
    TencentCheck("W5", _address),
    TencentCheck("R17", _account_login),
    TencentCheck("R18", _root_login),
)
CHANGES: tuple[TencentCheck, ...] = (
    TencentCheck("R13", _lists),
    TencentCheck("R5", _rights),
    TencentCheck("R6", _task_id),
    TencentCheck("R8", _in_force),
    TencentCheck("R9", _listed),
    TencentCheck("R11", _times),
    TencentCheck("R12", _zone),
    TencentCheck("R14", _locked, of_the_moment=True),
    TencentCheck("R16", _missing),
    TencentCheck("R20", _one_at_a_time),
    TencentCheck("R2", _wrong_old),
    TencentCheck("R3", _probe),
    TencentCheck("R4", _equal_code),
    TencentCheck("R21", _lengths),
    TencentCheck("R23", _order),
    TencentCheck("W10", _equal_wrong),
    TencentCheck("W3", _values),
)
