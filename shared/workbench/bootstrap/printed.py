"""What bootstrap would do, for somebody else to do: commands of the vendor's command line, and policies as files."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.workbench.bootstrap import alibaba, tencent
from shared.workbench.bootstrap.cam import cam_calls
from shared.workbench.bootstrap.deployer import bootstrap_policy, deployer_policy
from shared.workbench.bootstrap.needs import Needs
from shared.workbench.bootstrap.ram import ram_calls
from shared.workbench.bootstrap.resources import ApiCall, as_text
from shared.workbench.bundle.description import Description

_NOT_RUN = "# Nobody ran these: their parameters are those of the vendor's SDKs, and what they do was not tried."
_UNQUOTED = 'printf %s "{}" | tr -d \'"\''  # in a line of its own: a pipe's status is that of its last command
_ALIYUN = {"eventbridge-console": "eventbridge"}  # as its command line calls a product


def write(description: Description, needs: Needs, account: str, dist: Path) -> Path:
    """dist/bootstrap/<cloud>/: commands.sh, two persons' policies, and for each role its trust and its policy."""
    folder = dist / "bootstrap" / needs.cloud
    folder.mkdir(parents=True, exist_ok=True)
    for role in needs.roles:
        _write(folder / f"{role.name}.trust.json", role.trust)
        if role.policy:
            _write(folder / f"{role.name}.policy.json", role.policy)
    _write(folder / "deployer.json", deployer_policy(needs, account))
    _write(folder / "bootstrap.json", bootstrap_policy(needs))
    (folder / "commands.sh").write_text("\n".join(commands(needs, description.region)) + "\n", encoding="utf-8")
    return folder


def commands(needs: Needs, region: str) -> Iterator[str]:
    """A script; it stops at the first command that fails, and repeats nothing: what is there already fails."""
    yield "#!/bin/sh"
    yield f"# What keyturn's service {needs.service} needs in {region}, for somebody who may make it."
    if needs.cloud == "alibaba":
        yield _NOT_RUN
    yield "set -eu"
    yield from _tccli(needs, region) if needs.cloud == "tencent" else _aliyun(needs, region)
    yield f"# then, by the same account: make bootstrap CLOUD={needs.cloud} finds all this, and writes the settings"
    for number, consent in enumerate(needs.consents, 1):
        yield f"# by hand, {number}: in the console: {consent.page}"
    for text in needs.unnamed:
        yield f"# first: export {text}"
    for first in needs.secrets:
        yield f"# then, for each account of {first.policy}: make bootstrap CLOUD={needs.cloud} SECRET={first.store}"


def _tccli(needs: Needs, region: str) -> Iterator[str]:
    calls = [call for role in needs.roles for call in cam_calls(role, needs.service, needs.mark)]
    service, mark, needless = needs.service, needs.mark, needs.optional
    calls += [tencent.topic_call(one, service, mark) for one in needs.topics if one.title not in needless]
    calls += [tencent.task_call(one, service, mark) for one in needs.tasks if one.title not in needless]
    yield from (_unless_there(call, _tccli_command(call, region)) for call in calls)
    if needs.logs_title not in needs.optional:
        new_set, topic, index = tencent.log_calls(needs.logs, needs.service, needs.mark, "$LOGSET", "$TOPIC")
        yield f"LOGSET=$({_tccli_command(new_set, region)} --filter LogsetId)"
        yield f"LOGSET=$({_UNQUOTED.format('$LOGSET')})"
        yield f"TOPIC=$({_tccli_command(topic, region)} --filter TopicId)"
        yield f"TOPIC=$({_UNQUOTED.format('$TOPIC')})"
        yield _tccli_command(index, region)
        yield 'echo "export KEYTURN_CLS_LOGSET=$LOGSET KEYTURN_CLS_TOPIC=$TOPIC"'


def _tccli_command(call: ApiCall, region: str) -> str:
    words = ["tccli", call.service, call.action, "--region", region]
    for name, value in call.parameters.items():
        words += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
    return _line(words)


def _aliyun(needs: Needs, region: str) -> Iterator[str]:
    calls = [call for role in needs.roles for call in ram_calls(role, needs.mark)]
    calls += [alibaba.queue_call(one, needs.service) for one in needs.queues]
    calls += [alibaba.linked_role_call(one) for one in needs.linked_roles]
    for call in calls:
        words = ["aliyun", _ALIYUN.get(call.service, call.service), call.action, "--region", region]
        for name, value in call.parameters.items():
            words += [f"--{name}", str(value)]
        yield _unless_there(call, _line(words))
    if needs.logs_title not in needs.optional:
        project, store = needs.logs.group, needs.logs.topic
        sls = ["aliyun", "sls"]
        body = as_text(alibaba.project_body(needs.logs, needs.mark))
        yield _line([*sls, "CreateProject", "--region", region, "--body", body])
        within = ["--region", region, "--project", project]
        yield _line([*sls, "CreateLogStore", *within, "--body", as_text(alibaba.logstore_body(needs.logs))])
        index = ["--logstore", store, "--body", as_text(alibaba.index_body())]
        yield _line([*sls, "CreateIndex", *within, *index])


def _unless_there(call: ApiCall, line: str) -> str:
    """A role is the account's, and another region may have made it; where it is not there, the next line fails."""
    return f"{line} || echo 'it may be there already, for another region'" if call.action == "CreateRole" else line


def _line(words: list[str]) -> str:
    """A command as the shell reads it; a word of the script's own variable is left to the shell."""
    return " ".join(f'"{word}"' if word in ("$LOGSET", "$TOPIC") else shlex.quote(word) for word in words)


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
