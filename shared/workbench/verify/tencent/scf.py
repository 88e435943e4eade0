"""Claims about running and deploying on SCF, judged by the story of one function."""

from __future__ import annotations

import json

from shared.workbench.deploy.code_digests import is_of
from shared.workbench.verify.check import Untried
from shared.workbench.verify.findings import Finding, finding, said
from shared.workbench.verify.tencent.desk import TencentCheck, TencentDesk
from shared.workbench.verify.tencent.scf_function import MEMORY_MB, OTHER, TIMEOUT_S, packed_code
from shared.workbench.verify.tencent.scf_story import (
    AT_ONCE,
    CRON,
    SHOWN_S,
    Called,
    FunctionStory,
    Triggered,
    function_story,
)

_CONTEXT = {"function_name", "memory_limit_in_mb", "namespace", "request_id", "tencentcloud_uin", "time_limit_in_ms"}
_EVENT = {"httpMethod", "path", "headers", "queryString", "body"}
_REPLY = 203
_ABOUT_THE_ACCOUNT = (
    "ResourceInUse",
    "LimitExceeded",
    "ResourceNotFound",
    "ResourceUnavailable",
    "ResourceInsufficient",
)


def _story(desk: TencentDesk) -> FunctionStory:
    return desk.once(function_story)


def _triggered(desk: TencentDesk) -> Triggered:
    story = _story(desk)
    if story.triggered is None:
        raise Untried(f"the function was not created: {story.made.plain or story.made.state}")
    return story.triggered


def _called(desk: TencentDesk) -> Called:
    story = _story(desk)
    if story.called is None:
        raise Untried(f"the function was not created: {story.made.plain or story.made.state}")
    return story.called


def _by_address(desk: TencentDesk) -> Called:
    called = _called(desk)
    if not called.unsigned:
        raise Untried("the function got no address")
    return called


# --- Running


def _context(desk: TencentDesk) -> Finding:
    told = _called(desk).told
    missing = sorted(_CONTEXT - set(told.get("context", ())))
    seen = (
        f"event and context: {told.get('kinds')}; missing keys: {missing or 'none'}; "
        f"time_limit_in_ms of {TIMEOUT_S} s: {told.get('limit')}; TENCENTCLOUD_RUNENV: {told.get('platform')}"
    )
    held = told.get("kinds") == ["dict", "dict"] and not missing and told.get("limit") == TIMEOUT_S * 1000
    return finding(held and told.get("platform") == "SCF", "dicts with the keys, milliseconds, SCF", seen)


def _shapes(desk: TencentDesk) -> Finding:
    called = _by_address(desk)
    reply = called.reply
    missing = sorted(_EVENT - set(reply.get("event", ())))
    as_sent = reply.get("body") == called.body_sent
    seen = (
        f"unsigned: {called.unsigned}; signed: {called.signed} of {_REPLY}; missing keys: {missing or 'none'}; "
        f"header names lower case: {reply.get('lower')}; body as sent: {as_sent}"
    )
    kept_out = 400 <= called.unsigned < 500
    held = kept_out and called.signed == _REPLY and not missing and reply.get("lower") and as_sent
    return finding(bool(held), f"4xx; {_REPLY}; the documented event", seen)


def _token(desk: TencentDesk) -> Finding:
    called = _by_address(desk)
    if not called.with_token:
        raise Untried("your keys are not temporary: use those of a role")
    return finding(called.signed == _REPLY, f"{_REPLY}, the function's reply", f"with X-Scf-Cam-Token: {called.signed}")


def _raised(desk: TencentDesk) -> Finding:
    called = _by_address(desk)
    if called.signed != _REPLY:
        raise Untried(f"a signed call got {called.signed}")
    return finding(500 <= called.raised < 600, "5xx", f"after an exception: {called.raised}")


def _logged(desk: TencentDesk) -> Finding:
    called = _called(desk)
    if "START" not in called.log:
        raise Untried("the end of the log that Invoke shows has no lines of the platform: look in CLS")
    logged = called.mark in called.log
    return finding(logged, "it is in the log", f"the function's return value is in its log: {logged}")


def _runtime(desk: TencentDesk) -> Finding:
    story = _story(desk)
    if story.called is None:
        code = story.made.plain or story.made.state
        if code.startswith(_ABOUT_THE_ACCOUNT):
            raise Untried(f"the function was not created because of the account: {code}")
        return finding(False, "a function of Python 3.10 from a zip in the request", f"it was not created: {code}")
    python = story.called.told.get("python")
    return finding(python == "3.10", "Python 3.10", f"Python {python}, from a zip in the request")


def _variables(desk: TencentDesk) -> Finding:
    made = _story(desk).made
    if made.plain:
        raise Untried(f"the function was not created: {made.plain}")
    return finding(not made.with_rich_values, "accepted", f"a URL and JSON as values: {said(made.with_rich_values)}")


# --- Deploying


def _timer(desk: TencentDesk) -> Finding:
    triggered = _triggered(desk)
    try:
        cron = json.loads(triggered.timer_shown).get("cron")
    except (ValueError, AttributeError):
        cron = None
    seen = f"the bare expression: {said(triggered.timer)}; shown as JSON with cron: {cron == CRON}"
    return finding(not triggered.timer and cron == CRON, "accepted; shown as JSON", seen)


def _url(desk: TencentDesk) -> Finding:
    triggered = _triggered(desk)
    after = triggered.address_after_s
    when = f"after {after:.0f} s" if after is not None else f"not within {SHOWN_S:.0f} s"
    return finding(
        not triggered.url and after is not None, "accepted; shown", f"JSON: {said(triggered.url)}; address: {when}"
    )


def _busy(desk: TencentDesk) -> Finding:
    story = _story(desk)
    _triggered(desk)
    if story.made.while_creating == AT_ONCE:
        raise Untried("the function was Active at once")
    gone = story.deleted_after_s is not None
    seen = (
        f"a change while it is created: {said(story.made.while_creating)}; deleted, it is gone: {gone}; "
        f"then created again: {said(story.made_again)}"
    )
    return finding(bool(story.made.while_creating) and gone and not story.made_again, "refused; gone; accepted", seen)


def _tags(desk: TencentDesk) -> Finding:
    story = _story(desk)
    _triggered(desk)
    after = story.made.tags_after_s
    seen = f"{after:.0f} s after it was created" if after is not None else f"not within {SHOWN_S:.0f} s"
    return finding(after is not None, "the tags are shown by both reads", seen)


def _replaced(desk: TencentDesk) -> Finding:
    variables = _story(desk).variables
    _triggered(desk)
    replaced, empty, no_pair = (one or "none" for one in variables)
    seen = f"after others: {replaced}; after an empty list: {empty}; after a pair of empty texts: {no_pair}"
    name = OTHER[0]["Key"]
    return finding((replaced, empty, no_pair) == (name, name, "none"), f"{name}; {name}; none", seen)


def _log_settings(desk: TencentDesk) -> Finding:
    story = _story(desk)
    _triggered(desk)
    if story.logs_stay is None:
        raise Untried("the sandbox file has no log_set and log_topic in [tencent.scf]")
    return finding(story.logs_stay, "they stay", f"after an update without them they stay: {story.logs_stay}")


def _digest(desk: TencentDesk) -> Finding:
    digest = _story(desk).digest
    _triggered(desk)
    same = is_of(digest, packed_code())
    if same is None:
        return finding(False, "64 hex digits", f"no SHA-256 in hex: {said(digest)}")
    return finding(same, "that of the zip", f"a SHA-256, and it is the zip's: {same}")


def _system_lines(desk: TencentDesk) -> Finding:
    quiet = _story(desk).quiet
    _triggered(desk)
    return finding(not quiet, "accepted, but not shown", f"IgnoreSysLog: {quiet or 'accepted, but not shown'}")


def _reserved(desk: TencentDesk) -> Finding:
    code, put, taken_back = _story(desk).reserved
    _triggered(desk)
    if code.startswith(_ABOUT_THE_ACCOUNT):
        raise Untried(f"the account has no free memory to reserve: {code}")
    seen = f"{MEMORY_MB} MB: {said(code)}; shown: {put}; removed again: {taken_back}"
    return finding((code, put, taken_back) == ("", MEMORY_MB, None), f"accepted; {MEMORY_MB}; null", seen)


CHANGES: tuple[TencentCheck, ...] = (
    TencentCheck("P1", _context),
    TencentCheck("P3", _shapes),
    TencentCheck("P4", _token),
    TencentCheck("P5", _raised),
    TencentCheck("P6", _logged),
    TencentCheck("P10", _runtime),
    TencentCheck("P11", _variables),
    TencentCheck("D1", _timer),
    TencentCheck("D2", _url),
    TencentCheck("D5", _busy),
    TencentCheck("D7", _tags),
    TencentCheck("D9", _log_settings),
    TencentCheck("D13", _replaced),
    TencentCheck("D16", _digest),
    TencentCheck("D17", _system_lines),
    TencentCheck("D18", _reserved),
)
