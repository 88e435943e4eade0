"""Alibaba's log service SLS (2020-12-30): projects, Logstores and their index, and functions' log lines.

Sources: the vendor's SDK (alibabacloud-sls20201230 5.15.1); help.aliyun.com sls/developer-reference/api-createlogstore,
api-sls-2020-12-30-createindex (names, bounds, codes).

Claims: L2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.cloud.alibaba.sls_gateway import NAME, VERSION
from tests.cloud.functions.host import FunctionHost
from tests.cloud.state.log_places import LogPlaces, LogProject
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import (
    Action,
    Answer,
    ApiError,
    Call,
    Cloud,
    RefusalKind,
    judged_by,
    page,
    parameter_table,
)

_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LOGSTORE = re.compile(r"[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]")
_OF_PROJECT = "acs:log:{region}:{account}:project/{project}"
_OF_LOGSTORE = _OF_PROJECT + "/logstore/{logstore}"
_DAYS = (*range(1, 3001), 3650)
_MORE_OF_LOGSTORES = (
    "appendMeta:bool enableModify:bool enable_tracking:bool encrypt_conf:object hot_ttl:int infrequentAccessTTL:int "
    "mode processorId resourceGroupId shardingPolicy:object telemetryType"
)


class AlibabaSls:
    """The service; `SlsGateway` is its gateway."""

    cloud: Cloud = "alibaba"
    name = NAME
    version = VERSION
    actions: Mapping[str, Action]
    task_faults: frozenset[str] = frozenset()

    def __init__(self, logs: LogPlaces, host: FunctionHost, clock: Clock) -> None:
        self._logs = logs
        self._host = host
        self._clock = clock
        logstore = "project! logstore!"
        actions = {
            "CreateProject": Action(
                parameter_table(
                    "projectName! description!", "dataRedundancyType recycleBinEnabled:bool resourceGroupId"
                ),
                self._create_project,
                changes=True,
                resource="acs:log:{region}:{account}:project/{projectName}",
            ),
            "ListProject": Action(
                parameter_table("offset:int size:int projectName", "resourceGroupId"),
                self._list,
                resource="acs:log:{region}:{account}:project/*",
            ),
            "GetProject": Action(parameter_table("project!"), self._project),
            "DeleteProject": Action(parameter_table("project! forceDelete:bool"), self._delete_project, changes=True),
            "CreateLogStore": Action(
                parameter_table(
                    "project! logstoreName! shardCount!:int ttl:int autoSplit:bool maxSplitShard:int",
                    _MORE_OF_LOGSTORES,
                ),
                self._create_logstore,
                changes=True,
                resource=f"{_OF_PROJECT}/logstore/{{logstoreName}}",
            ),
            "GetLogStore": Action(parameter_table(logstore), self._logstore),
            "DeleteLogStore": Action(parameter_table(logstore), self._delete_logstore, changes=True),
            "CreateIndex": Action(
                parameter_table(
                    f"{logstore} keys:object line:object max_text_len:int",
                    "log_reduce:bool log_reduce_black_list:strs log_reduce_white_list:strs scan_index:bool",
                ),
                self._create_index,
                changes=True,
            ),
            "GetIndex": Action(parameter_table(logstore), self._index),
            "GetLogsV2": Action(
                parameter_table(
                    f"{logstore} from!:int to!:int query line:int offset:int reverse:bool",
                    "topic powerSql:bool session forward:bool highlight:bool isAccurate:bool",
                ),
                self._search,
                right="log:GetLogStoreLogs",
            ),
        }
        self.actions = judged_by(_OF_PROJECT, "project", judged_by(_OF_LOGSTORE, "logstore", actions))

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The error that this service publishes; it publishes none for a lock."""
        if kind == "denied":
            return ApiError("Unauthorized", "denied by sts or ram", 401)
        if kind == "lock":
            return ApiError("WriteQuotaExceed", "More requests than the project takes.", 403)
        return ApiError("InternalServerError", "Internal error.", 500)

    def state(self) -> dict[str, Any]:
        """What calls created, by name."""
        return {
            one.name: {"Description": one.description, "Logstores": sorted(one.logstores)}
            for one in self._logs.projects.values()
        }

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """Delete everything that calls created."""
        self._logs.reset(world)

    async def close(self) -> None:
        """Does nothing: this service starts no server."""

    async def _create_project(self, given: Mapping[str, Any], call: Call) -> Answer:
        name = given["projectName"]
        if not _PROJECT.fullmatch(name):
            raise ApiError("ParameterInvalid", "The name of the project breaks the rules.")
        if name in self._logs.projects:
            raise ApiError("ProjectAlreadyExist", "The project exists.")
        self._logs.projects[name] = LogProject(name, call.region or "", given["description"], self._clock.now())
        return {}

    async def _project(self, given: Mapping[str, Any], call: Call) -> Answer:
        return self._shown(self._found(given, call))

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        wanted = given.get("projectName", "")
        found = [one for one in self._logs.projects.values() if one.region == call.region and wanted in one.name]
        listed = page(found, given.get("offset", 0), given.get("size", 100))
        return {"count": len(listed), "total": len(found), "projects": [self._shown(one) for one in listed]}

    def _shown(self, project: LogProject) -> dict[str, Any]:
        return {
            "projectName": project.name,
            "description": project.description,
            "region": project.region,
            "status": "Normal",
            "createTime": str(int(project.created_at)),
        }

    async def _delete_project(self, given: Mapping[str, Any], call: Call) -> Answer:
        project = self._found(given, call)
        if project.logstores and not given.get("forceDelete", False):
            raise ApiError("ProjectNotEmpty", "The project has Logstores.")
        del self._logs.projects[project.name]
        return {}

    async def _create_logstore(self, given: Mapping[str, Any], call: Call) -> Answer:
        project, name = self._found(given, call), given["logstoreName"]
        if not _LOGSTORE.fullmatch(name) or given.get("ttl", 30) not in _DAYS or not 1 <= given["shardCount"] <= 10:
            raise ApiError("LogStoreInfoInvalid", "logstoreName, ttl or shardCount is out of range.")
        if name in project.logstores:
            raise ApiError("LogStoreAlreadyExist", "The Logstore exists.")
        shown = {key: value for key, value in given.items() if key != "project"}
        project.logstores[name] = {"ttl": 30, "mode": "standard", **shown}
        return {}

    async def _logstore(self, given: Mapping[str, Any], call: Call) -> Answer:
        return dict(self._found_logstore(given, call).logstores[given["logstore"]])

    async def _delete_logstore(self, given: Mapping[str, Any], call: Call) -> Answer:
        project = self._found_logstore(given, call)
        del project.logstores[given["logstore"]]
        project.indexes.pop(given["logstore"], None)
        return {}

    async def _create_index(self, given: Mapping[str, Any], call: Call) -> Answer:
        project = self._found_logstore(given, call)
        if given["logstore"] in project.indexes:
            raise ApiError("IndexAlreadyExist", "The Logstore has an index.")
        project.indexes[given["logstore"]] = {
            key: value for key, value in given.items() if key not in ("project", "logstore")
        }
        return {}

    async def _index(self, given: Mapping[str, Any], call: Call) -> Answer:
        return dict(self._indexed(given, call))

    async def _search(self, given: Mapping[str, Any], call: Call) -> Answer:
        self._indexed(given, call)
        words = [one.strip('"') for one in given.get("query", "*").split(" and ")]
        place = f"{given['project']}/{given['logstore']}"
        lines = [
            {"functionName": function.spec.name, "message": line, "__time__": str(int(self._clock.now()))}
            for function in self._host.functions.values()
            if function.spec.log_place == place
            for line in function.log
            if all(word in line or word == "*" for word in words)
        ]
        start = given.get("offset", 0)
        found = lines[start : start + given.get("line", 100)]
        return {"meta": {"progress": "Complete", "count": len(found)}, "data": found}

    def _found(self, given: Mapping[str, Any], call: Call) -> LogProject:
        found = self._logs.projects.get(given["project"])
        if found is None or found.region != call.region:
            raise ApiError("ProjectNotExist", "The project does not exist.", 404)
        return found

    def _found_logstore(self, given: Mapping[str, Any], call: Call) -> LogProject:
        project = self._found(given, call)
        if given["logstore"] not in project.logstores:
            raise ApiError("LogStoreNotExist", "The Logstore does not exist.", 404)
        return project

    def _indexed(self, given: Mapping[str, Any], call: Call) -> dict[str, Any]:
        found = self._found_logstore(given, call).indexes.get(given["logstore"])
        if found is None:
            raise ApiError("IndexConfigNotExist", "The Logstore has no index.", 404)
        return found
