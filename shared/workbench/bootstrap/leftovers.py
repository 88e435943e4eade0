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
    found: list[Resource] = [cam_role(api, _former(name, api.region), needs) for name in _cam_names(api, mark)]
    for instance in _pages(lambda start: _ckafka(api, "DescribeInstances", "InstanceList", start, {})):
        asked = {"InstanceId": instance["InstanceId"]}
        for one in _pages(partial(_topics, api, asked)):
            if is_marked(one.get("Note"), mark):
                topic = CkafkaTopic(one["TopicName"], asked["InstanceId"])
                found.append(tencent.Topic(api, topic, service, mark))
    http = {"TaskType": "SOURCE", "SourceType": "HTTP"}
    tasks = _pages(lambda start: _ckafka(api, "DescribeDatahubTasks", "TaskList", start, http))
    found += [
        tencent.Entry(api, DatahubTask(one["TaskName"], CkafkaTopic("", ""), ""), service, mark)
        for one in tasks
        if is_marked(one.get("Description"), mark) and one.get("Status") not in TASK_GONE
    ]
    places = [] if "cls" in waits else _cls_places(api, service)
    return [*found, *(tencent.LogTopic(api, place, service, mark) for place in places)]


def of_alibaba(api: AlibabaApi, needs: Needs, waits: Collection[str]) -> list[Resource]:
    """Roles, queues and log projects of this service. Raises: CallRefused, CallLost, CallerRefused."""
    mark = needs.mark
    names = _names(
        _ram(api, "ListRoles", "Roles", "Role", {}),
        _ram(api, "ListPolicies", "Policies", "Policy", {"PolicyType": "Custom"}),
        mark,
        api.region,
    )
    found: list[Resource] = [ram_role(api, _former(name, api.region), mark) for name in names]
    if "smq" not in waits:
        tag = {"TagKey": TAG, "TagValue": needs.service}
        queues = [one["QueueName"] for one in _pages(lambda start: _smq(api, start)) if tag in (one.get("Tags") or ())]
        found += [alibaba.Queue(api, SmqQueue(name, api.region), needs.service) for name in queues]
    if "sls" not in waits:
        projects = [
            one for one in _pages(lambda start: _projects(api, start)) if is_marked(one.get("description"), mark)
        ]
        found += [alibaba.Logstore(api, LogPlace(one["projectName"], needs.logs.topic), mark) for one in projects]
    return found


def _former(name: str, region: str) -> Role:
    """A role of which nothing is known but that it is marked."""
    return Role(name, "", {}, None, policy_name(name, region))


def _names(roles: Iterable[dict[str, Any]], policies: Iterable[dict[str, Any]], mark: str, region: str) -> list[str]:
    """The marked roles, and those of this region's marked policies, which may be gone."""
    found = [one["RoleName"] for one in roles if is_marked(one.get("Description"), mark)]
    end = policy_name("", region)
    named = [one["PolicyName"] for one in policies if is_marked(one.get("Description"), mark)]
    return list(dict.fromkeys([*found, *(name.removesuffix(end) for name in named if name.endswith(end))]))


def _pages(ask: Callable[[int], list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Every item of a list; `ask` is given how many items came before."""
    start = 0
    while page := ask(start):
        yield from page
        start += len(page)
        if len(page) < _PAGE:
            return


def _cam_names(api: TencentApi, mark: str) -> list[str]:
    def ask(action: str, start: int, **more: str) -> list[dict[str, Any]]:
        asked = {"Page": start // _PAGE + 1, "Rp": _PAGE, **more}
        return list(api.call("cam", action, asked).get("List") or ())

    roles = _pages(lambda start: ask("DescribeRoleList", start))
    policies = _pages(lambda start: ask("ListPolicies", start, Scope="Local"))
    return _names(roles, policies, mark, api.region)


def _ckafka(api: TencentApi, action: str, part: str, start: int, asked: dict[str, Any]) -> list[dict[str, Any]]:
    answer = api.call("ckafka", action, {**asked, "Limit": _PAGE, "Offset": start})
    return list(answer["Result"].get(part) or ())


def _topics(api: TencentApi, asked: dict[str, Any], start: int) -> list[dict[str, Any]]:
    return _ckafka(api, "DescribeTopic", "TopicList", start, asked)


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
