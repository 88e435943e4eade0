"""One call of either cloud's API with the caller's own keys, by the vendors' official clients.

Nothing of keyturn's own reading of answers is used: what it believes is what is being looked at.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from shared.clouds.tencent.session import host
from shared.workbench.verify.callers import CallerRefused, complaint, passes

_TIMEOUT_S = 30.0
TENCENT_VERSIONS = {
    "redis": "2018-04-12",
    "tcr": "2019-09-24",
    "ssm": "2019-09-23",
    "scf": "2018-04-16",
    "ckafka": "2019-08-19",
}
ALIBABA_VERSIONS = {"r-kvstore": "2015-01-01", "kms": "2016-01-20", "FC": "2023-03-30"}
_TENCENT_CALLS_PER_S, _ALIBABA_CALLS_PER_S = 20.0, 5.0


class CallRefused(Exception):
    """The cloud refused a call; `code` is its own, `status` HTTP's. Never holds what was sent."""

    def __init__(self, action: str, code: str, status: int) -> None:
        super().__init__(f"{action}: {code}")
        self.action = action
        self.code = code
        self.status = status


class CallLost(Exception):
    """A call got no readable answer; it may have had its effect."""

    def __init__(self, action: str, failure: BaseException) -> None:
        super().__init__(f"{action}: no answer ({type(failure).__name__})")
        self.action = action


_READS = ("Describe", "List", "Get")
_UNCLEAR = ("InternalError", "FailedOperation", "ServiceUnavailable")


class Effects:
    """How many calls may have changed something: taken, lost, or refused in a way that proves nothing."""

    count = 0

    def __init__(self) -> None:
        self.passing: list[str] = []
        """The codes of refusals that are about the moment alone."""

    def lost_or_taken(self, action: str) -> None:
        """A call was taken, or got no answer."""
        self.count += not action.startswith(_READS)

    def refusal(self, refused: CallRefused, *, altered: bool) -> CallRefused | CallerRefused:
        """What to raise of a refusal; `altered`: its keys or headers were not the caller's own."""
        if passes(refused.code):
            self.passing.append(refused.code)
        if altered or refused.status >= 500 or refused.code.startswith(_UNCLEAR):
            self.lost_or_taken(refused.action)
        if not altered and complaint(refused.code):
            return CallerRefused(refused.action, refused.code, refused.status)
        return refused


class _Pace:
    """Keeps calls of one action apart, so that none comes faster than the published rate."""

    def __init__(self, calls_per_s: float) -> None:
        self._apart_s = 1.0 / calls_per_s
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, action: str) -> None:
        with self._lock:
            now = time.monotonic()
            due = max(now, self._next.get(action, now))
            self._next[action] = due + self._apart_s
        time.sleep(due - now)


class TencentApi:
    """Tencent Cloud: one region and site unless a call says otherwise."""

    cloud = "tencent"

    def __init__(self, keys: Mapping[str, str], region: str, site: str, endpoint: str) -> None:
        """`keys`: id, key and perhaps token. `endpoint`: as KEYTURN_TENCENT_ENDPOINT, or empty."""
        self.region, self.site = region, site
        self.keys, self.endpoint = dict(keys), endpoint
        self.effects = Effects()
        self._pace = _Pace(_TENCENT_CALLS_PER_S)

    def call(
        self,
        service: str,
        action: str,
        parameters: Mapping[str, Any],
        *,
        region: str = "",
        endpoint_host: str = "",
        keys: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The content of `Response`. `keys` replace single ones, and a refusal may then be about them.

        Raises: CallRefused, CallLost, CallerRefused.
        """
        from tencentcloud.common.common_client import CommonClient
        from tencentcloud.common.credential import Credential
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
        from tencentcloud.common.profile.client_profile import ClientProfile
        from tencentcloud.common.profile.http_profile import HttpProfile

        self._pace.wait(action)
        where = region or self.region
        place = endpoint_host or host(service, where, self.site)
        if self.endpoint.startswith("https://"):
            http = HttpProfile(endpoint=self.endpoint.removeprefix("https://"))
        elif self.endpoint:  # loopback: the real host is signed and sent, the connection goes through the "proxy"
            http = HttpProfile(protocol="http", endpoint=place, proxy=self.endpoint)
        else:
            http = HttpProfile(endpoint=place)
        http.reqTimeout = int(_TIMEOUT_S)
        with_keys = {**self.keys, **(keys or {})}
        credential = Credential(with_keys["id"], with_keys["key"], with_keys.get("token"))
        profile = ClientProfile(httpProfile=http, signMethod="TC3-HMAC-SHA256")
        client = CommonClient(service, TENCENT_VERSIONS[service], credential, where, profile)
        failure: Exception | None = None
        envelope: Any = None
        try:
            envelope = client.call_json(action, dict(parameters))
        # Whatever the client raises: its text may hold what was sent.
        except Exception as error:
            failure = error
        if isinstance(failure, TencentCloudSDKException) and failure.requestId:
            raise self.effects.refusal(CallRefused(action, str(failure.code), 200), altered=keys is not None) from None
        if failure is not None:
            self.effects.lost_or_taken(action)
            raise CallLost(action, failure) from None
        answer: dict[str, Any] = envelope["Response"]
        if "Error" in answer:  # the client takes an error for success where the content type has a charset
            refused = CallRefused(action, str(answer["Error"].get("Code")), 200)
            raise self.effects.refusal(refused, altered=keys is not None)
        self.effects.lost_or_taken(action)
        return answer

    def refusal(self, service: str, action: str, parameters: Mapping[str, Any], **how: Any) -> str:
        """The code that refuses a call, empty where it was taken; `how`: as `call` takes it.

        Raises: CallLost, CallerRefused.
        """
        try:
            self.call(service, action, parameters, **how)
        except CallRefused as refused:
            return refused.code
        return ""


class AlibabaApi:
    """Alibaba Cloud: one region."""

    cloud = "alibaba"

    def __init__(self, keys: Mapping[str, str], region: str, endpoint: str) -> None:
        """`keys`: id, key and perhaps token. `endpoint`: as KEYTURN_ALIBABA_ENDPOINT, or empty."""
        self.region = region
        self.keys, self.endpoint = dict(keys), endpoint
        self.effects = Effects()
        self._pace = _Pace(_ALIBABA_CALLS_PER_S)

    def call(
        self,
        service: str,
        action: str,
        query: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        *,
        keys: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """An RPC call's body; `form` travels in the request's body, as secrets do.

        `keys` and `headers` replace single ones: a token, a date, a nonce; a refusal may then be about them.
        Raises: CallRefused, CallLost, CallerRefused.
        """
        form = dict(form) if form else None
        return self._send(service, action, "POST", "/", "RPC", dict(query), form, keys, headers)

    def call_function(
        self, action: str, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """A ROA call of Function Compute. `path` begins with the version. Raises: CallRefused, CallLost."""
        return self._send("FC", action, method, path, "ROA", dict(query), dict(body) if body is not None else None)

    def invoke(self, function: str, event: bytes) -> tuple[bytes, dict[str, str]]:
        """What a function returned, and the answer's headers by lower-case name, the end of its log among them.

        Raises: CallRefused, CallLost.
        """
        from alibabacloud_fc20230330 import models
        from darabonba.runtime import RuntimeOptions

        self._pace.wait("InvokeFunction")
        request = models.InvokeFunctionRequest(body=BytesIO(event))
        headers = models.InvokeFunctionHeaders(x_fc_log_type="Tail")

        def ask() -> Any:
            return self._client("FC", None).invoke_function_with_options(function, request, headers, RuntimeOptions())

        answer = self._answered("InvokeFunction", ask, altered=False)
        return answer.body.read(), {str(name).lower(): str(value) for name, value in answer.headers.items()}

    def _send(
        self,
        service: str,
        action: str,
        method: str,
        path: str,
        style: str,
        query: dict[str, str],
        body: dict[str, Any] | None,
        keys: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
        from darabonba.runtime import RuntimeOptions

        self._pace.wait(action)
        parameters = Params(
            action=action,
            version=ALIBABA_VERSIONS[service],
            protocol="HTTPS",
            pathname=path,
            method=method,
            auth_type="AK",
            style=style,
            req_body_type="json" if style == "ROA" else "formData",
            body_type="json",
        )
        request = OpenApiRequest(headers=dict(headers or {}), query=query, body=body)
        altered = keys is not None or headers is not None

        def ask() -> Any:
            return self._client(service, keys).call_api(parameters, request, RuntimeOptions())

        answer = self._answered(action, ask, altered=altered)
        got = answer.get("body")
        return got if isinstance(got, dict) else {}

    def host(self, service: str) -> str:
        """The host of a product by its client's table."""
        return str(self._client(service, None)._endpoint)

    def _client(self, service: str, keys: Mapping[str, str] | None) -> Any:
        from alibabacloud_tea_openapi.utils_models import Config

        with_keys = {**self.keys, **(keys or {})}
        config = Config(
            access_key_id=with_keys["id"],
            access_key_secret=with_keys["key"],
            security_token=with_keys.get("token"),
            region_id=self.region,
            protocol="HTTPS",
            read_timeout=int(_TIMEOUT_S * 1000),
        )
        if self.endpoint.startswith("http://"):
            config.protocol, config.http_proxy = "HTTP", self.endpoint
        elif self.endpoint:
            config.endpoint = self.endpoint.removeprefix("https://")
        if service == "r-kvstore":  # each product's own client knows its hosts
            from alibabacloud_r_kvstore20150101.client import Client
        elif service == "FC":
            from alibabacloud_fc20230330.client import Client
        else:
            from alibabacloud_tea_openapi.client import Client

            config.endpoint = config.endpoint or f"{service}.{self.region}.aliyuncs.com"
        return Client(config)

    def _answered(self, action: str, ask: Callable[[], Any], *, altered: bool) -> Any:
        """What the client gives. Raises: CallRefused, CallLost, CallerRefused."""
        failure: Exception | None = None
        answer: Any = None
        try:
            answer = ask()
        # Whatever the client raises: its text may hold what was sent.
        except Exception as error:
            failure = error
        status = getattr(failure, "status_code", None)
        if isinstance(status, int):
            refused = CallRefused(action, str(getattr(failure, "code", "")), status)
            raise self.effects.refusal(refused, altered=altered) from None
        self.effects.lost_or_taken(action)
        if failure is not None:
            raise CallLost(action, failure) from None
        return answer
