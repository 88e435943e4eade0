"""HTTP calls: SCF function URL and its API gateway, FC 3.0 HTTP trigger and Alibaba's API gateway.

Only what the command needs is read: method, four headers, body. The query string is never read, and neither
`requestContext` nor a header proves who called (a plain invocation can have this very shape).
"""

from collections.abc import Collection

from shared.runtime.message_signing import Keys
from shared.runtime.tracing import traceparent, tracestate
from shared.triggers.commands import MAX_LIST, EventOrigin, commands, is_event
from shared.triggers.decoding import NotJson, flaw, from_base64, parse
from shared.triggers.delivery import Delivery, Trigger
from shared.triggers.envelopes import record_of

_JSON = ("application/json", "application/cloudevents+json")


def is_call(event: dict[str, object], fields: Collection[str], *, raw: bool) -> bool:
    """Whether `event` is an HTTP call; a function URL's has no `requestContext`, FC's no `httpMethod`.

    `raw`: it came as bytes or text. A topic may deliver its bare messages so (FC's streams, raw event buses), so every
    mark of a gateway's event is wanted. A message that copies them all cannot be told from a call; one that has a
    command's own `fields`, or a queue's envelope, is a message.
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
    """The marks of FC's own HTTP trigger, all of which its page shows (http-trigger-invoking-function, 2026-04)."""
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
    parent = traceparent(headers.get("traceparent"))
    asynchronous = headers.get("x-fc-invocation-type", "").strip().lower() == "async"

    def refuse(status: int, reason: str) -> Delivery:
        return Delivery(Trigger.HTTP, (), asynchronous=asynchronous, refused=(status, reason), traceparent=parent)

    if _method(event) != "POST":
        return refuse(405, "only POST is answered")
    # None at all passes: what these gateways hand over without one is JSON or refused below.
    if headers.get("content-type", _JSON[0]).partition(";")[0].strip().lower() not in _JSON:
        return refuse(415, "content type must be application/json")
    try:
        value = parse(_body(event))
    except NotJson as error:
        return refuse(400, f"body {error}")
    rule = flaw(value)
    if rule:
        return refuse(400, f"body {rule}")
    if not isinstance(value, (dict, list)):
        return refuse(400, "body is neither a JSON object nor a list of them")
    if isinstance(value, list) and not 1 <= len(value) <= MAX_LIST:
        return refuse(400, f"body is a list of none or of more than {MAX_LIST} commands")
    # The draft standard has the key in quotes, most senders do not: both name the same change.
    key = headers.get("idempotency-key", "").strip().strip('"')
    state = tracestate(headers.get("tracestate")) if parent else None
    origin = EventOrigin(key or request_id, named=bool(key), traceparent=parent, tracestate=state, keys=keys)
    messages = commands(value, origin, "body")
    many = isinstance(value, list) or len(messages) > 1  # a CloudEvent's data may be a list, too
    return Delivery(Trigger.HTTP, messages, many=many, asynchronous=asynchronous)


def _http(event: dict[str, object]) -> object:
    context = event.get("requestContext")
    return context.get("http") if isinstance(context, dict) else None


def _method(event: dict[str, object]) -> str:
    http = _http(event)
    # Never requestContext.httpMethod: that is the route's, and may be ANY.
    method = event.get("httpMethod") or (http.get("method") if isinstance(http, dict) else None)
    return method.upper() if isinstance(method, str) else ""


def _headers(event: dict[str, object]) -> dict[str, str]:
    """Lower-case names; of a repeated header the first value."""
    given = event.get("headers")
    headers: dict[str, str] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(name, str) and isinstance(first, str):
            headers.setdefault(name.lower(), first)
    return headers


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
