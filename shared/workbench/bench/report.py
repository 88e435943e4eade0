"""The figures in the forms that people read: budgets, tables, the manual's chapter. This module measures nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.workbench.bench.scale import report as scale

Results = Mapping[str, Any]
PARTS = ("cold", "warm", "batch", "ceiling", "scale", "bytes", "counts", "others")

COLD_RATIO = {"tencent": 0.30, "alibaba": 0.15}
PEAK_MIB = {"tencent": 34.0, "alibaba": 38.0}
WARM_RATIO = 0.06  # of the bare client's CPU time
BATCH_MIB = 60.0
CEILING_SHARE = {1: 0.95, 2: 0.95, 8: 0.90, 32: 0.0}  # for 32 instances only: no command may be lost


def missed_budgets(results: Results) -> list[str]:
    """One line for each missed budget. A part that was not measured misses none."""
    lines = []
    for pair in results.get("cold", {}).get("pairs", ()):
        name, ratio, cloud = f"{pair['function']} by {pair['wire']}", pair["ratio"]["median"], pair["cloud"]
        if ratio > COLD_RATIO[cloud]:
            lines.append(f"cold: {name} takes {ratio:.3f} of the plain handler's CPU, budget {COLD_RATIO[cloud]:.2f}")
        if (peak := pair["ours"]["peak_mib"]["median"]) > PEAK_MIB[cloud]:
            lines.append(f"cold: {name} peaks at {peak:.1f} MiB, budget {PEAK_MIB[cloud]:g}")
    for warm in results.get("warm", ()):
        if warm["ratio"] > WARM_RATIO:
            lines.append(
                f"warm: by {warm['wire']} {warm['ratio']:.3f} of the bare client on top, budget {WARM_RATIO:g}"
            )
        if not warm["same_calls"]:
            lines.append("warm: the two sides did not make the same calls")
    for run in results.get("ceiling", ()):
        lines += _ceiling_misses(run)
    lines += scale.misses(results.get("scale", ()))
    return lines + missed_fixed_budgets(results)


def missed_fixed_budgets(results: Results) -> list[str]:
    """The same for figures that do not depend on the machine: bytes, calls, connections, the cost of a large fleet."""
    lines = [
        f"bytes: {one['cloud']} {one['function']}: {one['mb']:.2f} MB, budget {one['budget_mb']:g}"
        for one in results.get("bytes", ())
        if one["mb"] > one["budget_mb"]
    ]
    if batch := results.get("batch"):
        if batch["connections"] > batch["waiting"]:
            lines.append(f"batch: {batch['connections']} connections for {batch['waiting']} calls at once")
        if batch["peak_mib"] > BATCH_MIB:
            lines.append(f"batch: peaks at {batch['peak_mib']:.1f} MiB, budget {BATCH_MIB:g}")
    for one in results.get("counts", ()):
        if one["connections"] != 1:
            lines.append(f"counts: {one['function']}: {one['connections']} connections for {one['commands']} commands")
        for action, number in one["calls"].items():
            if number > one["allowed"].get(action, 0):
                allowed = one["allowed"].get(action, 0)
                lines.append(f"counts: {one['function']}: {number:g} {action} a command, allowed {allowed:g}")
    return lines + scale.fixed_misses(results.get("scale", ()))


def tables(results: Results) -> str:
    """All measured parts in Markdown, with the machine that they were measured on."""
    parts = [
        _cold(results["cold"]) if "cold" in results else "",
        _once(results),
        _ceiling(results["ceiling"]) if "ceiling" in results else "",
        f"{scale.TEXT}\n\n{_table(scale.HEAD, scale.rows(results['scale']))}" if "scale" in results else "",
        _bytes(results["bytes"]) if "bytes" in results else "",
        _others(results["others"]) if "others" in results else "",
        _missed(results),
        _measured_on(results),
    ]
    return "\n\n".join(part for part in parts if part)


def _missed(results: Results) -> str:
    lines = missed_budgets(results)
    return "### Budgets that were missed\n\n" + "\n".join(f"- {line}" for line in lines) if lines else ""


def write(path: Path, text: str) -> None:
    """Replace a file in one step."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _ceiling_misses(run: Results) -> list[str]:
    name, least = f"ceiling: {run['processes']} at once", CEILING_SHARE[run["processes"]]
    lines = []
    if run["share_of_calls"] < least:
        lines.append(f"{name}: {run['share_of_calls']:.3f} of the limit, at least {least:.2f}")
    lost = run["commands"] - sum(run["outcomes"].values())
    if lost or run["error_classes"].get("throttled"):
        failed = run["error_classes"].get("throttled", 0)
        lines.append(f"{name}: {lost} commands lost, {failed} failed for throttling")
    return lines


def _cold(cold: Results) -> str:
    rows = [
        [
            f"`{pair['function']}`, {pair['wire']}",
            _seconds(pair["ours"]["cpu_s"]),
            _seconds(pair["plain"]["cpu_s"]),
            f"**{pair['ratio']['median']:.2f}** ({pair['ratio']['min']:.2f} to {pair['ratio']['max']:.2f})",
            f"{COLD_RATIO[pair['cloud']]:.2f}",
            _mib(pair["ours"]),
            f"{PEAK_MIB[pair['cloud']]:g}",
            _mib(pair["plain"]),
        ]
        for pair in cold["pairs"]
    ]
    rows += [
        [f"{one['name']}", "", _seconds(one["cpu_s"]), "", "", "", "", _mib(one)] for one in cold.get("beside", ())
    ]
    head = ["cold start", "CPU s", "plain: CPU s", "ratio (spread)", "budget", "peak MiB", "budget", "plain: peak MiB"]
    plain = " and ".join(f"{size:g} MB for {cloud.title()}" for cloud, size in cold["plain_mb"].items())
    text = (
        "### Cold start\n\n"
        "From a fresh process to the first answer of the packaged function, its publishing included. The medians of "
        f"{cold['rounds']} pairs; the two of a pair ran one after the other. The plain handler has one model, makes "
        "one call and publishes nothing. Its SDK comes from `pip install --target`, without bytecode "
        f"({plain})."
    )
    return f"{text}\n\n{_table(head, rows)}\n\n{_chart(cold)}"


def _chart(cold: Results) -> str:
    """One bar a row: CPU seconds of a cold start. A plain handler and keyturn stand next to each other."""
    bars: list[tuple[str, float]] = []
    for cloud in ("tencent", "alibaba"):
        pairs = [pair for pair in cold["pairs"] if pair["cloud"] == cloud and pair["wire"] == "TLS"]
        if pairs:
            bars.append((f"{cloud.title()} plain", pairs[0]["plain"]["cpu_s"]["median"]))
            bars.append((f"{cloud.title()} keyturn", pairs[0]["ours"]["cpu_s"]["median"]))
    names = ", ".join(f'"{name}"' for name, _ in bars)
    values = ", ".join(f"{value:.3f}" for _, value in bars)
    lines = ["```mermaid", "xychart-beta", '  title "Cold start over TLS, CPU seconds"', f"  x-axis [{names}]"]
    return "\n".join([*lines, f'  y-axis "CPU s" 0 --> {_above(bars):g}', f"  bar [{values}]", "```"])


def _above(bars: Sequence[tuple[str, float]]) -> float:
    return round(max((value for _, value in bars), default=1.0) * 1.1 + 0.05, 1)


def _once(results: Results) -> str:
    """The figures that are one number each."""
    rows = []
    for warm in results.get("warm", ()):
        low, high = warm["spread_ms"]
        measured = f"**{warm['ratio']:.3f}**: {warm['difference_ms']:.2f} ms ({low:.2f} to {high:.2f})"
        what = f"CPU of a warm command on top of the bare SDK's same calls ({warm['bare_ms']:.2f} ms), {warm['wire']}"
        rows.append([what, measured, f"{WARM_RATIO:g}"])
    if batch := results.get("batch"):
        what = f"an event of {batch['commands']} commands over {batch['instances']} instances, TLS, 100 ms a call"
        opened = f"{batch['connections']} connections, {batch['waiting']} calls at once, {batch['peak_mib']:.0f} MiB"
        rows.append([what, opened, f"a call each, {BATCH_MIB:g} MiB"])
    for one in results.get("counts", ()):
        calls = ", ".join(f"{number:g} {action}" for action, number in one["calls"].items())
        made = f"{one['connections']} connection for {one['commands']} commands; a command: {calls}"
        rows.append([f"`{one['function']}`, warm", made, "1 connection, no call more"])
    return f"### Warm commands\n\n{_table(['warm', 'measured', 'budget'], rows)}" if rows else ""


def _ceiling(runs: Sequence[Results]) -> str:
    rows = [
        [
            f"{run['processes']}",
            f"**{run['share_of_calls']:.3f}**",
            f"{run['share_of_event']:.3f}",
            f"{CEILING_SHARE[run['processes']]:.2f}",
            f"{sum(run['outcomes'].values())} of {run['commands']}",
            f"{run['error_classes'].get('throttled', 0)}",
            f"{sum(run['throttled'].values())}",
            f"{run['peak_mib']:.0f}",
        ]
        for run in runs
    ]
    one = runs[0]
    text = (
        "### At the API's limit\n\n"
        f"The API takes 20 calls a second. Several function instances share {one['commands']} `ModifyInstanceAccount` "
        f"commands for {one['instances']} Redis instances. Nothing coordinates them. A call takes 100 ms, a task 0.3 s."
    )
    head = [
        "instances at once",
        "share of the limit",
        "with start and end",
        "at least",
        "results",
        "failed as throttled",
    ]
    return f"{text}\n\n{_table([*head, 'calls repeated', 'peak MiB'], rows)}"


def _bytes(zips: Sequence[Results]) -> str:
    rows = []
    for one in zips:
        made_of = ", ".join(f"{name} {mb:.2f}" for name, mb in one["parts_mb"].items())
        name = f"`{one['function']}` ({one['cloud'].title()})"
        rows.append(
            [name, f"**{one['mb']:.2f}**", f"{one['budget_mb']:g}", f"{made_of}, the rest {one['rest_mb']:.2f}"]
        )
    return f"### Zips\n\n{_table(['zip', 'MB', 'budget', 'made of, compressed'], rows)}"


def _others(others: Results) -> str:
    rows = [
        [
            f"`{row['action']}`",
            row["client"],
            _seconds(row["wall_s"]),
            _seconds(row["cpu_s"]),
            _mib(row),
            f"{row['calls']}",
        ]
        for row in others["rows"]
    ]
    text = (
        "### Beside other clients\n\n"
        f"One accepted change in one process: medians of {others['rounds']}, each client in turn. keyturn also looks "
        "before it changes, waits for the end of the task and publishes the result. The others only make the call."
    )
    missing = "".join(f"\n\nNot measured: {' '.join(line.split())}." for line in others["missing"])
    return f"{text}\n\n{_table(['change', 'by', 'wall s', 'CPU s', 'peak MiB', 'calls'], rows)}{missing}"


def _measured_on(results: Results) -> str:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    dates = sorted(results["dates"].values())
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    return f"Measured by `make bench`, {when}, on {machine}. Versions: {versions}."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _seconds(figure: Mapping[str, float]) -> str:
    return f"{figure['median']:.3f}"


def _mib(figures: Results) -> str:
    return f"{figures['peak_mib']['median']:.0f}"
