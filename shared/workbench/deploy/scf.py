"""SCF's control plane through the official SDK (tencentcloud-sdk-python-scf, 2018-04-16).

Three things that the API does not keep are put where it does: whose a function is, in a tag and in the description;
which code it runs, and that the platform's own lines were asked out of its log, in the description. A change is asked
for again where the function's state refuses it (FunctionStatusError), since one that shows itself Active may still do
so for some seconds; tags show some seconds late; a deletion takes its time.

Claims: D17, D18, D19.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.clouds.tencent.session import host
from shared.runtime.errors import clean_code
from shared.runtime.tls import CERTIFICATE_REFUSED
from shared.workbench.apis.tencent import client_of
from shared.workbench.bundle.description import FunctionSpec, Logs
from shared.workbench.deploy.control_plane import (
    GONE,
    CallFailed,
    FunctionStatus,
    Package,
    call_with_retries,
    change_when_ready,
    deployed_variables,
    variables_as_settings,
    wait_until_active,
    wait_until_gone,
    wait_until_idle,
)
from shared.workbench.deploy.plan import LOGS, MARK, Bound, FunctionState, Marks, described
from shared.workbench.deploy.scf_triggers import (
    QUALIFIER,
    read_trigger,
    scf_type,
    trigger_request,
    triggers_of,
    wanted_trigger,
)
from shared.workbench.deploy.shown import Value

_TIMEOUT_S = 60
_SYSTEM_LINES, _QUIET = "platform's log lines", "no system lines"
_PAGE = 20
_BUSY = frozenset({"Creating", "Updating", "Publishing", "Deleting"})
_RUNS = ("Active", "PublishFailed", "DeleteFailed")
_NOT_READY = ("FunctionStatusError", "FunctionVersionStatusNotActive", "ReservedInProgress")
_NO_FUNCTION = ("ResourceNotFound.Function", "ResourceNotFound.FunctionName")


class ScfPlane:
    """Functions of one service in one region, namespace default."""

    def __init__(self, keys: Mapping[str, str], region: str, site: str, service: str, endpoint: str | None) -> None:
        """`keys`: id, key and, if they are temporary, token. `endpoint`: see KEYTURN_TENCENT_ENDPOINT."""
        self._client = client_of("scf", keys, region, host("scf", region, site), endpoint or "", _TIMEOUT_S)
        self._service = service

    def wanted(self, spec: FunctionSpec, package: Package) -> FunctionState:
        """See ControlPlane."""
        letter = spec.dead_letter
        settings: dict[str, Value] = {
            "handler": spec.handler,
            "runtime": spec.runtime,
            "memory MB": spec.memory_mb,
            "timeout s": spec.timeout_s,
            "role": spec.role,
            "dead letter": f"{letter.type.upper()} {letter.name}" if letter else None,
            "private network": str(spec.network) if spec.network else None,
            _SYSTEM_LINES: "off",
            **({LOGS: str(spec.logs)} if spec.logs else {}),
            **variables_as_settings(deployed_variables(spec)),
        }
        triggers = tuple(wanted_trigger(name, one) for name, one in triggers_of(spec).items())
        retries = {"retries": spec.async_retries}
        return FunctionState(
            spec.name,
            package.digest,
            settings,
            retries,
            triggers,
            stay=("dead letter",),
            later=(_SYSTEM_LINES,),
            without_logs=spec.logs is None,
            bound=Bound(spec.instances * spec.memory_mb, spec.memory_mb) if spec.instances else None,
        )

    def read(self, names: set[str]) -> list[FunctionState]:
        """See ControlPlane."""
        listed = self._pages("ListFunctions", "Functions", {"Namespace": "default"})
        ours = [one["FunctionName"] for one in listed if self._marks(one).service == self._service]
        # Those that are known by name are asked for in any case: a list may show them late.
        found = [
            state for name in dict.fromkeys((*ours, *sorted(names))) if (state := self.read_function(name)) is not None
        ]
        return [one for one in found if one.name in names or one.made_by_deploy]

    def read_function(self, name: str) -> FunctionState | None:
        """See ControlPlane."""
        status = wait_until_idle(lambda: self._status(name), _BUSY)
        if status == GONE:
            return None
        got, named = status.shown, {"FunctionName": name, "Namespace": "default"}
        try:
            async_ = self._call("GetFunctionEventInvokeConfig", named, reads=True)
            triggers = self._pages("ListTriggers", "Triggers", named)
            reserved_mb = self._reserved_mb(name)
        except CallFailed as error:
            if error.code in _NO_FUNCTION:  # it was deleted meanwhile
                return None
            raise
        retries = next(iter(async_["AsyncTriggerConfig"].get("RetryConfig") or [{}])).get("RetryNum")
        marks = self._marks(got)
        return FunctionState(
            name,
            marks.code if status.state in _RUNS else "",
            _shown_settings(got),
            {"retries": retries},
            tuple(read_trigger(one) for one in triggers),
            marks.service == self._service,
            creation_failed=status.state == "CreateFailed",
            owner=marks.service,
            bound=None if reserved_mb is None else Bound(reserved_mb, got.get("MemorySize") or 0),
        )

    def reported_digest(self, name: str) -> str:
        """See ControlPlane."""
        try:
            answer = self._call("GetFunctionAddress", {"FunctionName": name, "Namespace": "default"}, reads=True)
        except CallFailed as error:
            if error.may_have_happened or error.code in ("NoConnection", CERTIFICATE_REFUSED):
                raise
            return ""  # a right that only this look takes must not stop the others
        return str(answer.get("CodeSha256") or "")

    def settle(self, name: str) -> None:
        """See ControlPlane."""
        wait_until_active(lambda: self._status(name), _BUSY)

    def create(self, spec: FunctionSpec, package: Package) -> None:
        """Make it, with its mark."""
        given = {
            "Code": {"ZipFile": package.encoded},
            "Handler": spec.handler,
            "Runtime": spec.runtime,
            "Type": "Event",
            "Tags": [{"Key": MARK, "Value": self._service}],
        }
        configuration = self._configuration(spec, package)
        if not configuration["Environment"]["Variables"]:
            del configuration["Environment"]
        if spec.network is None:
            del configuration["VpcConfig"]
        self._call("CreateFunction", {**configuration, **given})

    def change_code(self, spec: FunctionSpec, package: Package) -> None:
        """Replace its zip and its handler."""
        given = {"FunctionName": spec.name, "Namespace": "default", "Handler": spec.handler}
        self._change("UpdateFunctionCode", {**given, "Code": {"ZipFile": package.encoded}})

    def change_settings(self, spec: FunctionSpec, package: Package) -> None:
        """Replace all else, the note about its code included; where its lines go stays if nothing is said of it.

        Which of the platform's own lines `IgnoreSysLog` keeps out is not documented: nothing rests on it.
        """
        given = self._configuration(spec, package)
        given |= {"Description": described(self._service, package.digest, _QUIET), "IgnoreSysLog": True}
        if not given["Environment"]["Variables"]:  # an empty list would clear nothing
            given["Environment"] = {"Variables": [{"Key": "", "Value": ""}]}
        if spec.logs is None and (got := self._get(spec.name)) and got.get("ClsTopicId"):
            given |= {name: got.get(name) for name in ("ClsLogsetId", "ClsTopicId")}
        try:
            self._change("UpdateFunctionConfiguration", given)
        except CallFailed as error:
            if not error.code.startswith(("UnknownParameter", "InvalidParameter")):
                raise
            del given["IgnoreSysLog"]
            self._change("UpdateFunctionConfiguration", given)

    def change_retries(self, spec: FunctionSpec) -> None:
        """How often a failed asynchronous event is repeated; how long it is kept stays the platform's 6 hours."""
        config = {"RetryConfig": [{"RetryNum": spec.async_retries}], "MsgTTL": 21_600}
        given = {"FunctionName": spec.name, "Namespace": "default", "AsyncTriggerConfig": config}
        self._change("UpdateFunctionEventInvokeConfig", given)

    def change_instances(self, spec: FunctionSpec) -> None:
        """Reserve memory for so many: SCF gives a function no more than that."""
        given = {"FunctionName": spec.name, "Namespace": "default"}
        reserved_mb = (spec.instances or 0) * spec.memory_mb
        self._change("PutReservedConcurrencyConfig", {**given, "ReservedConcurrencyMem": reserved_mb})

    def create_trigger(self, spec: FunctionSpec, name: str) -> None:
        """Make one, with its mark."""
        self._change("CreateTrigger", trigger_request(spec, name))

    def change_trigger(self, spec: FunctionSpec, name: str) -> None:
        """Replace its settings."""
        self._change("UpdateTrigger", trigger_request(spec, name))

    def delete_trigger(self, function: str, name: str, kind: str) -> None:
        """Remove one."""
        given = {"FunctionName": function, "Namespace": "default", "TriggerName": name, "Type": scf_type(kind)}
        self._change("DeleteTrigger", {**given, "Qualifier": QUALIFIER})

    def delete(self, function: str) -> None:
        """See ControlPlane. Whether a reservation goes with its function is said nowhere, so it is taken back first."""
        named = {"FunctionName": function, "Namespace": "default"}
        try:
            if self._reserved_mb(function) is not None:
                self._change("DeleteReservedConcurrencyConfig", named)
            self._change("DeleteFunction", named)
        except CallFailed as error:
            if error.code not in _NO_FUNCTION:
                raise
        wait_until_gone(lambda: self._status(function))

    def _configuration(self, spec: FunctionSpec, package: Package) -> dict[str, Any]:
        letter, net = spec.dead_letter, spec.network
        pairs = [{"Key": name, "Value": value} for name, value in sorted(deployed_variables(spec).items())]
        given: dict[str, Any] = {
            "FunctionName": spec.name,
            "Namespace": "default",
            "Description": described(self._service, package.digest),
            "MemorySize": spec.memory_mb,
            "Timeout": spec.timeout_s,
            "Role": spec.role,
            "Environment": {"Variables": pairs},
            "VpcConfig": {"VpcId": net.vpc if net else "", "SubnetId": net.subnets[0] if net else ""},
        }
        if letter is not None:
            given["DeadLetterConfig"] = {"Type": letter.type.upper(), "Name": letter.name}
        if spec.logs is not None:
            given |= {"ClsLogsetId": spec.logs.group, "ClsTopicId": spec.logs.topic}
        return given

    def _get(self, name: str) -> dict[str, Any] | None:
        """GetFunction's answer; None where there is no such function."""
        try:
            return self._call("GetFunction", {"FunctionName": name, "Namespace": "default"}, reads=True)
        except CallFailed as error:
            if error.code not in _NO_FUNCTION:
                raise
            return None

    def _reserved_mb(self, name: str) -> int | None:
        given = {"FunctionName": name, "Namespace": "default"}
        reserved: int | None = self._call("GetReservedConcurrencyConfig", given, reads=True).get("ReservedMem")
        return reserved

    def _status(self, name: str) -> FunctionStatus:
        got = self._get(name)
        if got is None:
            return GONE
        reasons = got.get("StatusReasons") or []
        codes = ", ".join(clean_code(one.get("ErrorCode")) for one in reasons)
        text = "; ".join(str(one.get("ErrorMessage")) for one in reasons)
        return FunctionStatus(str(got.get("Status")), codes, text, got)

    def _marks(self, shown: Mapping[str, Any]) -> Marks:
        return Marks.read(self._service, shown.get("Tags") or (), shown.get("Description"))

    def _change(self, action: str, given: dict[str, Any]) -> None:
        """A change of a function that is there."""
        change_when_ready(
            lambda: self._call(action, given),
            lambda error: error.code.endswith(_NOT_READY),
            lambda: wait_until_idle(lambda: self._status(given["FunctionName"]), _BUSY),
        )

    def _pages(self, action: str, name: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = self._call(action, {**given, "Offset": len(found), "Limit": _PAGE}, reads=True)
            found += answer.get(name) or []
            if not answer.get(name) or len(found) >= answer.get("TotalCount", 0):
                return found

    def _call(self, action: str, given: dict[str, Any], *, reads: bool = False) -> dict[str, Any]:
        def once() -> dict[str, Any]:
            return self._once(action, given)

        answer: dict[str, Any] = call_with_retries(
            once, lambda error: error.code.startswith("RequestLimitExceeded"), reads=reads
        )
        return answer

    def _once(self, action: str, given: dict[str, Any]) -> dict[str, Any]:
        failure: BaseException | None = None
        envelope: Any = None
        try:
            envelope = self._client.call_json(action, given)
        # Whatever the client or what lies below it raises: a change may be under way.
        except Exception as error:
            failure = error
        if failure is not None:
            code, request_id = getattr(failure, "code", None), getattr(failure, "requestId", None)
            if code and request_id:
                raise _refused(action, code, request_id) from None
            raise CallFailed.of_client(action, failure) from None
        answer = envelope.get("Response") if isinstance(envelope, dict) else None
        if not isinstance(answer, dict):
            raise CallFailed(action, "NoResponse", may_have_happened=True)
        if isinstance(problem := answer.get("Error"), dict):
            raise _refused(action, problem.get("Code"), answer.get("RequestId"))
        return answer


def _refused(action: str, code: object, request_id: object) -> CallFailed:
    known = clean_code(code)
    maybe = known.startswith("InternalError")
    return CallFailed(action, known, str(request_id or ""), may_have_happened=maybe, service="scf")


def _shown_settings(got: Mapping[str, Any]) -> dict[str, Value]:
    letter, net = got.get("DeadLetterConfig") or {}, got.get("VpcConfig") or {}
    pairs = (got.get("Environment") or {}).get("Variables") or []
    return {
        "handler": got.get("Handler"),
        "runtime": got.get("Runtime"),
        "memory MB": got.get("MemorySize"),
        "timeout s": got.get("Timeout"),
        "role": got.get("Role"),
        "dead letter": f"{letter['Type']} {letter['Name']}" if letter.get("Name") else None,
        "private network": f"{net['VpcId']}/{net.get('SubnetId', '')}" if net.get("VpcId") else None,
        _SYSTEM_LINES: "off" if str(got.get("Description")).endswith(f", {_QUIET}") else "on",
        LOGS: _logs(got),
        **variables_as_settings({pair["Key"]: pair["Value"] for pair in pairs if pair["Key"]}),
    }


def _logs(got: Mapping[str, Any]) -> str | None:
    logs = Logs(got.get("ClsLogsetId") or "", got.get("ClsTopicId") or "")
    return str(logs) if logs.group or logs.topic else None
