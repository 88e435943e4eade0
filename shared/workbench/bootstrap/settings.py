"""The settings that name what bootstrap makes: which of them name nothing any more, and the file that sets them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shared.workbench.apis import sls
from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallRefused
from shared.workbench.apis.datahub import Topic, topic_of
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.needs import LogPlace, Needs
from shared.workbench.bundle.description import Cloud, Description

QUEUES = ("KEYTURN_RESULTS", "KEYTURN_COMMANDS")
LOGS: Mapping[Cloud, tuple[str, str]] = {
    "tencent": ("KEYTURN_CLS_LOGSET", "KEYTURN_CLS_TOPIC"),
    "alibaba": ("KEYTURN_SLS_PROJECT", "KEYTURN_SLS_LOGSTORE"),
}
_FILE = "settings.sh"
_HEAD = "# for {}"  # a region


def stale(
    api: TencentApi | AlibabaApi, description: Description, environ: Mapping[str, str], own: LogPlace
) -> Mapping[str, str]:
    """Variable -> what it names and the account does not have, so that it counts as unset.

    A name that bootstrap would give itself is never stale. Raises: CallRefused, CallLost, CallerRefused.
    """
    found = {}
    if isinstance(api, TencentApi):
        named = [one for one in _datahub_ids(environ) if one[2] not in description.examples]
        found = {variable: id_ for variable, region, id_ in named if task_topic(api, region, id_) is None}
    group, topic = LOGS[description.cloud]
    place = LogPlace(environ.get(group, ""), environ.get(topic, ""))
    if place.group and place.topic and place != own and not log_place_is_there(api, place):
        found |= {group: place.group, topic: place.topic}
    return found


def _datahub_ids(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Variable, region and id of each DataHub task that the settings name."""
    for variable in QUEUES:
        region, _, id_ = environ.get(variable, "").removeprefix("ckafka://").partition("/")
        if id_ and environ[variable].startswith("ckafka://"):
            yield variable, region, id_


def log_place_is_there(api: TencentApi | AlibabaApi, place: LogPlace) -> bool:
    """Whether a place for lines stands; true where its service does not say so.

    Raises: CallRefused that passes, CallLost, CallerRefused.
    """
    try:
        if isinstance(api, TencentApi):
            filters = [{"Key": "topicId", "Values": [place.topic]}]
            topics = api.call("cls", "DescribeTopics", {"Filters": filters, "Limit": 1}).get("Topics") or ()
            return any(one["LogsetId"] == place.group for one in topics)
        sls.ask(api, "GetLogStore", "GET", f"/logstores/{place.topic}", project=place.group)
    except CallRefused as refused:
        if refused.passes:
            raise
        return refused.code not in ("ProjectNotExist", "LogStoreNotExist")
    return True


def write(
    exports: Mapping[str, str], environ: Mapping[str, str], gone: Mapping[str, str], needs: Needs, folder: Path
) -> None:
    """settings.sh, which sets what was made here, and unsets what names nothing; it holds no secret."""
    cloud = needs.cloud
    folder.mkdir(parents=True, exist_ok=True)
    names = (*QUEUES, *(("CKAFKA_INSTANCE",) if cloud == "tencent" else ()), *LOGS[cloud])
    given = {name: environ.get(name, "") for name in names if name not in gone}
    # A broker's URL holds a password, and no platform's functions have a file in common.
    clouds_own = ("ckafka://", "smq://")
    kept = {
        name: value for name, value in given.items() if value and (name not in QUEUES or value.startswith(clouds_own))
    }
    exports = {**kept, **exports}
    files = [name for name in QUEUES if environ.get(name, "").startswith("sqlite:")]
    lines = [_HEAD.format(needs.region)]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in exports.items()]
    lines += [f"unset {name}" for name in dict.fromkeys((*files, *gone)) if name not in exports]
    (folder / _FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def forget(folder: Path, environ: Mapping[str, str], needs: Needs) -> Sequence[str]:
    """Delete settings.sh, unless it is of another region; the variables that it or this shell sets to what is gone."""
    cloud = needs.cloud
    try:
        lines = (folder / _FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    if lines and lines[0] != _HEAD.format(needs.region):
        return []
    (folder / _FILE).unlink(missing_ok=True)
    held = [line.removeprefix("export ").partition("=")[0] for line in lines if line.startswith("export ")]
    names = dict.fromkeys((*held, *(name for name in (*QUEUES, *LOGS[cloud]) if environ.get(name))))
    return [name for name in names if name not in ("CKAFKA_INSTANCE", "ALIBABA_ACCOUNT")]  # of a person's own


def task_topic(api: TencentApi, region: str, id_: str) -> Topic | None:
    """Where a DataHub id writes to; None: no task has it. Raises: CallRefused, CallLost, CallerRefused."""
    return topic_of(lambda asked: api.call("ckafka", "DescribeDatahubTasks", asked, region=region)["Result"], id_)
