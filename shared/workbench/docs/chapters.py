"""The page's chapters, each made from the source of its facts. `menu.toml` sets their order."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.loading import load
from shared.workbench.claims.table import Status, by_harm, read_claims
from shared.workbench.docs import markdown, operations
from shared.workbench.docs.error_codes import TABLES, cloud_codes, own_codes
from shared.workbench.docs.fields import fields
from shared.workbench.docs.http import interface
from shared.workbench.docs.manual import ManualChapter, read_manual
from shared.workbench.docs.markdown import README_TOP, AnchorIds, sections, slug
from shared.workbench.docs.operations import read_schema
from shared.workbench.docs.queues import queues
from shared.workbench.operations.alarms import read_alarms
from shared.workbench.operations.log_lines import read_log_lines
from shared.workbench.operations.runbook import read_runbook

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
SCHEMAS = ROOT / "events" / "schemas"
MENU = HERE / "menu.toml"
RISKS = {
    "truth": "A result is untrue.",
    "secret": "A secret is lost or shown.",
    "deployment": "A deployment stops.",
    "service": "A command is refused or late.",
}
RESULT = {"type": "object", "description": "The fields of a [result](#event-resultevent)."}
SIGNERS = {"tencentSignature": "Tencent SCF", "alibabaSignature": "Alibaba Function Compute"}


@dataclass(frozen=True)
class Chapter:
    """One chapter. `parts` are its anchors and titles that the menu shows."""

    title: str
    id: str
    html: Markup
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Group:
    """A group of chapters in the menu."""

    title: str
    chapters: tuple[Chapter, ...]


def template_environment() -> Environment:
    """Jinja2 for the folder `templates`. It escapes everything except Markup."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["md"] = lambda text: Markup(markdown.line_to_html(text))
    made.filters["slug"] = slug
    made.tests["name"] = lambda text: re.fullmatch(r"[a-z_]+", text) is not None
    made.filters["breaks"] = lambda name: Markup(markdown.with_break_points(name))
    made.filters["json"] = lambda value: Markup(
        markdown.code_block(json.dumps(value, indent=2, ensure_ascii=False), "json")
    )
    made.filters["code"] = lambda text, language: Markup(markdown.code_block(text, language))
    made.filters["command"] = _command
    made.filters["span"] = lambda minutes: (
        f"{minutes} minutes" if minutes % 60 or minutes == 60 else f"{minutes // 60} hours"
    )
    made.filters["status"] = lambda name: name.replace("_", " ")
    made.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    return made


def _command(line: str) -> Markup:
    """A step of the runbook.

    A text that ends with a full stop is prose. Any other is a command to copy, with its remark first.
    """
    code, mark, remark = line.partition("   # ")
    if not mark and line.endswith("."):
        return Markup(f"<p>{markdown.line_to_html(line)}</p>")
    said = f"<p>{markdown.line_to_html(remark[:1].upper() + remark[1:])}:</p>" if remark else ""
    return Markup(f"{said}{markdown.code_block(code, 'sh')}")


def groups(schemas: Path = SCHEMAS, menu: Path = MENU) -> list[Group]:
    """Every chapter of the page, by group. Raises: DocsError naming what is missing."""
    return _Builder(schemas, tomllib.loads(menu.read_text(encoding="utf-8"))).groups()


class _Builder:
    """Builds the chapters, which share one set of anchors."""

    def __init__(self, schemas: Path, menu: dict[str, Any]) -> None:
        self.schemas = schemas
        self.menu = menu
        self.readme = sections(ROOT / "README.md")
        self.templates = template_environment()
        self.descriptions = [load(ROOT / "serverless.yml", cloud, {}) for cloud in ("tencent", "alibaba")]
        self.ids = AnchorIds()
        self.made: dict[str, Callable[[str], Chapter]] = {
            README_TOP: self.overview,
            "commands": self.commands,
            "functions": self.functions,
            "http-interface": self.http,
            "fields": self.fields,
            "queues": self.queues,
            "what-to-do": self.runbook,
            "error-codes": self.error_codes,
            "alarms": self.alarms,
            "log-lines": self.log_lines,
            "role-policies": self.policies,
            "claims": self.claims,
        }

    def groups(self) -> list[Group]:
        """The menu's groups, then README's sections.

        A chapter's anchor is its name, and is given out before any other anchor.
        """
        chapters = dict(self.made)
        chapters.update((one.name, partial(self.manual, one)) for one in read_manual())
        named = {name for group in self.menu["group"] for name in group["chapters"]}
        plan = {
            group["title"]: [name for name in group["chapters"] if name in chapters] for group in self.menu["group"]
        }
        plan["Manual"] += [name for name in chapters if name not in named]
        for name, text in self.readme.items():
            if name and text.strip() and not name.startswith(tuple(self.menu["left_out"])):
                anchor = self.ids.new(slug(name)) if slug(name) not in chapters else f"readme-{slug(name)}"
                chapters[anchor] = partial(self.section, name)
                plan.setdefault("README", []).append(anchor)
        self.ids.taken |= chapters.keys()
        return [Group(title, tuple(chapters[name](name) for name in names)) for title, names in plan.items()]

    def overview(self, anchor: str) -> Chapter:
        return Chapter("Overview", anchor, Markup(markdown.to_html(self.readme[""], self.ids, "is")))

    def section(self, name: str, anchor: str) -> Chapter:
        """A section of README."""
        return Chapter(name, anchor, Markup(markdown.to_html(self.readme[name], self.ids, anchor)))

    def manual(self, chapter: ManualChapter, anchor: str) -> Chapter:
        html = markdown.to_html(chapter.text, self.ids, anchor, chapter=anchor)
        return Chapter(chapter.title, anchor, Markup(html))

    def functions(self, anchor: str) -> Chapter:
        pages = [operations.operation(name, self.schemas, self.descriptions) for name in self.names()]
        parts = [(page.function, page.function) for page in pages]
        return self.render("Functions", anchor, "operations.html.j2", parts, pages=pages)

    def names(self) -> list[str]:
        return operations.functions(self.descriptions)

    def commands(self, anchor: str) -> Chapter:
        """The targets of the Makefile, as `make help` lists them."""
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        found = re.findall(r"^([a-z]+):.*## (.+)", makefile, re.MULTILINE)
        return self.render("Commands", anchor, "commands.html.j2", [], commands=found)

    def fields(self, anchor: str) -> Chapter:
        """The events and replies of keyturn, field by field."""
        found: list[dict[str, Any]] = []
        for name, title in (("result", "Result"), ("rotation-report", "Rotation report"), ("reply", "HTTP reply")):
            schema = read_schema(self.schemas / f"{name}.json")
            forms = [schema["$defs"][form["$ref"].rpartition("/")[2]] for form in schema.get("anyOf", ())]
            for form in forms or [schema]:
                about = markdown.to_html(str(form.get("description", "")), AnchorIds(), name)
                whole = {**form, "$defs": {**schema.get("$defs", {}), **({"ResultEvent": RESULT} if forms else {})}}
                event = f"event-{slug(form.get('title', name))}"
                found.append({"anchor": event, "title": title, "about": about, "fields": fields(whole)})
                title = f"{title} to a list"
        parts = [(one["anchor"], one["title"]) for one in found]
        return self.render("Fields of results, reports and replies", anchor, "events.html.j2", parts, events=found)

    def runbook(self, anchor: str) -> Chapter:
        kinds = (("error_class", "By error class"), ("outcome", "By outcome"), ("state", "By alarm"))
        parts = [(f"runbook-{kind}", title) for kind, title in kinds]
        return self.render("What to do next", anchor, "runbook.html.j2", parts, kinds=kinds, rows=read_runbook())

    def error_codes(self, anchor: str) -> Chapter:
        clouds = {
            cloud: (markdown.to_html(about, AnchorIds(), "code"), cloud_codes(table))
            for cloud, (about, table) in TABLES.items()
        }
        parts = [(f"error-codes-{slug(name)}", f"Codes of {name}") for name in ("keyturn", *clouds)]
        return self.render("Error codes", anchor, "error_codes.html.j2", parts, own=own_codes(), clouds=clouds)

    def alarms(self, anchor: str) -> Chapter:
        found = read_alarms()
        rules: dict[str, list[str]] = {alarm.id: [] for alarm in found.alarm}
        for rule in found.queue:
            rules[rule.alarm].append(rule.rule)
        parts = [(f"alarm-{a.id}", a.name.removeprefix("keyturn: ").capitalize()) for a in found.alarm]
        return self.render("Alarms", anchor, "alarms.html.j2", parts, alarms=found, queue_rules=rules)

    def log_lines(self, anchor: str) -> Chapter:
        lines = read_log_lines()
        parts = [(f"log-{line.event}", line.event) for line in lines]
        return self.render("Log lines", anchor, "log_lines.html.j2", parts, lines=lines)

    def policies(self, anchor: str) -> Chapter:
        found: dict[str, list[Any]] = {}
        for platform, policy, spec in operations.role_policies(self.descriptions):
            found.setdefault(spec.module, []).append((platform, policy))
        parts = [(f"role-{name}", name) for name in found]
        return self.render("Role policies", anchor, "policies.html.j2", parts, policies=found)

    def queues(self, anchor: str) -> Chapter:
        document = read_schema(self.schemas / "asyncapi.json")
        found = queues(document)
        return self.render(
            "Queues",
            anchor,
            "queues.html.j2",
            [(queue.anchor, queue.title) for queue in found],
            about=markdown.to_html(document["info"]["description"], AnchorIds(), "queues"),
            servers=document["servers"],
            queues=found,
        )

    def claims(self, anchor: str) -> Chapter:
        facts = {"risks": RISKS, "statuses": get_args(Status), "claims": by_harm(read_claims())}
        return self.render("Claims about the clouds", anchor, "claims.html.j2", [], **facts)

    def http(self, anchor: str) -> Chapter:
        found = interface(read_schema(self.schemas / "openapi.json"), self.names())
        parts = [("http-status", "Statuses"), *((f"http-{call.function}", call.function) for call in found.calls)]
        return self.render("HTTP interface", anchor, "http.html.j2", parts, http=found, platforms=SIGNERS)

    def render(self, title: str, anchor: str, template: str, parts: list[tuple[str, str]], **facts: Any) -> Chapter:
        html = self.templates.get_template(template).render(anchor=anchor, **facts)
        return Chapter(title, anchor, Markup(markdown.with_frames(html)), tuple(parts))
