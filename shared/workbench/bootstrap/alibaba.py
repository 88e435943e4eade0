"""What keyturn needs on Alibaba Cloud: roles, SMQ queues, SLS projects, EventBridge's roles.

Sources: mns-open 2022-01-19, SLS 2020-12-30, EventBridge 2020-04-01 (models of the SDKs). SMQ's older
API has neither tag nor description, so queues are made by the newer one.
"""

from __future__ import annotations

from typing import Any

from shared.workbench.apis import sls
from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallRefused
from shared.workbench.bootstrap.needs import LOG_KINDS, LogPlace, Needs, SmqQueue
from shared.workbench.bootstrap.ram import ram_role
from shared.workbench.bootstrap.resources import (
    MISSING,
    NAME_LOGS,
    TAG,
    ApiCall,
    Found,
    Resource,
    is_marked,
    of_another_service,
)

LOG_DAYS = 30
_QUEUE = {"VisibilityTimeout": "120", "MessageRetentionPeriod": "604800"}  # seconds: twice a function's time; a week
_TOKENS = [",", " ", "'", '"', ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":", "\n", "\t"]


def resources(api: AlibabaApi, needs: Needs) -> list[Resource]:
    """Everything that is made, in the order in which it is made."""
    found: list[Resource] = [ram_role(api, one, needs.mark) for one in needs.roles]
    found += [Queue(api, one, needs.service) for one in needs.queues]
    found += [LinkedRole(api, one) for one in needs.linked_roles]
    return [*found, Logstore(api, needs.logs, needs.mark)]


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


class Queue:
    """A queue of SMQ."""

    kind = "queue"
    place = ""
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
        return of_another_service(self._service, *named) or Found("there", ours=bool(named))

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
    place = ""
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
    place = ""
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
