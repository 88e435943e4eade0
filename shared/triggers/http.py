"""HTTP calls: SCF function URL and its API gateway, FC 3.0 HTTP trigger and Alibaba's API gateway.

keyturn reads only the method, a few headers and the body, never the query string. Neither `requestContext` nor a
header proves who called: a direct invocation can send an event of the same shape.
"""

import re
from collections.abc import Collection

from shared.runtime.message_signing import Keys
from shared.runtime.tracing import traceparent, tracestate
from shared.triggers.commands import MAX_LIST, EventOrigin, Events, commands, is_event
from shared.triggers.decoding import NotJson, flaw, from_base64, parse
from shared.triggers.delivery import Delivery, Trigger
from shared.triggers.envelopes import record_of

_JSON, _EVENT, _BATCH = "application/json", "application/cloudevents+json", "application/cloudevents-batch+json"


def is_call(event: dict[str, object], fields: Collection[str], *, raw: bool) -> bool:
    """Whether `event` is an HTTP call. A function URL's event has no `requestContext`, FC's has no `httpMethod`.

    `raw`: the event came as bytes or text. Topics may deliver bare messages in this form (FC's streams, raw event
    buses), so a raw event needs every mark of a gateway's event. A message that copies all the marks looks like a
    call. An event with one of the command's `fields`, or in a queue's envelope, is a message.
    """
    if any(name in fields for name in event) or record_of(event) is not None or is_event(event):
        return False
    if "httpMethod" not in event:
        return _is_fc_call(event)
    if not raw:
        return "headers" in event or "path" in event
    path, queries = event.get("path"), ("queryString", "queryStringParameters", "queryParameters")
    return (
        isinstance(event["httpMethod"], str)
        and isinstance(path, str)
        and path.startswith("/")
        and isinstance(event.get("headers"), dict)
        and any(isinstance(event.get(name), dict) for name in queries)
    )


def _is_fc_call(event: dict[str, object]) -> bool:
    """Whether `event` has all marks of FC's HTTP trigger. Source: FC's page http-trigger-invoking-function, 2026-04."""
    context, http, path = event.get("requestContext"), _http(event), event.get("rawPath")
    return (
        event.get("version") == "v1"
        and isinstance(path, str)
        and path.startswith("/")
        and isinstance(event.get("headers"), dict)
        and isinstance(context, dict)
        and all(isinstance(context.get(name), str) for name in ("requestId", "domainName"))
        and isinstance(http, dict)
        and all(isinstance(http.get(name), str) for name in ("method", "path", "protocol"))
    )


def read_call(event: dict[str, object], *, request_id: str, keys: Keys = ()) -> Delivery:
    """The commands of one call, or why it is refused."""
    headers = _headers(event)
    parent = traceparent(_only(headers, "traceparent"))  # several headers: begin a new trace, as W3C Trace Context says
    state = tracestate(",".join(headers.get("tracestate", []))) if parent else None
    asynchronous = _first(headers, "x-fc-invocation-type").lower() == "async"

    def refuse(status: int, reason: str) -> Delivery:
        return Delivery(
            Trigger.HTTP, (), asynchronous=asynchronous, refused=(status, reason), traceparent=parent, tracestate=state
        )

    if _method(event) != "POST":
        return refuse(405, "only POST is allowed")
    # A call without a content type passes: its body must be JSON in any case, see below.
    kind = _first(headers, "content-type", _JSON).partition(";")[0].strip().lower()
    if kind not in (_JSON, _EVENT, _BATCH):
        return refuse(415, "content type must be application/json")
    try:
        key = _idempotency_key(headers.get("idempotency-key"))
        value = _value(event, headers, kind)
    except NotJson as error:
        return refuse(400, str(error))
    origin = EventOrigin(key or request_id, named=bool(key), traceparent=parent, tracestate=state, keys=keys)
    messages = commands(value, origin, "body", events=Events.MAY if kind == _JSON else Events.MUST)
    many = isinstance(value, list) or len(messages) > 1  # a CloudEvent's data may be a list, too
    return Delivery(Trigger.HTTP, messages, many=many, asynchronous=asynchronous)


def _value(event: dict[str, object], headers: dict[str, list[str]], kind: str) -> object:
    """The value of the body. With CloudEvents attributes in headers: the event of both. Raises: NotJson."""
    if rule := flaw(event):
        raise NotJson(f"call {rule}")
    problem: str | None = None
    try:
        value = parse(_body(event))
        problem = None if isinstance(value, list) else flaw(value)  # one bad element of a list must not stop the others
    except NotJson as error:
        problem = str(error)
    if problem is None and not isinstance(value, (dict, list)):
        problem = "is neither a JSON object nor a list of them"
    elif problem is None and isinstance(value, list) and not 1 <= len(value) <= MAX_LIST:
        problem = f"is an empty list or a list of more than {MAX_LIST} commands"
    elif problem is None and kind != _JSON and isinstance(value, list) != (kind == _BATCH):
        problem = "is not a list of CloudEvents" if kind == _BATCH else "is not a CloudEvent"
    if problem is not None:
        raise NotJson(f"body {problem}")
    if kind == _JSON and any(name.startswith("ce-") for name in headers):
        from shared.triggers.binary import http_attributes

        try:
            attributes = http_attributes(headers.items())
            return {**attributes, "data": value} if attributes else value
        except NotJson as error:
            problem = str(error)
        raise NotJson(f"call {problem}")
    return value


def _idempotency_key(values: list[str] | None) -> str | None:
    """The Idempotency-Key; None without the header. Quoted text with optional parameters, or bare as many send it.

    Source: draft-ietf-httpapi-idempotency-key-header-06: a String of RFC 9651, 3.3.3. Raises: NotJson.
    """
    if values is None:
        return None
    given = values[0].strip(" \t") if len(values) == 1 else ""
    # FC's gateway joins two headers by a comma.
    key = given if re.fullmatch(r"[ !#-+\--~]*", given) else ""
    if '"' in given:
        text, token = r'"((?:[ !#-\[\]-~]|\\["\\])*)"', r"[A-Za-z*][!#$%&'*+.^_`|~:/0-9A-Za-z-]*"
        others = r"-?\d{1,15}(?:\.\d{1,3})?|:[A-Za-z0-9+/=]*:|\?[01]|@-?\d{1,15}"
        shown = '%"(?:[ !#$&-~]|%[0-9a-f]{2})*"'
        item = f"{text}|{shown}|{token}|{others}"
        found = re.fullmatch(rf"{text}(?:; *[a-z*][a-z0-9_.*-]*(?:=(?:{item}))?)*", given, re.ASCII)
        key = re.sub(r"\\(.)", r"\1", found[1]) if found else ""
    if not key:
        raise NotJson("header Idempotency-Key must be one string: bare ASCII without a comma, or text in double quotes")
    return key


def _http(event: dict[str, object]) -> object:
    context = event.get("requestContext")
    return context.get("http") if isinstance(context, dict) else None


def _method(event: dict[str, object]) -> str:
    http = _http(event)
    # Never requestContext.httpMethod: that is the route's method, and may be ANY.
    method = event.get("httpMethod") or (http.get("method") if isinstance(http, dict) else None)
    return method.upper() if isinstance(method, str) else ""


def _headers(event: dict[str, object]) -> dict[str, list[str]]:
    """The values of each header, by lower-case name."""
    given = event.get("headers")
    headers: dict[str, list[str]] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        values = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
        if isinstance(name, str) and values:
            headers.setdefault(name.lower(), []).extend(values)
    return headers


def _first(headers: dict[str, list[str]], name: str, default: str = "") -> str:
    return headers.get(name, [default])[0].strip()


def _only(headers: dict[str, list[str]], name: str) -> str | None:
    values = headers.get(name, [])
    return values[0].strip(" \t") if len(values) == 1 else None


def _body(event: dict[str, object]) -> str:
    body = event.get("body")
    if body is None or body == "":
        raise NotJson("is empty")
    if not isinstance(body, str):
        raise NotJson("is not text")
    encoded = event.get("isBase64Encoded")
    if encoded is True or (isinstance(encoded, str) and encoded.lower() == "true"):
        return from_base64(body)
    return body
