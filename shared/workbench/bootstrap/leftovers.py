"""What bootstrap made under names that serverless.yml and the settings no longer have, found by its mark."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any

from shared.workbench.apis import sls
from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.datahub import TASK_GONE
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap import alibaba, tencent
from shared.workbench.bootstrap.cam import cam_role
from shared.workbench.bootstrap.needs import (
    CkafkaTopic,
    DatahubTask,
    LogPlace,
    Needs,
    Role,
    SmqQueue,
    policy_name,
)
from shared.workbench.bootstrap.ram import ram_role
from shared.workbench.bootstrap.resources import TAG, Resource, is_marked

_PAGE = 50  # the most that each of these lists surely takes


def of_tencent(api: TencentApi, needs: Needs, waits: Collection[str]) -> list[Resource]:
    """Roles, topics, entries and log topics of this service. Raises: CallRefused, CallLost, CallerRefused."""
    service, mark = needs.service, needs.mark

    def cam(action: str, name: str, **more: str) -> list[str]:
        def ask(start: int) -> list[dict[str, Any]]:
            asked = {"Page": start // _PAGE + 1, "Rp": _PAGE, **more}
            return list(api.call("cam", action, asked).get("List") or ())

        return _marked(_pages(ask), name, mark)

    roles = _former(cam("DescribeRoleList", "RoleName"), cam("ListPolicies", "PolicyName", Scope="Local"), api.region)
    found: list[Resource] = [cam_role(api, role, needs) for role in roles]
    for instance in _pages(partial(_ckafka, api, "DescribeInstances", "InstanceList", {})):
        id_ = instance["InstanceId"]
        topics = _marked(
            _pages(partial(_ckafka, api, "DescribeTopic", "TopicList", {"InstanceId": id_})), "TopicName", mark, "Note"
        )
        found += [tencent.Topic(api, CkafkaTopic(name, id_), service, mark) for name in topics]
    http = {"TaskType": "SOURCE", "SourceType": "HTTP"}
    tasks = _pages(partial(_ckafka, api, "DescribeDatahubTasks", "TaskList", http))
    standing = (one for one in tasks if one.get("Status") not in TASK_GONE)
    entries = _marked(standing, "TaskName", mark)
    found += [tencent.Entry(api, DatahubTask(name, CkafkaTopic("", ""), ""), service, mark) for name in entries]
    places = [] if "cls" in waits else _cls_places(api, service)
    return [*found, *(tencent.LogTopic(api, place, service, mark) for place in places)]


def of_alibaba(api: AlibabaApi, needs: Needs, waits: Collection[str]) -> list[Resource]:
    """Roles, queues and log projects of this service. Raises: CallRefused, CallLost, CallerRefused."""
    mark = needs.mark
    policies = _marked(_ram(api, "ListPolicies", "Policies", "Policy", {"PolicyType": "Custom"}), "PolicyName", mark)
    roles = _former(_marked(_ram(api, "ListRoles", "Roles", "Role", {}), "RoleName", mark), policies, api.region)
    found: list[Resource] = [ram_role(api, role, mark) for role in roles]
    if "smq" not in waits:
        tag = {"TagKey": TAG, "TagValue": needs.service}
        queues = [one["QueueName"] for one in _pages(partial(_smq, api)) if tag in (one.get("Tags") or ())]
        found += [alibaba.Queue(api, SmqQueue(name, api.region), needs.service) for name in queues]
    if "sls" not in waits:
        projects = _marked(_pages(partial(_projects, api)), "projectName", mark, "description")
        found += [alibaba.Logstore(api, LogPlace(name, needs.logs.topic), mark) for name in projects]
    return found


def _former(roles: list[str], policies: list[str], region: str) -> list[Role]:
    """Marked roles, of which no more is known; also those whose policy for this region alone is left."""
    end = policy_name("", region)
    names = [*roles, *(name.removesuffix(end) for name in policies if name.endswith(end))]
    return [Role(name, "", {}, None, policy_name(name, region)) for name in dict.fromkeys(names)]


def _marked(rows: Iterable[dict[str, Any]], name: str, mark: str, described: str = "Description") -> list[str]:
    """The names of what carries the mark; `name` and `described` are the fields of a row."""
    return [one[name] for one in rows if is_marked(one.get(described), mark)]


def _pages(ask: Callable[[int], list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Every item of a list; `ask` is given how many items came before."""
    start = 0
    while page := ask(start):
        yield from page
        start += len(page)
        if len(page) < _PAGE:
            return


def _ckafka(api: TencentApi, action: str, part: str, asked: dict[str, Any], start: int) -> list[dict[str, Any]]:
    answer = api.call("ckafka", action, {**asked, "Limit": _PAGE, "Offset": start})
    return list(answer["Result"].get(part) or ())


def _cls_places(api: TencentApi, service: str) -> list[LogPlace]:
    """The topics that carry the tag, and the log sets that do and are empty of such."""
    tag = {"Key": TAG, "Value": service}

    def ask(action: str, part: str, start: int) -> list[dict[str, Any]]:
        return list(api.call("cls", action, {"Limit": _PAGE, "Offset": start}).get(part) or ())

    sets = {one["LogsetId"]: one for one in _pages(lambda start: ask("DescribeLogsets", "Logsets", start))}
    topics = [one for one in _pages(lambda start: ask("DescribeTopics", "Topics", start)) if tag in (one["Tags"] or ())]
    places = [LogPlace(sets[one["LogsetId"]]["LogsetName"], one["TopicName"]) for one in topics]
    with_topics = {place.group for place in places}
    empty = [one["LogsetName"] for one in sets.values() if tag in (one.get("Tags") or ())]
    return places + [LogPlace(name, "functions") for name in empty if name not in with_topics]


def _ram(api: AlibabaApi, action: str, outer: str, inner: str, asked: dict[str, str]) -> Iterator[dict[str, Any]]:
    marker = ""
    while True:
        answer = api.call("ram", action, {**asked, "MaxItems": str(_PAGE), **({"Marker": marker} if marker else {})})
        yield from answer[outer][inner]
        marker = answer.get("Marker", "")
        if not answer.get("IsTruncated") or not marker:
            return


def _smq(api: AlibabaApi, start: int) -> list[dict[str, Any]]:
    page = {"PageNum": str(start // _PAGE + 1), "PageSize": str(_PAGE)}
    return list((api.call("mns-open", "ListQueue", page).get("Data") or {}).get("PageData") or ())


def _projects(api: AlibabaApi, start: int) -> list[dict[str, Any]]:
    answer = sls.ask(api, "ListProject", "GET", "/", query={"offset": str(start), "size": str(_PAGE)})
    return list(answer.get("projects") or ())
