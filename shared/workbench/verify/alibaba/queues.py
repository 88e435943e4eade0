"""Which messages an SMQ queue accepts, and how it confirms them."""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass

from shared.queues import smq_wire
from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.callers import passes
from shared.workbench.apis.plain_http import HttpAnswer, send
from shared.workbench.verify.alibaba.desk import AlibabaCheck, AlibabaDesk, Said
from shared.workbench.verify.check import Untried, new_mark
from shared.workbench.verify.findings import Differs, Finding, Holds
from shared.workbench.verify.put_back import Changed

KIND = "smq-messages"
_MISTAKES = ("QueueNotExist", "InvalidQueueName")
_LARGEST, _MOST_BATCHES = 48 * 1024, 8
_OURS = "keyturn verify:"  # with its mark a multiple of 3 bytes, so its base64 never varies


@dataclass(frozen=True)
class QueueSeen:
    """The answers to two messages, and the form of the first message that its digest covers."""

    small: Said
    digest_is_of: str
    large: Said
    hidden: bool
    deletions: tuple[int, ...]


def queue_story(desk: AlibabaDesk) -> QueueSeen:
    """Send a small message and the largest one. Raises: Untried, CallLost."""
    part = desk.need(desk.sandbox.smq, "smq")
    title = "the queue: two messages, which are deleted again"
    mark = new_mark()
    ours = f"{_OURS}{mark}"
    with desk.change(Changed(KIND, title, {"account": part.account, "queue": part.queue, "mark": mark})):
        plain = f"{ours} {uuid.uuid4().hex}"
        text = base64.b64encode(plain.encode()).decode()
        small = _send(desk.api, part.account, part.queue, text)
        confirmed = next(smq_wire.elements(small.body, "Message"), {}).get("MessageBodyMD5", "").upper()
        of = {_md5(text): "the body as sent", _md5(plain): "the decoded body"}.get(confirmed, "neither")
        largest = ours.ljust(_LARGEST, ".")
        large = _send(desk.api, part.account, part.queue, base64.b64encode(largest.encode()).decode())
        hidden, deletions = _received(desk.api, part.account, part.queue, ours)
    return QueueSeen(_said(small), of, _said(large), hidden, deletions)


def _received(api: AlibabaApi, account: str, queue: str, ours: str) -> tuple[bool, tuple[int, ...]]:
    """Whether a received message is hidden, and the statuses of two deletions with its handle, the second one late."""
    got = _ours(_ask(api, "GET", account, queue, "?numOfMessages=16&waitseconds=0"), ours)
    if not got:
        return False, ()
    id_, handle = got[0].get("MessageId"), got[0].get("ReceiptHandle", "")
    again = _ours(_ask(api, "GET", account, queue, "?numOfMessages=16&waitseconds=0"), ours)
    deletions = tuple(_ask(api, "DELETE", account, queue, f"?ReceiptHandle={handle}").status for _ in range(2))
    for one in got[1:]:
        _ask(api, "DELETE", account, queue, f"?ReceiptHandle={one.get('ReceiptHandle', '')}")
    return all(one.get("MessageId") != id_ for one in again), deletions


def _ours(answer: HttpAnswer, begin: str) -> list[dict[str, str]]:
    """The messages in an answer that begin with the mark, each with a handle that fits into a query."""
    found = smq_wire.elements(answer.body, "Message") if answer.status == 200 else ()
    packed = base64.b64encode(begin.encode()).decode()
    ours = [one for one in found if one.get("MessageBody", "").startswith(packed)]
    return [one for one in ours if smq_wire.usable_handle(one.get("ReceiptHandle", ""))]


def _send(api: AlibabaApi, account: str, queue: str, text: str) -> HttpAnswer:
    return _ask(api, "POST", account, queue, "", smq_wire.message_xml(text, 0))


def _ask(api: AlibabaApi, method: str, account: str, queue: str, query: str, body: bytes = b"") -> HttpAnswer:
    target, keys = f"/queues/{queue}/messages{query}", api.keys
    headers = smq_wire.signed_headers(method, target, body, id_=keys["id"], key=keys["key"], token=keys.get("token"))
    return send(method, f"{account}.mns.{api.region}.aliyuncs.com", target, headers, body, endpoint=api.endpoint)


def remove_messages(api: AlibabaApi, what: Changed) -> None:
    """Delete the messages of the change. Other messages return when their lease ends. Raises: CallLost."""
    account, queue = what.ids["account"], what.ids["queue"]
    for _ in range(_MOST_BATCHES):
        answer = _ask(api, "GET", account, queue, "?numOfMessages=16&waitseconds=0")
        if answer.status != 200:
            return
        for one in _ours(answer, f"{_OURS}{what.ids['mark']}"):
            _ask(api, "DELETE", account, queue, f"?ReceiptHandle={one['ReceiptHandle']}")


def _said(answer: HttpAnswer) -> Said:
    if answer.status == 201:
        return Said()
    return Said(next(smq_wire.elements(answer.body, "Error"), {}).get("Code") or "no code", answer.status)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def _refused_for_another_reason(message: Said) -> None:
    """Raises: Untried: a message was refused because of the sandbox file, or for a temporary reason."""
    if message.code.startswith(_MISTAKES) or passes(message.code) or message.status in (429, 503):
        raise Untried(f"a message was refused for another reason: {message}")


def _temporary_keys(desk: AlibabaDesk) -> Finding:
    if not desk.api.keys.get("token"):
        raise Untried("these are no temporary keys: use the keys of a role")
    _refused_for_another_reason(desk.once(queue_story).small)
    told = f"a message with temporary keys, the token in a header that is not signed: {desk.once(queue_story).small}"
    return Holds(told) if desk.once(queue_story).small.taken else Differs("accepted", told)


def _digest(desk: AlibabaDesk) -> Finding:
    seen = desk.once(queue_story)
    if not seen.small.taken:
        raise Untried(f"a message was refused: {seen.small}")
    _refused_for_another_reason(seen.large)
    told = f"the digest covers {seen.digest_is_of}; 48 KB as 64 KB of base64: {seen.large}"
    as_expected = seen.digest_is_of == "the body as sent" and seen.large.taken
    return Holds(told) if as_expected else Differs("the digest covers the body as sent; 48 KB are accepted", told)


def _hidden(desk: AlibabaDesk) -> Finding:
    seen = desk.once(queue_story)
    if not seen.deletions:
        raise Untried(f"no message arrived: {seen.small}")
    told = f"a received message is hidden: {'yes' if seen.hidden else 'no'}; deleted twice by its handle: " + ", ".join(
        str(one) for one in seen.deletions
    )
    as_expected = seen.hidden and seen.deletions[0] == 204 and seen.deletions[1] >= 400
    return Holds(told) if as_expected else Differs("hidden; 204, then an error", told)


CHECKS: tuple[AlibabaCheck, ...] = (
    AlibabaCheck("Q1", _temporary_keys),
    AlibabaCheck("Q5", _digest),
    AlibabaCheck("Q6", _hidden),
)
