"""Part 5: one accepted change in a fresh process: keyturn, the plain handlers, tccli, the vendors' Node SDKs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shared.workbench.bench import build
from shared.workbench.bench.build import PLAIN, PackagedFunction, PlainHandler
from shared.workbench.bench.cases import ACCOUNT, TAIR, case_of, environment, run_case, scratch
from shared.workbench.bench.errors import BenchError
from shared.workbench.bench.processes import ProcessUsage, medians, run
from shared.workbench.bench.standin import Standin
from shared.workbench.package.dependencies import Interpreter


def measure(
    python: Interpreter,
    standin: Standin,
    packed: dict[tuple[str, str], PackagedFunction],
    plain: dict[str, PlainHandler],
    rounds: int,
) -> dict[str, Any]:
    """`rows`, `missing` (what was left out, and why), and `versions`. Raises: BenchError."""
    rows: dict[tuple[str, str], Callable[[], ProcessUsage]] = {}
    versions: dict[str, str] = {}
    missing: list[str] = []

    def handler(function: str, module: str, plainly: bool) -> Callable[[], ProcessUsage]:
        case = case_of(function)
        code = plain[case.cloud].folder if plainly else packed[case.cloud, function].folder
        return lambda: run_case(python.path, standin, code, module, case.platform, case.commands(1))

    rows["ModifyInstanceAccount", "keyturn"] = handler(ACCOUNT, ACCOUNT, False)
    rows["ModifyInstanceAccount", "plain handler"] = handler(ACCOUNT, "plain_tencent", True)
    try:
        program, versions["tccli"] = build.install_tccli(python)
        rows["ModifyInstanceAccount", "tccli"] = lambda: _tccli(python, standin, str(program))
    except BenchError as error:
        missing.append(f"tccli is not in the table: {error}")
    rows["ModifyAccountPassword", "keyturn"] = handler(TAIR, TAIR, False)
    rows["ModifyAccountPassword", "plain handler"] = handler(TAIR, "plain_alibaba", True)
    try:
        node, modules, found = build.install_node_sdks()
    except BenchError as error:
        missing.append(f"the Node SDKs are not in the table: {error}")
    else:
        versions |= found
        for function, script in ((ACCOUNT, "node_tencent.js"), (TAIR, "node_alibaba.js")):
            action = "ModifyInstanceAccount" if function == ACCOUNT else "ModifyAccountPassword"
            rows[action, "Node SDK"] = _node(python, standin, node, str(modules), script, function)
    runs: dict[tuple[str, str], list[ProcessUsage]] = {row: [] for row in rows}
    calls: dict[tuple[str, str], int] = {}
    for number in range(rounds + 1):
        for row, change in rows.items():
            standin.reset()
            used = change()
            made = standin.calls()
            if row[0] not in made:
                raise BenchError(f"{row[1]}: {row[0]} was not called; it printed: {used.stdout[-500:]}")
            calls[row] = len(made)
            if number:  # the first round fills the page cache and writes tccli's bytecode
                runs[row].append(used)
    found_rows = [
        {"action": action, "client": client, "calls": calls[action, client], **medians(runs[action, client])}
        for action, client in sorted(rows, key=lambda row: (row[0] != "ModifyInstanceAccount", list(rows).index(row)))
    ]
    return {"rounds": rounds, "rows": found_rows, "missing": missing, "versions": versions}


def _tccli(python: Interpreter, standin: Standin, program: str) -> ProcessUsage:
    (command,) = case_of(ACCOUNT).commands(1)
    given = dict(command)
    keys = standin.tencent_keys
    line = [program, "redis", "ModifyInstanceAccount", "--region", given.pop("Region"), "--timeout", "5"]
    line += ["--endpoint", f"http://{standin.address}"]
    for name, value in given.items():
        line += [f"--{name}", value]
    with scratch() as folder:
        env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TENCENTCLOUD_SECRET_ID": keys["TENCENTCLOUD_SECRETID"],
            "TENCENTCLOUD_SECRET_KEY": keys["TENCENTCLOUD_SECRETKEY"],
            "TENCENTCLOUD_TOKEN": keys["TENCENTCLOUD_SESSIONTOKEN"],
        }
        line += ["--secretId", env["TENCENTCLOUD_SECRET_ID"], "--secretKey", env["TENCENTCLOUD_SECRET_KEY"]]
        line += ["--token", env["TENCENTCLOUD_TOKEN"]]
        return run(python.path, line, env, folder)


def _node(
    python: Interpreter, standin: Standin, node: str, modules: str, script: str, function: str
) -> Callable[[], ProcessUsage]:
    case = case_of(function)

    def change() -> ProcessUsage:
        with scratch() as folder:
            command = folder / "command.json"
            command.write_text(json.dumps(case.commands(1)[0]))
            env = environment(standin, case.platform, folder) | {"NODE_PATH": modules}
            return run(python.path, [node, str(PLAIN / script), str(command)], env, folder)

    return change
