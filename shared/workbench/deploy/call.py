"""`make call`: one signed call of a deployed function, as its callers make them.

SCF checks a CAM signature (TC3, service `scf`) on a function URL, FC an ACS3 signature without a hash of the body on
an HTTP trigger; both are made here by the vendors' own code. The command is a file, or `-` for standard input: a
password in an argument would be seen by every process of the machine. A secret for the caller comes back sealed to
a key of this call, and is shown on a line that begins with `password`. `--json`: the reply as it is, with that secret
as `Password`. Unverified: SCF's token header.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from shared.results.result_event import http_status
from shared.runtime.spelling import meant
from shared.workbench.apis.callers import missing_right, who_grants
from shared.workbench.apis.calls import CallLost
from shared.workbench.apis.plain_http import send
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.description import Description, FunctionSpec
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy.access import Refused, account_of_caller, api, control_plane, endpoint_of, identity
from shared.workbench.deploy.control_plane import CallFailed
from shared.workbench.deploy.sealed_call import SealedCall
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.file_problems import why
from shared.workbench.environment.terminal import Terminal, complain
from shared.workbench.report.events import Result, visible_text
from shared.workbench.results.reply import FunctionReply, read_reply

_MOST_SHOWN = 500  # characters of what is no reply of keyturn's
_TIMEOUT_S = 300.0  # SCF's own limit for a synchronous call is the longest


class NoAnswer(Exception):
    """A call got no answer; the text says whether the function may have run."""


def scf_headers(host: str, body: bytes, keys: Mapping[str, str], uin: str) -> dict[str, str]:
    """The headers of a CAM-signed call of a function URL. `keys`: id, key and perhaps token."""
    from tencentcloud.common.sign import Sign

    now = int(time.time())
    date = time.strftime("%Y-%m-%d", time.gmtime(now))
    signed = {"content-type": "application/json", "host": host, "x-scf-cam-uin": uin}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{date}/scf/tc3_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    signature = Sign.sign_tc3(keys["key"], date, "scf", f"TC3-HMAC-SHA256\n{now}\n{scope}\n{hashed}")
    credential = f"Credential={keys['id']}/{scope}, SignedHeaders={names}, Signature={signature}"
    headers = {
        "Content-Type": "application/json",
        "X-Scf-Cam-Uin": uin,
        "X-Scf-Cam-Timestamp": str(now),
        "Authorization": f"TC3-HMAC-SHA256 {credential}",
    }
    return headers | ({"X-Scf-Cam-Token": keys["token"]} if keys.get("token") else {})


def fc_headers(host: str, keys: Mapping[str, str]) -> dict[str, str]:
    """The headers of an ACS3-signed call of an HTTP trigger."""
    from alibabacloud_tea_openapi.utils import Utils
    from darabonba.request import DaraRequest

    request = DaraRequest()
    request.method, request.pathname = "POST", "/"
    request.headers = {"host": host, "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    if keys.get("token"):
        request.headers["x-acs-security-token"] = keys["token"]
    authorization = Utils.get_authorization(request, "ACS3-HMAC-SHA256", "", keys["id"], keys["key"])
    sent = {name: value for name, value in request.headers.items() if name != "host"}
    return {"Content-Type": "application/json", **sent, "Authorization": authorization}


def main(argv: list[str]) -> int:
    """Prints the reply. Exit 0: each command succeeded. 1: one did not, another status, or no answer. 2: wrong use."""
    parser = CommandLine(
        "python -m shared.workbench.deploy call",
        __doc__,
        "make call CLOUD=tencent FUNCTION=tencent_redis_modify_instance_account COMMAND=command.json",
        "make call CLOUD=alibaba FUNCTION=alibaba_tair_modify_account_password COMMAND=command.json JSON=1",
    )
    parser.add_argument("cloud", help="tencent or alibaba")
    parser.add_argument("function")
    parser.add_argument("file", help="the command as JSON; - for standard input")
    parser.add_argument("--json", action="store_true", help="the reply itself")
    options = parser.parse_args(argv)
    try:
        description = load(ROOT / "serverless.yml", options.cloud, os.environ)
        spec = function_called(description, options.function)
        body = _command(options.file)
        url = address_of(description, spec.name, os.environ)
    except (DescriptionError, Refused) as error:
        complain(f"call: {error}")
        return 2
    except CallFailed as error:
        complain(f"call: {error}{': ' + error.advice if error.advice else ''}")
        return 1
    sealing = SealedCall(body, seals=spec.seals)
    try:
        status, text = signed_call(description, url, sealing.body, os.environ)
    except NoAnswer as error:
        complain(f"call: {error}")
        return 1
    _show(sealing.shown(text), status, as_json=options.json)
    if advice := sealing.advice(text):
        complain(f"call: {advice}")
    if advice := refused_at_the_door(description, status, text):
        complain(f"call: {advice}")
    failed = unsuccessful(text) if status == 207 else 0
    if failed:
        complain(f"call: {failed} of the commands did not succeed")
    return 0 if 200 <= status < 300 and not failed else 1


def _show(text: str, status: int, *, as_json: bool) -> None:
    """The reply on standard output; the status, unless it is 200, and what is amiss on the other."""
    reply = _read(text)
    if as_json:
        print(text)
    elif reply is None:
        complain(f"call: {_without_result(text)}")
    else:
        terminal = Terminal()
        for line in reply.lines(terminal, with_passwords=True):
            print(line, flush=True)
        if not reply.is_delivered and not _named_no_credential(reply):
            complain("call: no results queue took this: see KEYTURN_RESULTS and the function's log")
    if status != 200:
        complain(f"call: HTTP {status}")


def _named_no_credential(reply: FunctionReply) -> bool:
    """Whether the function refused what it could not read, a result that is for the caller alone."""
    return all(isinstance(one, Result) and one.subject.endswith("/-") for one in reply.events)


def _read(text: str) -> FunctionReply | None:
    try:
        return read_reply(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _without_result(text: str) -> str:
    """What a platform, or a gateway before it, said in the place of a result: its code and its words."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, Mapping):
        named = {str(name).lower(): value for name, value in said.items()}
        parts = [named.get(name) for name in ("code", "errorcode", "errortype", "message", "errormessage")]
        text = ": ".join(str(one) for one in parts if one) or text
    return f"no result, but: {visible_text(text)[:_MOST_SHOWN] or 'nothing'}"


def unsuccessful(text: str) -> int:
    """How many results of a reply to several commands tell of no success."""
    try:
        results = json.loads(text)["Results"]
        return sum(one is not None and http_status(one) >= 300 for one in results)
    except (ValueError, LookupError, TypeError):
        return 1  # what cannot be read is no success


def refused_at_the_door(description: Description, status: int, text: str) -> str:
    """What to do where the platform itself refused the call; empty where the function was reached."""
    if '"Result' in text:
        return ""
    if status == {"scf": 432, "fc": 429}[description.platform]:
        return "the function was not reached: all its instances are at work (`instances`): call it again"
    if status not in (401, 403):
        return ""
    service, action = ("scf", "InvokeFunctionUrl") if description.platform == "scf" else ("fc", "InvokeFunction")
    return f"the function was not reached: {missing_right(description.cloud, service, action, 'AccessDenied')}"


def _command(file: str) -> bytes:
    """A command that is JSON. Raises: Refused."""
    if not file:
        raise Refused("which command? COMMAND= is a file that holds it as JSON, or - for standard input")
    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        json.loads(body)
    except OSError as error:
        raise Refused(f"COMMAND={file} cannot be read: {why(error)}") from None
    except RecursionError:  # JSON, of which the function says what it thinks
        pass
    except ValueError as error:
        at = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "not text"
        what = f"is not JSON ({at})" if body.strip() else "is empty"
        raise Refused(f"COMMAND={file} {what}: it holds a command, as those in events/schemas/") from None
    return body


def function_called(description: Description, function: str) -> FunctionSpec:
    """The function of a name, or of a module, which serverless.yml may deploy under another name.

    Raises: Refused; also for one that has no HTTP trigger, so no address.
    """
    by_module = {spec.module: spec for spec in description.functions}
    if spec := {**by_module, **{spec.name: spec for spec in description.functions}}.get(function):
        if spec.http is None:
            raise Refused(_no_http_trigger(description, spec))
        return spec
    known = [spec.name for spec in description.functions]
    if not function:
        raise Refused(f"which function? FUNCTION= is one of {', '.join(known)}")
    near = meant(function, known)
    if not near and (ROOT / "functions" / f"{function}.py").exists():
        other = "alibaba" if description.cloud == "tencent" else "tencent"
        near = f" (CLOUD={other}?);"
    text = f"serverless.yml has no function {visible_text(function)} on this platform"
    raise Refused(f"{text}{near or ';'} known are: {', '.join(known)}")


def _no_http_trigger(description: Description, spec: FunctionSpec) -> str:
    kinds = [kind for kind, some in (("queue", spec.queues), ("timer", spec.timers)) if some]
    own = f": its events come by {' and by '.join(kinds)}" if kinds else ""
    callable_ = ", ".join(one.name for one in description.functions if one.http is not None) or "none"
    text = f"{spec.name} has no HTTP trigger in serverless.yml, so nobody can call it{own}"
    return f"{text}; those that have one are: {callable_}"


def address_of(description: Description, function: str, environ: Mapping[str, str]) -> str:
    """Where a deployed function is called; another service's is not. Raises: Refused, CallFailed."""
    plane = control_plane(description, environ)
    for found in plane.read({function}):
        if found.name != function:
            continue
        if found.owner and not found.made_by_deploy:
            raise Refused(
                f"{function} belongs to the service {found.owner}, and serverless.yml says {description.service}"
            )
        for trigger in found.triggers:
            if trigger.url:
                return str(trigger.url)
    raise Refused(f"{function} has no address on this platform: deploy it first")


def signed_call(description: Description, url: str, body: bytes, environ: Mapping[str, str]) -> tuple[int, str]:
    """The status and the text of one signed call. Raises: Refused, NoAnswer."""
    host = urlsplit(url).netloc
    keys = identity(description.cloud, environ)
    on_scf = description.platform == "scf"
    headers = scf_headers(host, body, keys, _uin(description, environ)) if on_scf else fc_headers(host, keys)
    endpoint = endpoint_of(description.cloud, environ)
    try:
        answer = send("POST", host, "/", headers, body, endpoint=endpoint, timeout_s=_TIMEOUT_S)
    except CallLost as lost:
        raise NoAnswer(lost.certificate or f"no answer ({lost.kind}); the change may have been made") from None
    return answer.status, answer.body.decode("utf-8", "replace")


def _uin(description: Description, environ: Mapping[str, str]) -> str:
    """The number of the account that is called. Raises: Refused."""
    uin = environ.get("TENCENTCLOUD_UIN") or account_of_caller(description, api(description, environ))
    if not uin:
        text = "whose account? set TENCENTCLOUD_UIN: these keys may not ask (sts:GetCallerIdentity)"
        raise Refused(f"{text}; {who_grants(description.cloud)}")
    return uin
