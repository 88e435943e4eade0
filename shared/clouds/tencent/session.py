"""Tencent Cloud through its official client: hosts, keys, and what avoids the client's defects.

Source: tencentcloud-sdk-python-common 3.1.195. Its defects, and what this module does:
- It takes an error for success unless the content type is exactly `application/json` or `text/plain`. This module looks
  for the answer's `Error` itself.
- Its retryers repeat calls that worked. This module sets no retryer.
- It follows redirects. `one_host` stops that.
- Its credential chain does not know SCF's variables. This module passes the keys.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.clouds.error_classification import error_from_code, error_if_never_sent
from shared.clouds.one_host import hold
from shared.clouds.session import Session
from shared.clouds.tencent.error_codes import TENCENT_CODES
from shared.runtime import lazy_import, redaction
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import Ambiguous, KeyturnError, clean_code
from shared.runtime.tls import ca_path

_CONNECT_S = 3.0

PAGE = 100
"""The most rows that a service here gives in one page of a list."""
_MOST_PAGES = 50

# The client's own codes, for a call without a readable answer of the API.
_CLIENT_CODES = {"ClientNetworkError", "ServerNetworkError", "ClientError", "ClientParamsError"}

# For encodings other than UTF-8, host names that are not ASCII, and files. They load if an answer needs them.
_LATE = {"charset_normalizer", "configparser", "idna", "logging.handlers", "zipfile"}

# Idle clients with their open connections, kept between invocations. Each use sets the keys again.
_idle: dict[tuple[str, ...], list[Any]] = {}
_idle_lock = threading.Lock()


def host(service: str, region: str, site: str) -> str:
    """The host of a service. A financial zone has a host of its own; the international site has another domain.

    Source: ModfiyInstancePassword (2018-04-12), note on financial zones; tencentcloud.com document 239/32044.
    """
    if region.endswith("-fsi"):
        return f"{service}.{region}.tencentcloudapi.com"
    return f"{service}.intl.tencentcloudapi.com" if site == "intl" else f"{service}.tencentcloudapi.com"


class TencentSession(Session):
    """One product's API at one site and region. `client_class`: imports and returns the product's client class."""

    cloud = "tencent"

    def __init__(
        self, access: CloudAccess, region: str, site: str, service: str, client_class: Callable[[], Any]
    ) -> None:
        super().__init__(access, region)
        self._host = host(service, region, site)
        self._client_class = client_class
        self._service = service

    def _client(self, key: tuple[str, ...]) -> Any:
        with _idle_lock:
            if idle := _idle.get(key):
                return idle.pop()
        with lazy_import.deferred(_late):
            from tencentcloud.common.credential import Credential
            from tencentcloud.common.profile.client_profile import ClientProfile
            from tencentcloud.common.profile.http_profile import HttpProfile

            client_class = self._client_class()

        endpoint, trusted = self.access.endpoint, self._trusted
        if endpoint and endpoint.startswith("https://"):
            http = HttpProfile(endpoint=endpoint.removeprefix("https://"), certification=trusted)
        elif endpoint:  # loopback: the request names and signs the real host, and goes to the endpoint as its proxy
            http = HttpProfile(protocol="http", endpoint=self._host, proxy=endpoint)
        else:
            http = HttpProfile(endpoint=self._host, certification=trusted)
        profile = ClientProfile(httpProfile=http, signMethod="TC3-HMAC-SHA256", language="en-US")
        client = client_class(Credential("-", "-"), self.region, profile)
        hold(client.request.conn._session)
        return client

    def pages(self, action: str, ids: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
        """Every row of a list that comes in pages. `name`: the field with the rows. Raises: as `read`."""
        following: int | None = 0
        while following is not None:
            found, following = self.page(action, ids, name, following)
            yield from found

    def page(
        self, action: str, ids: Mapping[str, Any], name: str, offset: int
    ) -> tuple[list[Mapping[str, Any]], int | None]:
        """The rows of one page, and the offset of the next page; None: this is the last. Raises: as `read`."""
        answer = self.read(action, {**ids, "Limit": PAGE, "Offset": offset})
        found, following = rows(answer, name), offset + PAGE
        ends = is_last_page(found, offset, answer) or following >= _MOST_PAGES * PAGE
        return found, None if ends else following

    @property
    def _key(self) -> tuple[str, ...]:
        return (self._service, self._host, self.access.endpoint or "", self._trusted or "")

    @property
    def _trusted(self) -> str | None:
        return ca_path(self.access.endpoint, self.access.ca_file)

    def _load(self) -> None:
        _keep(self._key, self._client(self._key))

    def _send(self, action: str, ids: dict[str, Any], secrets: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        key = self._key
        client = self._client(key)
        keys = self.access.keys
        client.credential = type(client.credential)(
            keys.id, keys.key.reveal(), keys.token.reveal() if keys.token else None
        )
        client.region = self.region  # one host serves many regions
        client.request.conn.timeout = (min(_CONNECT_S, timeout_s), timeout_s)
        redaction.guard_logs()
        envelope: Any = None
        failure: BaseException | None = None
        handled = sys.exc_info()[1]
        try:
            envelope = client.call_json(action, {**ids, **secrets})
        # After any exception of the client, `requests` or `json` the call may have had its effect.
        except Exception as error:
            failure = error
        if failure is None or _is_answer(failure):  # the whole answer was read
            _keep(key, client)
        else:  # the idle connections may be broken, too: the next call opens a new one
            _forget(key)
        if failure is None:
            return _unwrap(action, envelope)
        raise _failed(action, failure, handled) from None


def rows(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The rows in a field of an answer; none if the field has another shape."""
    value = answer.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def is_last_page(found: list[Mapping[str, Any]], offset: int, answer: Mapping[str, Any]) -> bool:
    """Whether these rows are the last. A full page without a readable total is not the last."""
    total = answer.get("TotalCount")
    return offset + PAGE >= total if found and isinstance(total, int) else len(found) < PAGE


def _keep(key: tuple[str, ...], client: Any) -> None:
    with _idle_lock:
        _idle.setdefault(key, []).append(client)


def _forget(key: tuple[str, ...]) -> None:
    with _idle_lock:
        _idle.pop(key, None)


def _late(module: str) -> bool:
    """Whether the client imports this module although a call by `call_json`, with given keys, does not use it."""
    product_models = module.startswith("tencentcloud.") and module.endswith(".models")
    return product_models or module in _LATE


def _is_answer(failure: BaseException) -> bool:
    """Whether a client's failure is an error in an answer of the API."""
    code = getattr(failure, "code", None)
    return isinstance(code, str) and code not in _CLIENT_CODES and bool(getattr(failure, "requestId", None))


def _failed(action: str, failure: BaseException, handled: BaseException | None) -> KeyturnError:
    code = getattr(failure, "code", None)
    if _is_answer(failure):
        return error_from_code(TENCENT_CODES, action, code, str(getattr(failure, "requestId", None)))
    if (unsent := error_if_never_sent(action, failure, handled)) is not None:
        return unsent
    shown = clean_code(code) if code else type(failure).__name__
    return Ambiguous(f"{action} got no readable answer ({shown})", code=shown)


def _unwrap(action: str, envelope: Any) -> dict[str, Any]:
    answer = envelope.get("Response") if isinstance(envelope, dict) else None
    if not isinstance(answer, dict):
        raise Ambiguous(f"{action} got an answer without a Response", code="NoResponse")
    request_id = answer.get("RequestId")
    if isinstance(error := answer.get("Error"), dict):
        known_id = request_id if isinstance(request_id, str) else None
        raise error_from_code(TENCENT_CODES, action, error.get("Code"), known_id)
    return answer
