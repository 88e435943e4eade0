"""README is a promise: a newcomer gets through its commands, and its tables name what the code has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.commands.command import Command, TencentCommand
from shared.results.outcome import Outcome
from shared.results.result_event import _STATUS
from shared.runtime.errors import ErrorClass
from shared.workbench.bundle.loading import load
from shared.workbench.deploy.policies import policies
from shared.workbench.schemas import readme
from tests.campaign.cases import all_cases
from tests.cloud.backends.child_processes import free_port
from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.vendor_clients import stored_value
from tests.cloud.state.checkout import ROOT
from tests.support.programs import Program, require_program
from tests.support.shell_session import ShellSession
from tests.workbench.pages import BLOCK_S, PAGES, TEXTS, AttachedStandin, blocks, missing_programs, own_dist

README = TEXTS["README.md"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
IN_CI = ("make demo", "make test", "make campaign", "make lint")
MOST_WORDS = 2_600  # some ten minutes


def in_ci(block: str) -> bool:
    """Whether a block takes so long that CI runs it, and no test."""
    return any(line.partition("  #")[0].strip() in IN_CI for line in block.splitlines())


# --- the walk ---------------------------------------------------------------------------------------------------------


@dataclass
class Walk:
    """Where a newcomer is: what the last block printed, and the folder that its files are in."""

    folder: Path
    said: str = ""

    @property
    def first(self) -> AttachedStandin:
        return AttachedStandin(self.folder / "keyturn-cloud.json")

    @property
    def second(self) -> AttachedStandin:
        return AttachedStandin(self.folder / "keyturn-fleet.json")

    def events(self) -> list[dict[str, Any]]:
        """The events of the walk, as the page saves them."""
        lines = (self.folder / "keyturn-events.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


def outcomes(said: str) -> list[str]:
    """Subject and outcome of every result that was printed, as an event or as a line for people."""
    found = re.findall(r'"keyturn\.credential\.([a-z_]+)", ?"subject": ?"([^"]+)"', said)
    found += re.findall(rf"^({'|'.join(Outcome)}) {{3,}}(\S+/\S+/\S+)", said, re.MULTILINE)
    return [f"{subject} {outcome}" for outcome, subject in found]


def first_change(walk: Walk) -> None:
    """One message of a queue."""
    assert '"Outcome":"changed"' in walk.said.replace('": "', '":"')
    assert not redis_accepts(walk.first.redis["r-demo0001"], "Tair-Passw0rd", "app")


def timer_and_pending(walk: Walk) -> None:
    """`pending` came first; `follow_change` brought the end."""
    listed = [line for line in walk.said.splitlines() if line.startswith('{"specversion"')]
    assert outcomes("\n".join(listed)) == [
        "tair/r-demo0001/app changed",
        "tcr/tcr-demo0001/robot changed",
        "redis/crs-demo0001/root pending",
        "redis/crs-demo0001/root changed",
    ]


def planned_and_deployed(walk: Walk) -> None:
    count = len(load(ROOT / "serverless.yml", "tencent", {}).functions)
    assert f"+ {count} functions, ~ 0, - 0" in walk.said
    assert "steps; `make deploy CLOUD=tencent` does them" in walk.said
    assert len(walk.second.functions()) == count


def every_operation(walk: Walk) -> None:
    """Three sites' instances, an account and a robot: the new passwords open, the old do not."""
    cloud = walk.second
    assert set(outcomes(walk.said)) == {
        "redis/crs-demo0001/app changed",
        *(f"redis/crs-demo000{n}/root changed" for n in (1, 2, 3)),
        "tcr/tcr-demo0001/robot changed",
    }
    assert redis_accepts(cloud.redis["crs-demo0001"], "New-Passw0rd1", "app")
    assert not redis_accepts(cloud.redis["crs-demo0001"], "App-Passw0rd", "app")
    for n in (1, 2, 3):
        assert redis_accepts(cloud.redis[f"crs-demo000{n}"], f"New-Passw0rd{n + 1}")
        assert not redis_accepts(cloud.redis[f"crs-demo000{n}"], "Old-Passw0rd")
    assert registry_accepts(cloud.registry["tcr-demo0001"], "tcr$robot", "New-Passw0rd5")
    assert not registry_accepts(cloud.registry["tcr-demo0001"], "tcr$robot", "Robot-Passw0rd1")


def _rotated(walk: Walk, fleet: str, store: Callable[[str], str]) -> None:
    """The two that were due have a new secret, each store's current one opens its server, and nothing more is due."""
    cloud = walk.second
    names = sorted(name for name in cloud.redis if name.startswith(fleet))
    changed = {event["subject"].split("/")[1] for event in walk.events() if event["type"].endswith(".changed")}
    assert len(names) == 6
    assert len(changed & set(names)) == 2
    for name in names:
        current = store(name)
        assert redis_accepts(cloud.redis[name], current, "app")
        assert (current != "Fleet-Passw0rd1") == (name in changed)
        assert redis_accepts(cloud.redis[name], "Fleet-Passw0rd1", "app") == (name not in changed)
    reports = [event["data"] for event in walk.events() if event["type"] == "keyturn.rotation.report"]
    assert [report["Due"] for report in reports[-2:]] == [2, 0]


def tencent_fleet(walk: Walk) -> None:
    cloud = walk.second
    _rotated(walk, "crs-fleet", lambda name: stored_value(cloud, f"ssm://redis-{name}-app", "v1"))
    assert cloud.functions() == []


def alibaba(walk: Walk) -> None:
    cloud = walk.second
    assert "tair/r-demo0001/app changed" in outcomes(walk.said)
    assert redis_accepts(cloud.redis["r-demo0001"], "New-Passw0rd6", "app")
    assert not redis_accepts(cloud.redis["r-demo0001"], "Tair-Passw0rd", "app")
    _rotated(walk, "r-fleet", lambda name: stored_value(cloud, f"kms://tair-{name}-app"))
    assert cloud.functions() == []


def two_pages(walk: Walk) -> None:
    report = (walk.folder / "keyturn-report.html").read_text(encoding="utf-8")
    assert "redis/crs-demo0002/root" in report or "crs-demo0002" in report
    reference = (ROOT / "dist" / "docs" / "keyturn.html").read_text(encoding="utf-8")
    assert "KEYTURN_ALLOW" in reference
    assert "wrong_old_secret" in reference


CHECKS: dict[str, Callable[[Walk], None]] = {
    "fc-queue.json": first_change,
    "tests.cloud run --once": timer_and_pending,
    "make plan CLOUD=tencent": planned_and_deployed,
    "make call CLOUD=tencent": every_operation,
    "make remove CLOUD=tencent": tencent_fleet,
    "CLOUD=alibaba": alibaba,
    "make report": two_pages,
}


@pytest.mark.long
def test_a_newcomer_gets_through_the_page(tmp_path: Path) -> None:
    """Every block, in one shell, copied as it stands but for the port and the names in /tmp."""
    walk, checked, missing = Walk(tmp_path), set[str](), list[Program]()
    port = str(free_port())
    with own_dist(), ShellSession(tmp_path) as shell:
        for block in blocks("README.md"):
            if in_ci(block):
                continue
            if lacking := missing_programs(block):
                missing += lacking
                continue
            here = block.replace("8765", port).replace("/tmp/keyturn", f"{tmp_path}/keyturn")
            walk.said = shell.run(here, timeout_s=BLOCK_S)
            for text, check in CHECKS.items():
                if text in block:
                    check(walk)
                    checked.add(text)
    for program in missing:
        require_program(program)
    assert checked == set(CHECKS)


@pytest.mark.long
def test_the_commands_of_the_other_pages_run(tmp_path: Path) -> None:
    """Each page in a shell of its own. A lost answer is looked into, as CONTRIBUTING says."""
    said, port = "", str(free_port())
    for page in PAGES[1:]:
        with ShellSession(tmp_path) as shell:
            for block in (block for block in blocks(page) if not in_ci(block)):
                for program in missing_programs(block):
                    require_program(program)
                here = block.replace("8765", port).replace("/tmp/keyturn", f"{tmp_path}/keyturn")
                said += shell.run(here, timeout_s=BLOCK_S)
    assert "redis/crs-demo0001/app changed" in outcomes(said.replace('\\"', '"'))
    assert "DescribeTaskList" in said


def test_every_command_that_tests_cannot_run_here_is_run_by_ci() -> None:
    """README's own by CI, from README; lint by one of these; the campaign as a sample that each day draws anew."""
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    first = next(block for block in blocks("README.md") if in_ci(block)).splitlines()
    assert first == ["make demo", "make test"]
    assert "$(MAKE) --no-print-directory lint" in MAKEFILE
    assert "-m tests.campaign --within" in ci
    for block in (block for page in PAGES for block in blocks(page) if in_ci(block)):
        for line in block.splitlines():
            command = line.partition("  #")[0].strip()
            assert command in {*first, "make lint", "make campaign"}, f"{command} stands in a block that only CI runs"


# --- length and tables ------------------------------------------------------------------------------------------------


def test_readme_takes_ten_minutes() -> None:
    """Words outside commands, what programs write, and what is folded away."""
    text = README
    for away in (
        r"^```.*?^```",
        r"<!-- (bench|claims|functions) -->.*?<!-- /\1 -->",
        r"<details>.*?</details>",
        r"<!--.*?-->",
    ):
        text = re.sub(away, "", text, flags=re.DOTALL | re.MULTILINE)
    words = [word for word in text.split() if re.search(r"\w", word)]
    assert len(words) <= MOST_WORDS


def test_the_tables_name_every_outcome_error_class_and_common_field() -> None:
    for outcome in Outcome:
        assert f"| `{outcome.value}` |" in README
    for error_class in ErrorClass:
        assert f"| `{error_class.value}` | {_STATUS.get(error_class, 409)} |" in README
    for name in (field.alias for field in TencentCommand.model_fields.values()):
        assert f"`{name}`" in README
    assert Command.model_fields.keys() < TencentCommand.model_fields.keys()


def test_every_setting_that_the_code_reads_is_in_the_table() -> None:
    source = (ROOT / "shared" / "runtime" / "settings.py").read_text(encoding="utf-8")
    for name in set(re.findall(r'text\("([A-Z_]+)"\)', source)):
        assert f"KEYTURN_{name}" in README
    for name in set(re.findall(r"\$\{env:([A-Z_]+)", (ROOT / "serverless.yml").read_text(encoding="utf-8"))) - {
        "CLOUD"
    }:
        assert f"`{name}`" in README


def test_the_tables_of_functions_are_what_the_code_says() -> None:
    assert readme.current(README) == README, "README.md: a table of functions is stale: make schemas"


def _roles() -> dict[str, set[str]]:
    """README's table of roles: the first cell's function, or a phrase, and the actions as `service:Action`."""
    table = README[README.index("| role of | actions |") :].partition("<!-- /roles -->")[0]
    rows = {}
    for line in table.splitlines()[2:]:
        who, actions = line.strip("| ").split(" | ")
        found: set[str] = set()
        service = ""
        for word in re.findall(r"`([A-Za-z:]+)`", actions):
            named, _, action = word.rpartition(":")
            service = named or service
            found.add(f"{service}:{action}")
        rows[who.strip("`")] = found
    return rows


def test_the_table_of_roles_is_what_the_policies_grant() -> None:
    rows = _roles()
    stores = next(actions for who, actions in rows.items() if who.startswith("those that store"))
    sends = rows["any of these"]
    granted: dict[str, set[str]] = {}
    for cloud in ("tencent", "alibaba"):
        description = load(ROOT / "serverless.yml", cloud, {})
        for spec in description.functions:
            for policy in policies(description, spec):
                granted.setdefault(spec.module, set()).update(grant.action for grant in policy.grants)
    for function, actions in granted.items():
        assert function in rows, f"README.md: no row of {function}: make schemas"
        own = rows[function]
        assert actions <= own | stores | sends, function
        assert own <= actions, function
    everything = set().union(*granted.values())
    assert stores | sends <= everything
    assert set(rows) - set(granted) == {"any of these", next(who for who in rows if who.startswith("those that store"))}


def test_the_campaigns_size_is_the_one_that_readme_quotes() -> None:
    """A round number, so that a new operation, which adds cases by itself, leaves the page alone."""
    quoted = re.search(r"plays over ([\d,]+) cases", README)
    assert quoted and int(quoted[1].replace(",", "")) < len(all_cases())


def test_the_figures_that_readme_quotes_are_near_those_of_the_bench() -> None:
    """Within a tenth: a new run writes the tables; the sentence before them changes only where it would mislead."""
    measured = json.loads((ROOT / "shared" / "workbench" / "bench" / "bench.json").read_text(encoding="utf-8"))
    text = " ".join(README.partition("## Figures")[2].partition("<details>")[0].split())
    clouds = ("tencent", "alibaba")

    def middle(cloud: str, *path: str) -> float:
        values = []
        for value in (one for one in measured["cold"]["pairs"] if (one["cloud"], one["wire"]) == (cloud, "TLS")):
            for step in path:
                value = value[step]
            values.append(value["median"])
        return float(sum(values) / len(values))

    forms = {
        r"([\d.]+) s of CPU for Tencent and ([\d.]+) s for Alibaba": ("ours", "cpu_s"),
        r"Alibaba, ([\d.]+) and ([\d.]+) of what a plain handler": ("ratio",),
        r"([\d.]+) and ([\d.]+) MiB": ("ours", "peak_mib"),
    }
    quoted = {form: re.search(form, text) for form in forms}
    for form, path in forms.items():
        found = quoted[form]
        assert found, form
        for number, cloud in zip(found.groups(), clouds, strict=True):
            assert float(number) == pytest.approx(middle(cloud, *path), rel=0.1), form
    found = re.search(r"zips of ([\d.]+) and ([\d.]+) MB", text)
    assert found
    for number, cloud in zip(found.groups(), clouds, strict=True):
        largest = max(one["mb"] for one in measured["bytes"] if one["cloud"] == cloud)
        assert float(number) == pytest.approx(largest, rel=0.1)
    (over_tls,) = (one for one in measured["warm"] if one["wire"] == "TLS")
    found = re.search(r"([\d.]+) ms on top of the SDK's ([\d.]+) ms", text)
    assert found
    for number, name in zip(found.groups(), ("difference_ms", "bare_ms"), strict=True):
        assert float(number) == pytest.approx(over_tls[name], rel=0.1)
