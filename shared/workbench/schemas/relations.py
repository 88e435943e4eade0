"""The rules between fields. Each rule is here once: in words, and in JSON Schema if that can express it.

The models check the same rules in Python. A test sends the same commands to both and compares what they refuse. A field
that is null counts as absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.commands.command import Command
from shared.handlers.rotation import spelling_of
from shared.rotation.policy import CommandSpelling
from shared.runtime.regions import REGIONS
from shared.workbench.bundle.operations import operations
from shared.workbench.schemas import texts

Schema = dict[str, Any]


@dataclass(frozen=True)
class Relation:
    """One rule. `schema` None: JSON Schema cannot express the rule, or a setting or trigger decides."""

    text: str
    schema: Schema | None = None


def given(*names: str) -> Schema:
    """An object in which all of these fields are present and not null."""
    return {
        "type": "object",
        "required": list(names),
        "properties": {name: {"not": {"type": "null"}} for name in names},
    }


def absent(*names: str) -> Schema:
    """An object in which each of these fields is missing or null."""
    return {"properties": {name: {"type": "null"} for name in names}}


def holds(name: str, schema: Schema) -> Schema:
    """An object that has this field with a value that fits."""
    return {"type": "object", "required": [name], "properties": {name: schema}}


def exactly_one(left: str, right: str) -> Schema:
    return {"oneOf": [given(left), given(right)]}


def when(condition: Schema, then: Schema, otherwise: Schema | None = None) -> Schema:
    return {"if": condition, "then": then} | ({"else": otherwise} if otherwise is not None else {})


_MADE: Schema = {"type": "object", "required": ["Generate"]}


def of_command(model: type[Command]) -> list[Relation]:
    """The rules of an operation's command."""
    names = {name: field.alias or name for name, field in model.model_fields.items()}
    new, old = names[model.new_field], names[model.old_field] if model.old_field else None
    made = holds(new, _MADE)
    stored = holds("Deliver", given("Store"))
    shown = holds("Random", {"const": True}) if "random" in names else None
    relations = [
        Relation(
            f"Generate in {new} requires Deliver"
            + (", which names a Store, because a lost password would lock everyone out" * bool(old)),
            when(made, stored if old else given("Deliver")),
        ),
        Relation(
            "Deliver requires Generate" + (" or Random" if shown else ""),
            when(given("Deliver"), {"anyOf": [made, shown]} if shown else made),
        ),
    ]
    if "alternate" in names:
        relations += [
            Relation("Exactly one of AccountName and Alternate", exactly_one("AccountName", "Alternate")),
            Relation(
                f"Alternate names two different accounts, and requires Generate in {new} and Deliver.Store",
                when(
                    given("Alternate"),
                    {"allOf": [{"properties": {"Alternate": {"uniqueItems": True}}}, made, stored]},
                ),
            ),
        ]
    if model.instead_field:
        flag = names[model.instead_field]
        rule = when(holds(flag, {"const": True}), absent(new), given(new))
        relations.append(Relation(f"Exactly one of {flag}: true and {new}", rule))
    relations += _OF_MODEL.get(model.__name__, [])
    relations += [Relation(texts.UNSAID["same"])] if old else []
    return [*relations, *(Relation(texts.UNSAID[name]) for name in ("secret_in_text", "waited_for", "region", "whole"))]


_OF_MODEL = {
    "ModifyInstanceAccount": [
        Relation(
            "At least one of AccountPassword, Remark, ReadonlyPolicy, Privilege and NoAuth",
            {"anyOf": [given(n) for n in ("AccountPassword", "Remark", "ReadonlyPolicy", "Privilege", "NoAuth")]},
        ),
        Relation(
            "EncryptPassword: true requires an AccountPassword given as text",
            when(holds("EncryptPassword", {"const": True}), holds("AccountPassword", {"type": "string"})),
        ),
        Relation(
            "The rights of root cannot be changed, and only root may be without a password",
            when(holds("AccountName", {"const": "root"}), absent("Privilege"), absent("NoAuth")),
        ),
        Relation(
            "NoAuth: true and AccountPassword exclude each other",
            when(holds("NoAuth", {"const": True}), absent("AccountPassword")),
        ),
    ],
    "ModifyAccountPassword": [
        Relation(
            "OldAccountPassword is required, except with Alternate, which takes it from the store",
            when(given("Alternate"), absent("OldAccountPassword"), given("OldAccountPassword")),
        )
    ],
}


def of_deliver() -> list[Relation]:
    return [
        Relation("At least one of Store, Seal and Reply", {"anyOf": [given(n) for n in ("Store", "Seal", "Reply")]}),
        Relation("Adopt requires Store", when(given("Adopt"), given("Store"))),
    ]


def of_resources() -> list[Relation]:
    some = [holds("Tags", {"minProperties": 1}), holds("Patterns", {"minItems": 1})]
    return [Relation("Tags, Patterns or both; for every resource, set Patterns to one *", {"anyOf": some})]


def of_policy() -> list[Relation]:
    """The rules of PlanRotation.

    Each operation's own rules are words only, so that a new operation breaks no reader.
    """
    relations = [
        Relation("Alternate names two different accounts", {"properties": {"Alternate": {"uniqueItems": True}}}),
        Relation(
            "Store is required, except in mode report", {"anyOf": [given("Store"), holds("Mode", {"const": "report"})]}
        ),
    ]
    both = Relation("Accounts and Alternate exclude each other", when(given("Accounts"), absent("Alternate")))
    relations.append(both)
    for function, declared in operations().items():
        relations.append(Relation(f"{function} takes {_of_policies(spelling_of(declared))}"))
    for cloud in REGIONS:
        known: Schema = {"enum": [*REGIONS[cloud], None]}
        regions: Schema = {"properties": {"Region": known, "Regions": {"items": known}}}
        text = f"If Function begins with {cloud}, Region and Regions are regions of that cloud"
        relations.append(Relation(text, when(holds("Function", {"pattern": f"^{cloud}_"}), regions)))
    for one, several in (("Region", "Regions"), ("Role", "Roles")):
        alone = {"allOf": [absent(one), {"properties": {several: {"uniqueItems": True}}}]}
        relations.append(
            Relation(f"{several} must not repeat a value, and excludes {one}", when(given(several), alone))
        )
    relations.append(Relation("Role, Roles and Store must belong to the cloud that Function begins with"))
    plain: Schema = {"minItems": 1, "maxItems": 1, "items": {"not": {"pattern": r"\*"}}}
    relations += [
        Relation(
            "Store must hold {account} if Accounts may match several accounts; with Alternate it must not",
            when(
                holds("Accounts", {"type": "array", "not": plain}),
                {"properties": {"Store": {"pattern": r"\{account\}"}}},
                when(given("Alternate"), {"properties": {"Store": {"not": {"pattern": r"\{account\}"}}}}),
            ),
        ),
        Relation(
            "Store must hold {resource} if Resources may match several resources",
            when(
                holds("Resources", holds("Patterns", plain)),
                {},
                {"properties": {"Store": {"pattern": r"\{resource\}"}}},
            ),
        ),
        Relation(texts.UNSAID["region"]),
        Relation(texts.UNSAID["whole"]),
    ]
    return relations


def of_followed() -> list[Relation]:
    """The rules of the messages to follow_change."""
    proven = holds("Proven", {"const": True})
    return [
        Relation(
            "A proven change requires Store; any other change with Settling requires Before",
            when(proven, given("Store"), when(given("Settling"), given("Before"))),
        ),
        Relation(
            "The operation that the message names has further rules: TaskId is required if its changes run as tasks"
        ),
    ]


def _of_policies(spelling: CommandSpelling) -> str:
    """The rules for a policy of one operation, in words."""
    said = [f"a Length of {spelling.lengths[0]} to {spelling.lengths[-1]}"]
    no = []
    if spelling.only:
        no += ["Accounts", "Alternate"]
    elif spelling.alternates:
        said.append("exactly one of Accounts and Alternate")
    else:
        said.append("Accounts")
        no.append("Alternate")
    if spelling.cloud != "tencent":
        no.append("Site")
    return ", ".join([*said, *([f"no {' and no '.join(no)}"] if no else [])])


def state(schema: Schema, relations: list[Relation]) -> None:
    """Add rules to an object's schema: each to its description, and each that JSON Schema can express to `allOf`."""
    said = [{"description": one.text, **one.schema} for one in relations if one.schema is not None]
    if said:
        schema["allOf"] = said
    lines = "\n".join(f"- {one.text}" + ("" if one.text.endswith(".") else ".") for one in relations)
    schema["description"] = f"{schema.get('description', '')}\n\n{lines}".strip()
