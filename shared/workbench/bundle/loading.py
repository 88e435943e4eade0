"""Reads serverless.yml and checks it for one platform.

`load(path, cloud, environ)` gives a `Description`, or a DescriptionError whose `lines` each read
`serverless.yml:LINE: message`. It calls no cloud, and runs no function's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from shared.runtime.regions import regions_of
from shared.runtime.role_names import may_assume
from shared.runtime.settings import read_settings
from shared.runtime.spelling import meant
from shared.workbench.bundle import description as d
from shared.workbench.bundle import yaml_with_lines
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.deployment_rules import DeploymentRules
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.form import FunctionForm, LogsForm, NetworkForm, ServerlessFile
from shared.workbench.bundle.function_files import cloud_called_by
from shared.workbench.bundle.function_rules import FunctionRules, region_mistake
from shared.workbench.bundle.mistakes import Mistakes
from shared.workbench.bundle.trigger_rules import TriggerRules
from shared.workbench.bundle.yaml_with_lines import Located, line_of
from shared.workbench.environment.file_problems import why

_SEAL_MB = 5.0  # the packages that sealing adds to a zip: joserfc, and cryptography's binary

Purpose = Literal["read", "prepare", "deploy"]
"""What the description is for. "prepare": the queues must fit each other and the platform. "deploy": also, no example
name of the file is left.
"""


def load(
    path: Path,
    cloud: str,
    environ: Mapping[str, str],
    *,
    functions: Path = ROOT / "functions",
    to: Purpose = "read",
) -> d.Description:
    """Read and check `path` for one cloud ("tencent" or "alibaba"); `functions` is the folder of handlers.

    `${env:...}` reads from `environ`; there CLOUD is `cloud`. `to`: what the description is for, see Purpose.

    Raises: DescriptionError with every mistake that was found.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DescriptionError([f"{path}: cannot be read: {why(error)}"]) from None
    except UnicodeDecodeError:
        raise DescriptionError([f"{path.name}:1: cannot be read: it is not UTF-8"]) from None
    if cloud not in ("tencent", "alibaba"):
        wrong = f"CLOUD={cloud} is none: " if cloud else ""
        near = meant(cloud, ("tencent", "alibaba"))
        raise DescriptionError([f"which cloud? {wrong}CLOUD=tencent or CLOUD=alibaba{near}"])
    document = yaml_with_lines.read(text, path.name)
    variables = yaml_with_lines.Variables(document, {**environ, "CLOUD": cloud}, path.name)
    whose: d.Cloud = "tencent" if cloud == "tencent" else "alibaba"
    return _describe(variables.resolve(document), path.name, whose, functions, to)


def _describe(document: Located, name: str, cloud: d.Cloud, folder: Path, to: Purpose) -> d.Description:
    """The description in a document whose variables are replaced.

    `folder` holds the handlers. Raises: DescriptionError.
    """
    mistakes = Mistakes()
    try:
        file = ServerlessFile.model_validate(document)
    except ValidationError as error:
        mistakes.add_validation(error)
        raise DescriptionError(mistakes.lines(document, name)) from None
    if file.provider.name != cloud:
        mistakes.add(f"must be {cloud}, which CLOUD chose", "provider", "name")
    if file.provider.region not in regions_of(cloud):
        mistakes.add(f"{region_mistake(file.provider.region, cloud)} (KEYTURN_REGION)", "provider", "region")
        raise DescriptionError(mistakes.lines(document, name))  # the other checks use it
    rules, triggers = FunctionRules(cloud, folder, mistakes), TriggerRules(file, cloud, mistakes)
    clouds = {given.module: cloud_called_by(folder / f"{given.module}.py") for given in file.functions.values()}
    every: tuple[d.Cloud, ...] = ("tencent", "alibaba")
    called = tuple(one for one in every if one in clouds.values())
    specs = []
    for key, given in file.functions.items():
        at = ("functions", key)
        rules.check(key, given)
        own = clouds[given.module]
        started_by = triggers.read(given.module, given.events, (*at, "events"))
        specs.append(_spec(key, given, (own,) if own else called, started_by, line_of(document, at)))
    _check_together(file, mistakes)
    if to != "read":
        DeploymentRules(file, document, cloud, mistakes).check(examples=to == "prepare")
    if to != "read" and not mistakes:
        _check_roles(dict(zip(file.functions, specs, strict=True)), mistakes)
    if mistakes:
        raise DescriptionError(mistakes.lines(document, name))
    given_policies = file.custom.policies if file.custom else {}
    here = {spec.module for spec in specs}
    policies = {name: fields for name, fields in given_policies.items() if fields.get("Function") in here}
    elsewhere = {name: str(fields.get("Function")) for name, fields in given_policies.items() if name not in policies}
    where = (cloud, d.PLATFORM_OF[cloud], file.service, file.provider.region)
    examples = tuple(file.custom.examples) if file.custom else ()
    return d.Description(*where, tuple(specs), policies, elsewhere, examples)


def _spec(
    key: str, given: FunctionForm, clouds: tuple[d.Cloud, ...], started_by: d.StartedBy, line: int
) -> d.FunctionSpec:
    letter, to = given.dead_letter, given.destinations
    return d.FunctionSpec(
        name=given.name or key,
        module=given.module,
        handler=given.handler,
        clouds=clouds,
        runtime=given.runtime,
        memory_mb=given.memory_size,
        timeout_s=given.timeout,
        role=given.role,
        environment=dict(given.environment),
        instances=given.instances,
        concurrency=given.concurrency,
        async_retries=given.async_retries,
        dead_letter=d.DeadLetter(letter.type, letter.name) if letter else None,
        destinations=d.Destinations(to.on_success, to.on_failure) if to else None,
        http=started_by.http,
        timers=started_by.timers,
        queues=started_by.queues,
        budget_mb=float(given.budget_mb) + (_SEAL_MB if given.seals else 0),
        line=line,
        seals=given.seals,
        network=_network(given.vpc),
        logs=_logs(given.logs),
    )


def _check_roles(specs: Mapping[str, d.FunctionSpec], mistakes: Mistakes) -> None:
    """Check that each function that works in other accounts names their roles in its KEYTURN_ASSUME."""
    for policy in (one for spec in specs.values() for one in spec.rotations):
        roles = [role for role in [policy.get("Role"), *(policy.get("Roles") or [])] if role]
        for key, spec in specs.items():
            named = read_settings(spec.environment).assume if roles else ()
            for role in roles if spec.module in (policy["Function"], "plan_rotation", "follow_change") else ():
                if not may_assume(named, role):
                    text = f"does not name {role}, the role of policy {policy['Policy']}"
                    mistakes.add(text, "functions", key, "environment", "KEYTURN_ASSUME")


def _network(given: NetworkForm | None) -> d.Network | None:
    """The private network; None if the file names none."""
    if given is None or not given.vpc:
        return None
    subnets = tuple(part.strip() for part in given.subnet.split(",") if part.strip())
    return d.Network(given.vpc, subnets, given.security_group)


def _logs(given: LogsForm | None) -> d.Logs | None:
    """The log place; None if both parts are empty."""
    if given is None:
        return None
    group, topic = given.logset or given.project, given.topic or given.logstore
    return d.Logs(group, topic) if group or topic else None


def _check_together(file: ServerlessFile, mistakes: Mistakes) -> None:
    """Check the values that must differ between functions, and those that must be the same."""
    for part in ("name", "handler", "role"):
        seen: set[str] = set()
        for key, function in file.functions.items():
            value = getattr(function, part) or key
            if value in seen:
                mistakes.add("another function has the same value", "functions", key, part)
            seen.add(value)
    keys: dict[str, str] = {}
    for key, function in file.functions.items():
        queue, value = (function.environment.get(f"KEYTURN_{name}") for name in ("COMMANDS", "HANDOFF_KEY"))
        if queue and value and keys.setdefault(queue, value) != value:
            text = "functions that share a commands queue must have the same key"
            mistakes.add(text, "functions", key, "environment", "KEYTURN_HANDOFF_KEY")
