"""The bench: README and bench.json say the same, the budgets hold in it, and its arithmetic is right."""

from __future__ import annotations

import copy
import json
import socket
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.bench import __main__ as bench
from shared.workbench.bench import report, warm
from shared.workbench.bench.build import PackagedFunction
from shared.workbench.bench.cases import ACCOUNT, CASES, PASSWORD, case_of, http_event
from shared.workbench.bench.errors import BenchError
from shared.workbench.bench.processes import ProcessUsage, medians, run, spread
from shared.workbench.bench.sizes import largest_parts
from shared.workbench.bench.standin import CountingRelay
from shared.workbench.docs.marked_parts import MANUAL, with_part
from tests.conftest import Packages

ROOT = Path(__file__).parents[2]

FIGURES = ROOT / "shared" / "workbench" / "bench" / "bench.json"


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    results: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return results


def figure(median: float, low: float, high: float) -> dict[str, float]:
    return {"median": median, "min": low, "max": high}


def used(cpu: float, peak: float) -> dict[str, Any]:
    return {"wall_s": figure(cpu, cpu, cpu), "cpu_s": figure(cpu, cpu, cpu), "peak_mib": figure(peak, peak, peak)}


RESULTS: dict[str, Any] = {
    "dates": {"cold": "2026-11-20", "others": "2026-11-22"},
    "machine": "2 cores of a processor, 8 GiB, Linux",
    "versions": {"Python": "3.10.13"},
    "cold": {
        "rounds": 7,
        "pairs": [
            {
                "function": "tencent_redis_modify_instance_account",
                "cloud": "tencent",
                "wire": "TLS",
                "ours": used(0.15, 33.2),
                "plain": used(0.5, 64.0),
                "ratio": figure(0.3, 0.28, 0.31),
            }
        ],
        "beside": [{"name": "standard library alone", **used(0.055, 16.4)}],
        "plain_mb": {"tencent": 177.0},
    },
    "warm": [
        {
            "wire": "TLS",
            "ratio": 0.05,
            "difference_ms": 0.15,
            "bare_ms": 3.1,
            "ours_ms": 3.25,
            "spread_ms": [0.13, 0.19],
            "same_calls": True,
        }
    ],
    "batch": {"commands": 200, "instances": 100, "connections": 7, "waiting": 8, "peak_mib": 52.4, "calls": {}},
    "ceiling": [
        {
            "processes": 1,
            "commands": 500,
            "instances": 100,
            "share_of_calls": 0.98,
            "share_of_event": 0.951,
            "outcomes": {"changed": 500},
            "error_classes": {},
            "throttled": {"ModifyInstanceAccount": 3},
            "peak_mib": 61.0,
        }
    ],
    "scale": [
        {
            "part": "report",
            "items": items,
            "cpu_s": cpu_s,
            "peak_mib": 170.0,
            "calls": 0.0,
            "invocations": 1,
            "page_kb": 180.0,
        }
        for items, cpu_s in ((10_000, 2.0), (100_000, 11.0), (1_000_000, 110.0))
    ],
    "bytes": [
        {
            "cloud": "tencent",
            "function": "follow_change",
            "mb": 4.04,
            "budget_mb": 4.5,
            "parts_mb": {"pydantic_core": 2.16},
            "rest_mb": 1.88,
        }
    ],
    "counts": [
        {
            "function": "follow_change",
            "commands": 5,
            "connections": 1,
            "calls": {"DescribeTaskInfo": 1.0},
            "allowed": {"DescribeTaskInfo": 1},
        }
    ],
    "others": {
        "rounds": 7,
        "rows": [{"action": "ModifyInstanceAccount", "client": "tccli", "calls": 1, **used(0.41, 49.7)}],
        "missing": ["the Node SDKs are not in the table: Node and npm are not on PATH"],
    },
}


def test_the_manual_shows_what_bench_json_holds(published: dict[str, Any]) -> None:
    chapter = (ROOT / MANUAL / "figures.md").read_text(encoding="utf-8")
    assert with_part(chapter, "bench", report.tables(published)) == chapter, "run `make bench`: it writes both"


def test_every_part_is_published_with_enough_rounds_and_tells_which_budgets_it_missed(
    published: dict[str, Any],
) -> None:
    assert set(report.PARTS) <= set(published)
    assert published["cold"]["rounds"] >= 7
    assert {pair["function"] for pair in published["cold"]["pairs"]} == {case.function for case in CASES}
    assert report.missed_fixed_budgets(published) == [], "bytes, calls and connections depend on no machine"
    chapter = (ROOT / MANUAL / "figures.md").read_text(encoding="utf-8")
    assert all(f"- {line}" in chapter for line in report.missed_budgets(published))


def test_nothing_published_names_a_folder_of_the_machine_that_measured() -> None:
    text = FIGURES.read_text(encoding="utf-8")
    assert not [word for word in ("/home/", "/root/", "/tmp/", "/work/", str(ROOT)) if word in text]


def test_the_tables_show_ratio_spread_budget_machine_and_what_is_missing() -> None:
    text = report.tables(RESULTS)
    name = "`tencent_redis_modify_instance_account`, TLS"
    row = f"| {name} | 0.150 | 0.500 | **0.30** (0.28 to 0.31) | 0.30 | 33 | 34 | 64 |"
    assert row in text
    assert "| standard library alone |  | 0.055 |  |  |  |  | 16 |" in text
    assert "(3.10 ms), TLS | **0.050**: 0.15 ms (0.13 to 0.19) | 0.06 |" in text
    assert "| 7 connections, 8 calls at once, 52 MiB | a call each, 60 MiB |" in text
    assert "| 1 | **0.980** | 0.951 | 0.95 | 500 of 500 | 0 | 3 | 61 |" in text
    assert "| `follow_change` (Tencent) | **4.04** | 4.5 | pydantic_core 2.16, the rest 1.88 |" in text
    assert "| `ModifyInstanceAccount` | tccli | 0.410 | 0.410 | 50 | 1 |" in text
    assert "Not measured: the Node SDKs are not in the table: Node and npm are not on PATH." in text
    assert text.endswith("2026-11-20 to 2026-11-22, on 2 cores of a processor, 8 GiB, Linux. Versions: Python 3.10.13.")
    for table in (block for block in text.split("\n\n") if block.startswith("|")):
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_the_chart_has_a_bar_for_ours_and_for_the_plain_handler() -> None:
    assert '  x-axis ["Tencent plain", "Tencent keyturn"]\n  y-axis "CPU s" 0 --> 0.6\n  bar [0.500, 0.150]' in (
        report.tables(RESULTS)
    )


def test_warm_commands_are_compared_with_the_same_calls(packages: Packages, tmp_path: Path) -> None:
    """Few commands, whose times say nothing: both sides make one call of each kind a command, and the change once."""
    built = packages.built["tencent", ACCOUNT]
    with zipfile.ZipFile(built.path) as archive:
        archive.extractall(tmp_path)
    found = warm.measure({("tencent", ACCOUNT): PackagedFunction(built, tmp_path)}, commands=2, rounds=1, tls=True)
    actions = ["DescribeInstanceAccount", "DescribeTaskInfo", "DescribeTaskList", "ModifyInstanceAccount"]
    assert sorted(found.calls) == actions
    assert found.calls["ModifyInstanceAccount"] == 1.0 and found.same_calls
    assert found.bare_ms > 0


def test_results_within_budget_miss_nothing() -> None:
    assert report.missed_budgets(RESULTS) == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("cold", "pairs", 0, "ratio", "median"), 0.301, "takes 0.301 of the plain handler's CPU"),
        (("cold", "pairs", 0, "ours", "peak_mib", "median"), 34.1, "peaks at 34.1 MiB"),
        (("warm", 0, "ratio"), 0.061, "by TLS 0.061 of the bare client on top"),
        (("warm", 0, "same_calls"), False, "did not make the same calls"),
        (("batch", "connections"), 9, "9 connections for 8 calls at once"),
        (("batch", "peak_mib"), 60.1, "peaks at 60.1 MiB"),
        (("ceiling", 0, "share_of_calls"), 0.949, "0.949 of the limit"),
        (("ceiling", 0, "outcomes"), {"changed": 499}, "1 commands lost"),
        (("ceiling", 0, "error_classes"), {"throttled": 2}, "2 failed for throttling"),
        (("scale", 2, "cpu_s"), 150.0, "one event more costs 1.54 times as much, budget 1.3"),
        (("scale", 2, "peak_mib"), 201.0, "report of 1,000,000 events peaks at 201 MiB, budget 200"),
        (("bytes", 0, "mb"), 4.51, "4.51 MB, budget 4.5"),
        (("counts", 0, "connections"), 5, "5 connections for 5 commands"),
        (("counts", 0, "calls"), {"DescribeTaskInfo": 1.2}, "1.2 DescribeTaskInfo a command, allowed 1"),
        (("counts", 0, "calls"), {"DescribeTaskInfo": 1.0, "DescribeTaskList": 1.0}, "1 DescribeTaskList a command"),
    ],
)
def test_each_budget_that_is_missed_is_told(path: tuple[Any, ...], value: Any, told: str) -> None:
    results: Any = copy.deepcopy(RESULTS)
    *way, last = path
    inner = results
    for step in way:
        inner = inner[step]
    inner[last] = value
    (line,) = report.missed_budgets(results)
    assert told in line


def test_a_page_keeps_what_is_around_a_generated_part() -> None:
    page = "# A\n\n<!-- x -->\nold\n<!-- /x -->\n\n## B\n"
    written = with_part(page, "x", "new\n")
    assert written == "# A\n\n<!-- x -->\nnew\n<!-- /x -->\n\n## B\n"
    with pytest.raises(ValueError, match="<!-- x -->"):
        with_part("# A\n", "x", "new")


def test_medians_and_spreads() -> None:
    assert spread([3.0, 1.0, 2.0]) == figure(2.0, 1.0, 3.0)
    assert spread([1.0, 2.0]) == figure(1.5, 1.0, 2.0)
    assert medians([ProcessUsage(2.0, 1.0, 30.04, ""), ProcessUsage(4.0, 3.0, 10.0, "")]) == {
        "wall_s": figure(3.0, 2.0, 4.0),
        "cpu_s": figure(2.0, 1.0, 3.0),
        "peak_mib": figure(20.0, 10.0, 30.0),
    }


def test_a_zip_is_told_by_its_largest_packages_and_the_rest() -> None:
    sizes = {"a/x.pyc": 5, "a/y.pyc": 5, "b.py": 7, **{f"p{number}/x": 1 for number in range(9)}}
    largest, rest = largest_parts(sizes)
    assert largest[:3] == [("a", 10), ("b.py", 7), ("p0", 1)]
    assert sum(size for _, size in largest) + rest == sum(sizes.values())


def test_changes_of_one_account_follow_on_each_other() -> None:
    first, second = case_of(PASSWORD).commands(2)
    assert (first["OldPassword"], second["OldPassword"]) == ("Old-Passw0rd", first["Password"])
    ids = {http_event(first, "scf", number)["headers"]["idempotency-key"] for number in range(3)}
    assert len(ids) == 3


def test_a_process_is_measured_by_what_it_used_alone(tmp_path: Path) -> None:
    held = bytearray(b"x" * 80_000_000)  # this process is larger than what it measures
    busy = "import time\nwhile time.process_time() < 0.2: pass\nprint('done')"
    one = run(sys.executable, [sys.executable, "-I", "-S", "-c", busy], {}, tmp_path)
    assert one.stdout == "done\n"
    assert 0.2 <= one.cpu_s < 2.0 and one.wall_s >= 0.2
    assert 4 < one.peak_mib < 40 < len(held) / 2**20


def test_a_process_that_fails_or_hangs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no such name"):
        run(sys.executable, [sys.executable, "-c", "raise SystemExit('no such name')"], {}, tmp_path)
    with pytest.raises(BenchError, match=r"more than 0\.5 s"):
        run(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"], {}, tmp_path, timeout_s=0.5)


def test_the_relay_counts_connections_and_passes_bytes_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo() -> None:
            for _ in range(2):
                near, _ = server.accept()
                with near:
                    near.sendall(near.recv(100).upper())

        thread = threading.Thread(target=echo)
        thread.start()
        with CountingRelay(f"127.0.0.1:{server.getsockname()[1]}") as relay:
            host, _, port = relay.address.partition(":")
            for _ in range(2):
                with socket.create_connection((host, int(port)), timeout=5) as client:
                    client.sendall(b"hello")
                    assert client.recv(100) == b"HELLO"
            assert relay.connections == 2
        thread.join(5)


# --- wrong use, told before anything is measured


@pytest.mark.parametrize("only", [",", " , ", "cold,colder"])
def test_parts_that_are_none_are_refused(only: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--only", only])
    assert "part" in capsys.readouterr().err


def test_damaged_figures_are_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "JSON", tmp_path / "bench.json")
    monkeypatch.setattr(bench, "_measured", lambda *_: pytest.fail("it is measured"))
    bench.JSON.write_text("{")
    assert bench.main(["--only", "bytes"]) == 1
    assert "bench.json is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(("mb", "code"), [(4.04, 0), (4.51, 1)])
def test_a_part_alone_is_judged_alone_and_leaves_the_figures_of_the_rest(
    mb: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "JSON", tmp_path / "bench.json")
    monkeypatch.setattr(bench, "write_part", lambda *_: None)
    kept = copy.deepcopy(RESULTS)
    kept["warm"][0]["ratio"] = 0.9  # a miss of a part that is not measured now
    kept["dates"] = dict.fromkeys(report.PARTS, "2026-11-20")
    report.write(bench.JSON, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    before = bench.JSON.read_text(encoding="utf-8")
    measured = {
        "machine": kept["machine"],
        "versions": {"Python": "3.10.13"},
        "dates": {"bytes": "2026-11-27"},
        "bytes": [{**kept["bytes"][0], "mb": mb}],
    }
    monkeypatch.setattr(bench, "_measured", lambda *_: measured)
    assert bench.main(["--only", "bytes"]) == code
    assert "warm" not in capsys.readouterr().err
    after = json.loads(bench.JSON.read_text(encoding="utf-8"))
    assert (bench.JSON.read_text(encoding="utf-8") == before) is (code == 0), (
        "figures that did not change keep their date"
    )
    assert after["dates"].pop("bytes") == ("2026-11-27" if code else "2026-11-20")
    assert {**after, "bytes": 0, "dates": 0} == {**kept, "bytes": 0, "dates": 0}
    assert set(after["dates"].values()) == {"2026-11-20"}
