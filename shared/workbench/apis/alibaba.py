"""One call of Alibaba Cloud's API with the caller's own keys, by the vendor's official clients.

This code does not use keyturn's code for reading answers, because `verify` checks what that code believes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from shared.clouds.one_host import hold_all
from shared.workbench.apis.calls import TIMEOUT_S, CallLost, CallRefused, Effects, Pace

ALIBABA_VERSIONS = {
    "r-kvstore": "2015-01-01",
    "kms": "2016-01-20",
    "FC": "2023-03-30",
    "ram": "2015-05-01",
    "sts": "2015-04-01",
    "eventbridge-console": "2020-04-01",
    "mns-open": "2022-01-19",
}
_CALLS_PER_S = 5.0


def config_of(keys: Mapping[str, str], region: str, endpoint: str, timeout_s: float) -> Any:
    """The settings of every client of the vendor. `endpoint`: where to call instead of the product's host, or empty."""
    from alibabacloud_tea_openapi.utils_models import Config
    from darabonba import core

    hold_all(core)
    config = Config(
        access_key_id=keys["id"],
        access_key_secret=keys["key"],
        security_token=keys.get("token"),
        region_id=region,
        protocol="HTTPS",
        read_timeout=int(timeout_s * 1000),
    )
    if endpoint.startswith("http://"):
        config.protocol, config.http_proxy = "HTTP", endpoint
    elif endpoint:
        config.endpoint = endpoint.removeprefix("https://")
    return config


class AlibabaApi:
    """Alibaba Cloud's API in one region."""

    cloud = "alibaba"

    def __init__(self, keys: Mapping[str, str], region: str, endpoint: str) -> None:
        """`keys`: id, key and perhaps token. `endpoint`: as KEYTURN_ALIBABA_ENDPOINT, or empty."""
        self.region = region
        self.keys, self.endpoint = dict(keys), endpoint
        self.effects = Effects()
        self._pace = Pace(_CALLS_PER_S)

    def in_region(self, region: str) -> AlibabaApi:
        """The same caller in another region."""
        return self if region == self.region else AlibabaApi(self.keys, region, self.endpoint)

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
        """The body of an RPC call's answer. `form` travels in the body of the request, as secrets must.

        `keys` and `headers` replace single values, for example a token, a date or a nonce. A refusal may then be about
        them.
        Raises: CallRefused, CallLost, CallerRefused.
        """
        form = dict(form) if form else None
        return self._send(service, action, "POST", "/", "RPC", dict(query), form, keys, headers)

    def call_function(
        self, action: str, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """A ROA call of Function Compute. `path` begins with the API version. Raises: CallRefused, CallLost."""
        return self._send("FC", action, method, path, "ROA", dict(query), dict(body) if body is not None else None)

    def invoke(self, function: str, event: bytes) -> tuple[bytes, dict[str, str]]:
        """What a function returned, and the answer's headers by lower-case name.

        A header holds the end of the function's log.

        Raises: CallRefused, CallLost.
        """
        from alibabacloud_fc20230330 import models
        from darabonba.runtime import RuntimeOptions

        self._pace.wait("InvokeFunction")
        request = models.InvokeFunctionRequest(body=BytesIO(event))
        headers = models.InvokeFunctionHeaders(x_fc_log_type="Tail")

        def ask() -> Any:
            return self._client("FC", None).invoke_function_with_options(function, request, headers, RuntimeOptions())

        answer = self._answered("FC", "InvokeFunction", ask, altered=False)
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
            found = self._client(service, keys).call_api(parameters, request, RuntimeOptions())
            if found["statusCode"] >= 300:  # a redirect: the client does not follow it, and it is no answer of the API
                raise ConnectionError("a redirect")
            return found

        answer = self._answered(service, action, ask, altered=altered)
        got = answer.get("body")
        return got if isinstance(got, dict) else {}

    def host(self, service: str) -> str:
        """The host of a product, from its client's table."""
        return str(self._client(service, None)._endpoint)

    def _client(self, service: str, keys: Mapping[str, str] | None) -> Any:
        config = config_of({**self.keys, **(keys or {})}, self.region, self.endpoint, TIMEOUT_S)
        if service == "r-kvstore":  # the product's own client knows the hosts
            from alibabacloud_r_kvstore20150101.client import Client
        elif service == "FC":
            from alibabacloud_fc20230330.client import Client
        else:
            from alibabacloud_tea_openapi.client import Client

            place = service if service in ("ram", "sts") else f"{service}.{self.region}"  # these two have one host
            config.endpoint = config.endpoint or f"{place}.aliyuncs.com"
        return Client(config)

    def _answered(self, service: str, action: str, ask: Callable[[], Any], *, altered: bool) -> Any:
        """What the client returns. Raises: CallRefused, CallLost, CallerRefused."""
        failure: Exception | None = None
        answer: Any = None
        try:
            answer = ask()
        # The client may raise anything. Its text may hold the request.
        except Exception as error:
            failure = error
        status = getattr(failure, "status_code", None)
        if isinstance(status, int):
            refused = CallRefused(action, str(getattr(failure, "code", "")), status, service)
            raise self.effects.refusal(refused, altered=altered) from None
        self.effects.lost_or_taken(action)
        if failure is not None:
            raise CallLost(action, failure, cloud=self.cloud, endpoint=self.endpoint) from None
        return answer
