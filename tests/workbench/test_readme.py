"""README is a promise: a newcomer gets through its commands, and its tables name what the code has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.commands.command import Command, TencentCommand
from shared.results.outcome import Outcome
from shared.results.result_event import _STATUS
from shared.runtime.errors import ErrorClass
from shared.workbench.bundle.loading import load
from shared.workbench.deploy.policies import policies
from shared.workbench.docs.marked_parts import MANUAL
from shared.workbench.operations.fleet_model import ROWS
from shared.workbench.schemas import generated_parts
from tests.campaign.cases import all_cases
from tests.cloud.client.logins import redis_accepts
from tests.cloud.state.checkout import ROOT
from tests.workbench.pages import PAGES, TEXTS, blocks, run_page, standin_of

README = TEXTS["README.md"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
IN_CI = ("make demo", "make test", "make campaign", "make lint")
MOST_LINES, MOST_WORDS = 200, 1_800  # some ten minutes


def in_ci(block: str) -> bool:
    """Whether a block takes so long that CI runs it, and no test."""
    return any(line.partition("  #")[0].strip() in IN_CI for line in block.splitlines())


# --- the walk ---------------------------------------------------------------------------------------------------------


def outcomes(said: str) -> list[str]:
    """Subject and outcome of every result that was printed, as an event or as a line for people."""
    told = said.replace('\\"', '"')
    found = re.findall(r'"keyturn\.credential\.([a-z_]+)", ?"subject": ?"([^"]+)"', told)
    found += re.findall(rf"^({'|'.join(Outcome)}) {{3,}}(\S+/\S+/\S+)", told, re.MULTILINE)
    return [f"{subject} {outcome}" for outcome, subject in found]


def first_change(folder: Path, said: str) -> None:
    """One message of a queue."""
    assert "tair/r-demo0001/app changed" in outcomes(said)
    assert not redis_accepts(standin_of(folder).redis["r-demo0001"], "Tair-Passw0rd", "app")


def pending_and_changed(folder: Path, said: str) -> None:
    """`pending` came first; `follow_change` brought the end."""
    listed = [line for line in said.splitlines() if line.startswith('{"specversion"')]
    assert outcomes("\n".join(listed)) == [
        "tair/r-demo0001/app changed",
        "redis/crs-demo0001/root pending",
        "redis/crs-demo0001/root changed",
    ]
    assert not redis_accepts(standin_of(folder).redis["crs-demo0001"], "Old-Passw0rd")


CHECKS: dict[str, Callable[[Path, str], None]] = {
    "fc-queue.json": first_change,
    "tests.cloud run --once": pending_and_changed,
}


@pytest.mark.long
def test_a_newcomer_gets_through_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block, copied as it stands."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    checked = set[str]()

    def check(block: str, said: str) -> None:
        for text, that in CHECKS.items():
            if text in block:
                that(tmp_path, said)
                checked.add(text)

    run_page("README.md", tmp_path, check, skip=in_ci)
    assert checked == set(CHECKS)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES[1:])
def test_the_commands_of_the_other_pages_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost answer is looked into, as CONTRIBUTING says."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    texts = list[str]()
    run_page(page, tmp_path, lambda block, said: texts.append(said), skip=in_ci)
    if page == "CONTRIBUTING.md":
        assert "redis/crs-demo0001/app changed" in outcomes("".join(texts))
        assert "DescribeTaskList" in "".join(texts)


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
    """Words outside commands; a table of figures has five rows at most."""
    words = [
        word
        for word in re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE).split()
        if re.search(r"\w", word)
    ]
    assert len(README.splitlines()) <= MOST_LINES
    assert len(words) <= MOST_WORDS
    figures = README.partition("| figure |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(figures) == 5


def test_the_pages_name_every_outcome_error_class_and_common_field() -> None:
    for outcome in Outcome:
        assert f"| `{outcome.value}` |" in README
        assert f"| `{outcome.value}` |" in TEXTS[f"{MANUAL}/results.md"]
    for error_class in ErrorClass:
        assert f"| `{error_class.value}` | {_STATUS.get(error_class, 409)} |" in TEXTS[f"{MANUAL}/results.md"]
    for name in (field.alias for field in TencentCommand.model_fields.values()):
        assert f"`{name}`" in TEXTS[f"{MANUAL}/events.md"]
    assert Command.model_fields.keys() < TencentCommand.model_fields.keys()


def test_every_setting_that_the_code_reads_is_in_the_table() -> None:
    source = (ROOT / "shared" / "runtime" / "settings.py").read_text(encoding="utf-8")
    settings = TEXTS[f"{MANUAL}/settings.md"]
    for name in set(re.findall(r'text\("([A-Z_]+)"\)', source)):
        assert f"KEYTURN_{name}" in settings
    named = set(re.findall(r"\$\{env:([A-Z_]+)", (ROOT / "serverless.yml").read_text(encoding="utf-8")))
    for name in named - {"CLOUD"}:
        assert f"`{name}`" in settings


def test_the_generated_parts_are_what_the_code_says() -> None:
    assert generated_parts.stale() == [], "stale: make schemas"


def _roles() -> dict[str, set[str]]:
    """The manual's table of roles: the first cell's function, or a phrase, and the actions as `service:Action`."""
    text = TEXTS[f"{MANUAL}/security.md"]
    table = text[text.index("| role of | actions |") :].partition("<!-- /roles -->")[0]
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
        assert function in rows, f"security.md: no row of {function}: make schemas"
        own = rows[function]
        assert actions <= own | stores | sends, function
        assert own <= actions, function
    everything = set().union(*granted.values())
    assert stores | sends <= everything
    assert set(rows) - set(granted) == {"any of these", next(who for who in rows if who.startswith("those that store"))}


def test_the_campaigns_size_is_the_one_that_readme_quotes() -> None:
    """A round number, so that a new operation, which adds cases by itself, leaves the page alone."""
    quoted = re.search(r"tests more than ([\d,]+) cases", README)
    assert quoted and int(quoted[1].replace(",", "")) < len(all_cases())


def test_the_figures_that_readme_quotes_are_near_those_of_the_bench() -> None:
    """Within a tenth: a new run writes the manual's tables; README's five rows change only where they would mislead."""
    measured = json.loads((ROOT / "shared" / "workbench" / "bench" / "bench.json").read_text(encoding="utf-8"))
    text = " ".join(README.partition("## Five figures")[2].partition("\n## ")[0].split())
    clouds = ("tencent", "alibaba")

    def middle(cloud: str, *path: str) -> float:
        values = []
        for value in (one for one in measured["cold"]["pairs"] if (one["cloud"], one["wire"]) == (cloud, "TLS")):
            for step in path:
                value = value[step]
            values.append(value["median"])
        return float(sum(values) / len(values))

    forms = {
        r"SDK\) \| ([\d.]+) s \([\d.]+ %\) \| ([\d.]+) s": ("ours", "cpu_s"),
        r"SDK\) \| [\d.]+ s \(([\d.]+) %\) \| [\d.]+ s \(([\d.]+) %\)": ("ratio",),
        r"peak \| ([\d.]+) MiB \| ([\d.]+) MiB": ("ours", "peak_mib"),
    }
    quoted = {form: re.search(form, text) for form in forms}
    for form, path in forms.items():
        found = quoted[form]
        assert found, form
        for number, cloud in zip(found.groups(), clouds, strict=True):
            unit = 0.01 if path == ("ratio",) else 1.0
            assert float(number) * unit == pytest.approx(middle(cloud, *path), rel=0.1), form
    found = re.search(r"zip \| ([\d.]+) MB \| ([\d.]+) MB", text)
    assert found
    for number, cloud in zip(found.groups(), clouds, strict=True):
        largest = max(one["mb"] for one in measured["bytes"] if one["cloud"] == cloud)
        assert float(number) == pytest.approx(largest, rel=0.1)
    (over_tls,) = (one for one in measured["warm"] if one["wire"] == "TLS")
    found = re.search(r"the SDK's part \| ([\d.]+) ms \+ ([\d.]+) ms", text)
    assert found
    for number, name in zip(found.groups(), ("difference_ms", "bare_ms"), strict=True):
        assert float(number) == pytest.approx(over_tls[name], rel=0.1)
    row = next(
        line for line in TEXTS[f"{MANUAL}/operations.md"].splitlines() if line.startswith(f"| {ROWS[1][0]:,} | 1 |")
    )
    quoted_time = (
        f"{ROWS[1][0]:,} Redis instances; calculated from the API's limits, not measured | {row.split(' | ')[2]} |"
    )
    assert quoted_time in text
