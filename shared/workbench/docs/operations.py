"""The chapter of operations: each function's description, its fields, where it runs, and which actions it may call."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.commands.command import Command, TencentCommand
from shared.workbench.bundle import function_text
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.description import CkafkaTrigger, Description, FunctionSpec
from shared.workbench.bundle.function_text import Story, TextMissing
from shared.workbench.bundle.operations import operations, rights
from shared.workbench.deploy.policies import Policy, policies
from shared.workbench.docs.errors import DocsError
from shared.workbench.docs.fields import Field, fields
from shared.workbench.docs.markdown import AnchorIds, code_block, line_to_html, to_html

PLATFORMS = {"scf": "Tencent SCF", "fc": "Alibaba Function Compute"}


@dataclass(frozen=True)
class OperationPage:
    """Everything that the page shows of one function; texts are HTML."""

    function: str
    story: Story
    about: str  # about its command, and the rules between the command's fields
    places: list[tuple[str, str]]  # platform, and its settings there
    fields: list[Field]
    example: str
    rights: list[str]


def functions(descriptions: list[Description]) -> list[str]:
    """Every function in the order of serverless.yml, operations first."""
    names = dict.fromkeys(spec.module for description in descriptions for spec in description.functions)
    return sorted(names, key=lambda name: name not in operations())


def operation(function: str, schemas: Path, descriptions: list[Description]) -> OperationPage:
    """The page's content about one function. Raises: DocsError: its docstring or its schema is missing."""
    declared = operations().get(function)
    model = declared.command if declared is not None else None
    schema = read_schema(schemas / f"{function}.command.json")
    return OperationPage(
        function=function,
        story=story(function),
        about=to_html(str(schema.get("description", "")), AnchorIds(), function),
        places=[(PLATFORMS[d.platform], how) for d in descriptions for how in _runs(d, function)],
        fields=fields(schema, first=_own_first(model)),
        example=_example(function),
        rights=list(rights(function)),
    )


def story(function: str) -> Story:
    """The docstring of a function file as HTML. Raises: DocsError: it has no title or no promise."""
    try:
        told = function_text.story(function)
    except TextMissing as error:
        raise DocsError(str(error)) from None
    html = [line_to_html(_sentence(part)) for part in (told.summary, told.promise, told.notes, told.source)]
    return Story(told.title, *html)


def role_policies(descriptions: list[Description]) -> Iterator[tuple[str, Policy, FunctionSpec]]:
    """Every policy that `make plan` prints, with its platform."""
    for description in descriptions:
        for spec in description.functions:
            for policy in policies(description, spec):
                yield PLATFORMS[description.platform], policy, spec


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] if not text.startswith("`") else text


def read_schema(path: Path) -> dict[str, Any]:
    """A generated schema. Raises: DocsError: it is missing."""
    try:
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise DocsError(f"{path.name} is missing: make schemas writes it") from None
    return schema


def _own_first(model: type[BaseModel] | None) -> tuple[str, ...]:
    """The API's own parameters in the model's order, then those that every command has."""
    if model is None:
        return ()
    common = Command.model_fields.keys() | TencentCommand.model_fields.keys()
    order = sorted(model.model_fields.items(), key=lambda item: item[0] in common)
    return tuple(field.alias or name for name, field in order)


def _runs(description: Description, function: str) -> Iterator[str]:
    for spec in description.functions:
        if spec.module == function:
            yield line_to_html(f"{spec.memory_mb} MB, {spec.timeout_s} s; {'; '.join(_triggers(spec))}")


def _triggers(spec: FunctionSpec) -> Iterator[str]:
    if spec.http is not None:
        yield f"HTTP {', '.join(spec.http.methods)}, signed (`{spec.http.auth_type}`)"
    for timer in spec.timers:
        yield f"timer `{timer.name}` at `{timer.cron}`{'' if timer.enabled else ', disabled'}"
    for queue in spec.queues:
        kind = f"CKafka topic `{queue.topic}`" if isinstance(queue, CkafkaTrigger) else f"SMQ queue `{queue.queue}`"
        yield f"{kind}, at most {queue.batch} messages at once, {queue.retries} retries"


def _example(function: str) -> str:
    """The command in the function's own HTTP event, otherwise the message in its queue event, as a block of JSON."""
    folder = ROOT / "events" / function
    own = "fc" if function.startswith("alibaba") else "scf"
    path = folder / f"{own}-http.json"
    if not path.is_file():
        return ""
    event = json.loads(path.read_text(encoding="utf-8"))
    body = base64.b64decode(event["body"]).decode() if event.get("isBase64Encoded") else event["body"]
    return code_block(json.dumps(json.loads(body), indent=2, ensure_ascii=False), "json")
