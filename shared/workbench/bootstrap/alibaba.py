"""What keyturn needs on Alibaba Cloud: RAM roles with their policies, SMQ queues, SLS projects, EventBridge's roles.

Sources: RAM 2015-05-01, mns-open 2022-01-19, SLS 2020-12-30, EventBridge 2020-04-01 (models of the SDKs). SMQ's older
API has neither tag nor description, so queues are made by the newer one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.workbench.apis import sls
from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallRefused
from shared.workbench.bootstrap import regions
from shared.workbench.bootstrap.needs import LOG_KINDS, LogPlace, Needs, Role, SmqQueue
from shared.workbench.bootstrap.resources import (
    ELSEWHERE,
    MISSING,
    NAME_LOGS,
    NO_POLICY,
    NOT_ATTACHED,
    OTHER_POLICY,
    OTHER_TRUST,
    RIGHTS_UNKNOWN,
    TAG,
    ApiCall,
    Found,
    Resource,
    as_text,
    is_marked,
    others,
    same_document,
    service_of,
)

LOG_DAYS = 30
_QUEUE = {"VisibilityTimeout": "120", "MessageRetentionPeriod": "604800"}  # seconds: twice a function's time; a week
_ROTATE = {"SetAsDefault": "true", "RotateStrategy": "DeleteOldestNonDefaultVersionWhenLimitExceeded"}
_TOKENS = [",", " ", "'", '"', ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":", "\n", "\t"]


def account_of(api: AlibabaApi) -> str:
    """The account's number. Raises: CallRefused, CallLost, CallerRefused."""
    return str(api.call("sts", "GetCallerIdentity", {})["AccountId"])


def resources(api: AlibabaApi, needs: Needs) -> list[Resource]:
    """Everything that is made, in the order in which it is made."""
    found: list[Resource] = [RamRole(api, one, needs.mark) for one in needs.roles]
    found += [Queue(api, one, needs.service) for one in needs.queues]
    found += [LinkedRole(api, one) for one in needs.linked_roles]
    return [*found, Logstore(api, needs.logs, needs.mark)]


def role_calls(role: Role, mark: str) -> Iterator[ApiCall]:
    """A role, its policy and the two joined."""
    told = {"Description": f"{mark}, for {role.function}"}
    yield ApiCall("ram", "CreateRole", {"RoleName": role.name, "AssumeRolePolicyDocument": as_text(role.trust), **told})
    if role.policy:
        yield ApiCall("ram", "CreatePolicy", {"PolicyName": role.name, "PolicyDocument": as_text(role.policy), **told})
        named = {"PolicyType": "Custom", "PolicyName": role.name, "RoleName": role.name}
        yield ApiCall("ram", "AttachPolicyToRole", named)


def queue_call(queue: SmqQueue, service: str) -> ApiCall:
    """A queue that carries the mark as a tag."""
    named = {"QueueName": queue.name, **_QUEUE, "Tag.1.Key": TAG, "Tag.1.Value": service}
    return ApiCall("mns-open", "CreateQueue", named)


def linked_role_call(product: str) -> ApiCall:
    """One of EventBridge's roles."""
    return ApiCall("eventbridge-console", "CreateServiceLinkedRoleForProduct", {"ProductName": product})


def project_body(place: LogPlace, mark: str) -> dict[str, Any]:
    """CreateProject's."""
    return {"projectName": place.group, "description": mark}


def logstore_body(place: LogPlace) -> dict[str, Any]:
    """CreateLogStore's."""
    return {"logstoreName": place.topic, "ttl": LOG_DAYS, "shardCount": 1, "autoSplit": True, "maxSplitShard": 8}


def index_body() -> dict[str, Any]:
    """CreateIndex's: of the whole text."""
    return {"line": {"token": _TOKENS, "caseSensitive": False, "chn": False}}


class RamRole:
    """A role and the policy of its name."""

    kind = "role"
    after = ""

    def __init__(self, api: AlibabaApi, role: Role, mark: str) -> None:
        self._api, self._role, self._mark, self.name = api, role, mark, role.name

    def look(self) -> Found:
        """Another's role may be used as it is, if it trusts FC and has a policy of its name that says the same."""
        role, policy = self._role_there(), self._policy()
        told = [(role or {}).get("Description"), policy["Policy"].get("Description") if policy else ""]
        if theirs := others(service_of(self._mark), *map(service_of, told)):
            return theirs
        if role is None:
            if policy and not is_marked(policy["Policy"].get("Description"), self._mark):
                return Found("foreign", why=f"a policy {self.name} stands that is not bootstrap's: remove or rename it")
            return Found("missing", ours=policy is not None)
        ours = is_marked(role.get("Description"), self._mark)
        if ours and policy and regions.is_of_others_alone(_document(policy), self._api.region):
            return Found("differs", why=ELSEWHERE)
        by_hand = policy and not is_marked(policy["Policy"].get("Description"), self._mark)
        wrong = self._wrong(role, policy)
        if not wrong or (not ours and wrong == NO_POLICY):
            return Found("there", ours=ours, why=RIGHTS_UNKNOWN if wrong else "")
        mends = ours and not (by_hand and wrong == OTHER_POLICY)
        return Found("differs" if mends else "foreign", ours=ours, why=wrong)

    def make(self) -> None:
        create, *rest = role_calls(self._role, self._mark)
        role = self._role_there()
        if role is None:
            self._do(create)
        elif not same_document(role["AssumeRolePolicyDocument"], self._role.trust):
            trust = {"RoleName": self.name, "NewAssumeRolePolicyDocument": as_text(self._role.trust)}
            self._api.call("ram", "UpdateRole", trust)
        if not rest:
            return
        policy = self._policy()
        if policy is None:
            self._do(rest[0])
        elif not same_document(_document(policy), wanted := self._wanted(policy)):
            self._rewrite(wanted)
        if (self.name, "Custom") not in self._attached():
            self._do(rest[1])

    def take_away(self) -> None:
        role, policy = self._role_there(), self._policy()
        if policy and (left := regions.without(_document(policy), self._api.region)):
            if is_marked(policy["Policy"].get("Description"), self._mark):
                self._rewrite(left)
            return  # functions of another region run with it
        if role is not None and is_marked(role.get("Description"), self._mark):
            for name, kind in self._attached():
                named = {"PolicyType": kind, "PolicyName": name, "RoleName": self.name}
                self._api.call("ram", "DetachPolicyFromRole", named)
            self._api.call("ram", "DeleteRole", {"RoleName": self.name})
        if policy is not None and is_marked(policy["Policy"].get("Description"), self._mark):
            self._api.call("ram", "DeletePolicy", {"PolicyName": self.name, "CascadingDelete": "true"})

    def _wrong(self, role: Mapping[str, Any], policy: Mapping[str, Any] | None) -> str:
        if not same_document(role["AssumeRolePolicyDocument"], self._role.trust):
            return OTHER_TRUST
        if self._role.policy is None:
            return ""
        if policy is None:
            return NO_POLICY
        if not same_document(_document(policy), self._wanted(policy)):
            return OTHER_POLICY
        return "" if (self.name, "Custom") in self._attached() else NOT_ATTACHED

    def _do(self, call: ApiCall) -> None:
        self._api.call(call.service, call.action, call.parameters)

    def _wanted(self, policy: Mapping[str, Any]) -> dict[str, Any]:
        return regions.united(_document(policy), self._role.policy or {}, self._api.region)

    def _rewrite(self, document: Mapping[str, Any]) -> None:
        named = {"PolicyName": self.name, "PolicyDocument": as_text(document)}
        self._api.call("ram", "CreatePolicyVersion", {**named, **_ROTATE})

    def _role_there(self) -> dict[str, Any] | None:
        answer = _or_none(self._api, "ram", "GetRole", {"RoleName": self.name})
        return answer["Role"] if answer else None

    def _policy(self) -> dict[str, Any] | None:
        return _or_none(self._api, "ram", "GetPolicy", {"PolicyType": "Custom", "PolicyName": self.name})

    def _attached(self) -> list[tuple[str, str]]:
        answer = self._api.call("ram", "ListPoliciesForRole", {"RoleName": self.name})
        return [(one["PolicyName"], one["PolicyType"]) for one in answer["Policies"]["Policy"]]


def _document(policy: Mapping[str, Any]) -> str:
    return str(policy["DefaultPolicyVersion"]["PolicyDocument"])


class Queue:
    """A queue of SMQ."""

    kind = "queue"
    after = "smq"

    def __init__(self, api: AlibabaApi, queue: SmqQueue, service: str) -> None:
        self._api, self._queue, self._service, self.name = api, queue, service, queue.name

    def look(self) -> Found:
        if self._queue.region != self._api.region:
            return Found("foreign", why=f"it is in {self._queue.region}, and bootstrap works in {self._api.region}")
        answer = _or_none(self._api, "mns-open", "GetQueueAttributes", {"QueueName": self.name})
        if answer is None:
            return MISSING
        tags = (answer.get("Data") or {}).get("Tags") or []
        named = [one.get("TagValue", "") for one in tags if one.get("TagKey") == TAG]
        return others(self._service, *named) or Found("there", ours=bool(named))

    def make(self) -> None:
        if self.look() == MISSING:
            call = queue_call(self._queue, self._service)
            self._api.call(call.service, call.action, call.parameters)

    def take_away(self) -> None:
        if self.look().ours:
            self._api.call("mns-open", "DeleteQueue", {"QueueName": self.name})


class LinkedRole:
    """A role of EventBridge's own. All that uses EventBridge shares it, so that it is never taken away."""

    kind = "EventBridge role"
    after = ""

    def __init__(self, api: AlibabaApi, product: str) -> None:
        self._api, self.name = api, product

    def look(self) -> Found:
        return Found("there") if _or_none(self._api, "ram", "GetRole", {"RoleName": self.name}) else MISSING

    def make(self) -> None:
        if self.look() == MISSING:
            call = linked_role_call(self.name)
            self._api.call(call.service, call.action, call.parameters)

    def take_away(self) -> None:
        """Nothing: it is never marked."""


class Logstore:
    """A project of SLS with one Logstore, and the index without which nothing of it is found."""

    kind = LOG_KINDS["alibaba"]
    after = "sls"

    def __init__(self, api: AlibabaApi, place: LogPlace, mark: str) -> None:
        self._api, self._place, self._mark, self.name = api, place, mark, str(place)

    def look(self) -> Found:
        project = self._ask("GetProject", "/")
        if project is None:
            return MISSING
        if not is_marked(project.get("description"), self._mark):
            return Found("foreign", why=f"a project {self._place.group} stands that is not bootstrap's: {NAME_LOGS}")
        store = f"/logstores/{self._place.topic}"
        if self._ask("GetLogStore", store) is None:
            return Found("missing", ours=True)
        if self._ask("GetIndex", f"{store}/index") is None:
            return Found("differs", ours=True, why="its Logstore has no index: no line would be found")
        return Found("there", ours=True)

    def make(self) -> None:
        store = f"/logstores/{self._place.topic}"
        if self._ask("GetProject", "/") is None:
            sls.ask(self._api, "CreateProject", "POST", "/", body=project_body(self._place, self._mark))
        if self._ask("GetLogStore", store) is None:
            self._send("CreateLogStore", "POST", "/logstores", logstore_body(self._place))
        if self._ask("GetIndex", f"{store}/index") is None:
            self._send("CreateIndex", "POST", f"{store}/index", index_body())

    def take_away(self) -> None:
        if not self.look().ours:
            return
        if self._ask("GetLogStore", f"/logstores/{self._place.topic}") is not None:
            self._send("DeleteLogStore", "DELETE", f"/logstores/{self._place.topic}")
        try:
            self._send("DeleteProject", "DELETE", "/")
        except CallRefused as refused:
            if refused.code != "ProjectNotEmpty":  # somebody else's Logstores stay, and their project with them
                raise

    def _ask(self, action: str, path: str) -> dict[str, Any] | None:
        """The answer; None if there is no such thing."""
        try:
            return sls.ask(self._api, action, "GET", path, project=self._place.group)
        except CallRefused as refused:
            if refused.status == 404 or "NotExist" in refused.code:
                return None
            raise

    def _send(self, action: str, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        sls.ask(self._api, action, method, path, project=self._place.group, body=body)


def _or_none(api: AlibabaApi, service: str, action: str, parameters: dict[str, str]) -> dict[str, Any] | None:
    """The answer; None if the code says that there is no such thing."""
    try:
        return api.call(service, action, parameters)
    except CallRefused as refused:
        if "NotExist" in refused.code:
            return None
        raise
