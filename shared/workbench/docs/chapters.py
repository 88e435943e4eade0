"""The page's chapters, in their order, each from the place where its facts are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.loading import load
from shared.workbench.claims.table import by_harm, read_claims
from shared.workbench.docs import markdown, operations
from shared.workbench.docs.errors import DocsError
from shared.workbench.docs.fields import fields
from shared.workbench.docs.manual import ManualChapter, read_manual
from shared.workbench.docs.markdown import AnchorIds, sections, slug
from shared.workbench.docs.operations import read_schema
from shared.workbench.docs.queues import queues
from shared.workbench.operations.alarms import read_alarms
from shared.workbench.operations.log_lines import read_log_lines
from shared.workbench.operations.runbook import read_runbook

HERE = Path(__file__).parent
SCHEMAS = ROOT / "events" / "schemas"

# README's chapters that a reader of the reference does not need: how to try the bundle, and the bench.
LEFT_OUT = ("How a request flows", "Two commands", "Figures")


@dataclass(frozen=True)
class Chapter:
    """One chapter. `parts` are the anchors and titles within it that the menu shows."""

    title: str
    id: str
    html: Markup
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Group:
    """Chapters that the menu shows together."""

    title: str
    chapters: tuple[Chapter, ...]


def template_environment() -> Environment:
    """Jinja2 over the folder `templates`: everything is escaped that is not Markup."""
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
    made.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    return made


def _command(line: str) -> Markup:
    """Where to look: what ends with a full stop is prose; anything else is to copy, with its remark before it."""
    code, mark, remark = line.partition("   # ")
    if not mark and line.endswith("."):
        return Markup(f"<p>{markdown.line_to_html(line)}</p>")
    said = f"<p>{markdown.line_to_html(remark[:1].upper() + remark[1:])}:</p>" if remark else ""
    return Markup(f"{said}{markdown.code_block(code, 'sh')}")


def groups(schemas: Path = SCHEMAS) -> list[Group]:
    """Every chapter of the page, by group. Raises: DocsError naming what is missing."""
    return _Builder(schemas).groups()


class _Builder:
    """The chapters share one set of anchors."""

    def __init__(self, schemas: Path) -> None:
        self.schemas = schemas
        self.readme = sections(ROOT / "README.md")
        self.templates = template_environment()
        self.descriptions = [load(ROOT / "serverless.yml", cloud, {}) for cloud in ("tencent", "alibaba")]
        self.ids = AnchorIds()
        self.used = {"", *LEFT_OUT}

    def groups(self) -> list[Group]:
        plan: list[tuple[str, list[Callable[[], Chapter]]]] = [
            ("Use", [self.overview, self.functions, *self.from_readme("Events in", "Results out"), self.events]),
            ("Watch and mend", [*self.from_readme("Operations?"), self.runbook, self.alarms, self.log_lines]),
            ("Set up", [*self.from_readme("A first change?", "Deploy", "Settings"), self.policies, self.queues]),
            ("Manual", self.manual()),
            ("Trust", [*self.from_readme("What is promised", "Security", "Limits", "Beside others?"), self.claims]),
            ("HTTP", [self.http]),
        ]
        plan[0][1].extend(self.from_readme(*(name for name in self.readme if name not in self.used)))
        return [Group(title, tuple(build() for build in builders)) for title, builders in plan]

    def from_readme(self, *names: str) -> list[Callable[[], Chapter]]:
        """Chapters that are README's sections, each by its heading or how that begins; `?`: where there is one.

        Their anchors are taken before any other, so that README's own links lead to them.
        """
        found = []
        for wanted in names:
            name = next((name for name in self.readme if name and name.startswith(wanted.rstrip("?"))), None)
            if name is None and not wanted.endswith("?"):
                raise DocsError(f'README.md has no section "{wanted}"')
            if name is not None and name not in self.used and self.readme[name].strip():
                self.used.add(name)
                found.append(self._section(name, self.ids.new(slug(name))))
        return found

    def _section(self, name: str, anchor: str) -> Callable[[], Chapter]:
        return lambda: Chapter(name, anchor, Markup(markdown.to_html(self.readme[name], self.ids, anchor)))

    def manual(self) -> list[Callable[[], Chapter]]:
        """The chapters of the manual, each under the anchor that links to its file become."""
        return [self._manual_chapter(one, self.ids.new(markdown.manual_anchor(one.name))) for one in read_manual()]

    def _manual_chapter(self, chapter: ManualChapter, anchor: str) -> Callable[[], Chapter]:
        return lambda: Chapter(chapter.title, anchor, Markup(markdown.to_html(chapter.text, self.ids, anchor, level=1)))

    def overview(self) -> Chapter:
        return Chapter("Overview", self.ids.new("overview"), Markup(markdown.to_html(self.readme[""], self.ids, "is")))

    def functions(self) -> Chapter:
        names = operations.functions(self.descriptions)
        pages = [operations.operation(name, self.schemas, self.descriptions) for name in names]
        return self._made("Functions", "operations.html.j2", [(p.function, p.function) for p in pages], pages=pages)

    def events(self) -> Chapter:
        """What leaves keyturn, field by field."""
        found: list[dict[str, Any]] = []
        for name, title in (("result", "Result"), ("rotation-report", "Rotation report"), ("reply", "HTTP reply")):
            schema = read_schema(self.schemas / f"{name}.json")
            forms = [schema["$defs"][form["$ref"].rpartition("/")[2]] for form in schema.get("anyOf", ())]
            for form in forms or [schema]:
                about = markdown.to_html(str(form.get("description", "")), AnchorIds(), name)
                whole = {**form, "$defs": {} if forms else schema.get("$defs", {})}
                anchor = f"event-{slug(form.get('title', name))}"
                found.append({"anchor": anchor, "title": title, "about": about, "fields": fields(whole)})
                title = f"{title}, to a list"
        return self._made(
            "Fields of what comes out", "events.html.j2", [(e["anchor"], e["title"]) for e in found], events=found
        )

    def runbook(self) -> Chapter:
        kinds = (("error_class", "By error class"), ("outcome", "By outcome"), ("state", "By what an alarm says"))
        parts = [(f"runbook-{kind}", title) for kind, title in kinds]
        return self._made("What to do next", "runbook.html.j2", parts, kinds=kinds, rows=read_runbook())

    def alarms(self) -> Chapter:
        found = read_alarms()
        rules: dict[str, list[str]] = {alarm.id: [] for alarm in found.alarm}
        for rule in found.queue:
            rules[rule.alarm].append(rule.rule)
        parts = [(f"alarm-{a.id}", a.name.removeprefix("keyturn: ").capitalize()) for a in found.alarm]
        return self._made("Alarms", "alarms.html.j2", parts, alarms=found, queue_rules=rules)

    def log_lines(self) -> Chapter:
        lines = read_log_lines()
        return self._made("Log lines", "log_lines.html.j2", [(f"log-{e.event}", e.event) for e in lines], lines=lines)

    def policies(self) -> Chapter:
        found: dict[str, list[Any]] = {}
        for platform, policy, spec in operations.role_policies(self.descriptions):
            found.setdefault(spec.module, []).append((platform, policy))
        return self._made("Role policies", "policies.html.j2", [(f"role-{n}", n) for n in found], policies=found)

    def queues(self) -> Chapter:
        document = read_schema(self.schemas / "asyncapi.json")
        found = queues(document)
        return self._made(
            "Queues",
            "queues.html.j2",
            [(queue.anchor, queue.title) for queue in found],
            about=markdown.to_html(document["info"]["description"], AnchorIds(), "queues"),
            servers=document["servers"],
            queues=found,
        )

    def claims(self) -> Chapter:
        costs = {
            "truth": "If wrong, a result is untrue",
            "secret": "If wrong, a secret is lost or shown",
            "deployment": "If wrong, a deployment stops",
            "service": "If wrong, something is refused or late",
        }
        parts = [(f"claims-{risk}", title) for risk, title in costs.items()]
        found = by_harm(read_claims())
        return self._made("What keyturn believes of the clouds", "claims.html.j2", parts, costs=costs, claims=found)

    def http(self) -> Chapter:
        return self._made("HTTP interface", "http.html.j2", [])

    def _made(self, title: str, template: str, parts: list[tuple[str, str]], **facts: Any) -> Chapter:
        anchor = self.ids.new(slug(title))
        html = self.templates.get_template(template).render(anchor=anchor, **facts)
        return Chapter(title, anchor, Markup(markdown.with_frames(html)), tuple(parts))
