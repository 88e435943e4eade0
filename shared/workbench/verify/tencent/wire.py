"""Signatures, keys and rates: claims that every read shows, and one that needs a write."""

from __future__ import annotations

import hashlib
import json
import secrets as randomness
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from shared.clouds.tencent.session import host
from shared.workbench.apis.calls import CallRefused
from shared.workbench.apis.tencent import TENCENT_VERSIONS
from shared.workbench.verify.findings import Finding, finding, said
from shared.workbench.verify.tencent import ssm
from shared.workbench.verify.tencent.desk import TencentCheck, TencentDesk
from shared.workbench.verify.tencent.scf_function import post

_READ = ("redis", "DescribeInstances", {"Limit": 1, "Offset": 0})
_NEAR_S, _FAR_S = 240, 360
_IN_A_SECOND = 20


def _skew(desk: TencentDesk) -> Finding:
    """The official client's signature is accepted.

    A signature from here is accepted after four minutes, not after six.
    """
    codes = [desk.api.refusal(*_READ), _signed(desk, _NEAR_S), _signed(desk, _FAR_S)]
    seen = f"now: {said(codes[0])}; {_NEAR_S} s ago: {said(codes[1])}; {_FAR_S} s ago: {said(codes[2])}"
    return finding(
        codes[:2] == ["", ""] and codes[2].startswith("AuthFailure"), "accepted, accepted, AuthFailure", seen
    )


def _signed(desk: TencentDesk, ago_s: int) -> str:
    """The code that refuses a read that was signed so many seconds ago; empty if it was accepted."""
    from tencentcloud.common.sign import Sign

    service, action, given = _READ
    place, body, keys = host(service, desk.api.region, desk.api.site), json.dumps(given).encode(), desk.api.keys
    at = int(time.time()) - ago_s
    date = time.strftime("%Y-%m-%d", time.gmtime(at))
    scope = f"{date}/{service}/tc3_request"
    canonical = (
        f"POST\n/\n\ncontent-type:application/json\nhost:{place}\n\ncontent-type;host\n"
        + hashlib.sha256(body).hexdigest()
    )
    text = f"TC3-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = Sign.sign_tc3(keys["key"], date, service, text)
    credential = f"Credential={keys['id']}/{scope}, SignedHeaders=content-type;host, Signature={signature}"
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"TC3-HMAC-SHA256 {credential}",
        "X-TC-Action": action,
        "X-TC-Version": TENCENT_VERSIONS[service],
        "X-TC-Region": desk.api.region,
        "X-TC-Timestamp": str(at),
        **({"X-TC-Token": keys["token"]} if keys.get("token") else {}),
    }
    _, answer = post(f"https://{place}", body, headers, desk.api.endpoint)
    error: Mapping[str, str] = json.loads(answer)["Response"].get("Error", {})
    return str(error.get("Code", ""))


def _parameters(desk: TencentDesk) -> Finding:
    """A read with an unknown parameter, one with a missing parameter, and one with a parameter of the wrong type."""
    service, action, given = _READ
    many = desk.api.refusal(service, action, {**given, "NoSuchParameter": 1})
    few = desk.api.refusal(service, "DescribeTaskInfo", {})
    wrong = desk.api.refusal(service, action, {**given, "Limit": "one"})
    seen = f"unknown: {said(many)}; missing: {said(few)}; of the wrong type: {said(wrong)}"
    return finding(bool(many and few and wrong), "all are refused", seen)


def _refused_first(desk: TencentDesk) -> Finding:
    """A bad token and a bad key are refused with codes that name them. A write with a bad token writes nothing."""
    bad = ({"token": "no-token"}, {"key": "no-key"})
    codes = [desk.api.refusal(*_READ, keys=one) for one in bad]
    wrote = _written_with(desk, bad[0]) if desk.sandbox.ssm else None
    seen = f"a made-up token: {said(codes[0])}; a made-up key: {said(codes[1])}"
    seen += f"; a write with that token had an effect: {wrote}" if wrote is not None else ""
    return finding(all(one.startswith("AuthFailure") for one in codes) and not wrote, "AuthFailure, no effect", seen)


def _written_with(desk: TencentDesk, keys: Mapping[str, str]) -> bool:
    """Whether a version exists that was added with these keys."""
    name = desk.need(desk.sandbox.ssm, "ssm").secret
    run = ssm.version_prefix()
    version = f"{run}w"
    ssm.Secret(desk.api, name).versions()  # raises if there is no such secret
    with desk.change(ssm.added_versions(desk, run)):
        given = {"SecretName": name, "VersionId": version, "SecretString": randomness.token_hex(16)}
        taken = not desk.api.refusal("ssm", "PutSecretValue", given, keys=keys)
        return taken or version in ssm.Secret(desk.api, name).versions()


def _rate(desk: TencentDesk) -> Finding:
    """Make exactly as many reads in one second as the published rate allows."""
    time.sleep(1.0)  # let the calls of other checks leave the window of one second

    def throttled(_: int) -> bool:
        try:
            desk.api.call(*_READ)
        except CallRefused as refused:
            if refused.code.startswith("RequestLimitExceeded"):
                return True
            raise
        return False

    with ThreadPoolExecutor(8) as threads:
        count = sum(threads.map(throttled, range(_IN_A_SECOND)))
    time.sleep(1.0)  # and let these leave it before the checks that follow
    return finding(not count, "none throttled", f"{_IN_A_SECOND} reads in a second: {count} throttled")


READS: tuple[TencentCheck, ...] = (
    TencentCheck("W1", _skew),
    TencentCheck("W4", _rate, of_the_moment=True),
    TencentCheck("W9", _parameters),
)
CHANGES: tuple[TencentCheck, ...] = (TencentCheck("W2", _refused_first),)
