"""`make new`: write a new operation's files from another one's. `--sign NAME`: sign its events anew after an edit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.function_text import unread
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.terminal import complain
from shared.workbench.scaffold.entries import with_entries
from shared.workbench.scaffold.event_files import as_file, event_file, signed
from shared.workbench.scaffold.function_file import function_file
from shared.workbench.scaffold.names import NewOperation, ScaffoldRefused, new_operation
from shared.workbench.scaffold.standin import ACTIONS, stub


def main(argv: list[str]) -> int:
    """Exit 1: refused, and nothing was written; or the schemas cannot be made, which is said. 2: wrong use."""
    parser = CommandLine(
        "python -m shared.workbench.scaffold",
        __doc__,
        "make new FROM=tencent_redis_modify_instance_account NAME=tencent_redis_<action>",
        name="new",
    )
    parser.add_argument("--sign", metavar="NAME", help="the function whose events are signed anew")
    parser.add_argument("source", metavar="FROM", nargs="?", help="the operation to begin with")
    parser.add_argument("name", metavar="NAME", nargs="?", help="the new function: <cloud>_<service>_<action>")
    options = parser.parse_args(argv)
    if options.sign:
        return sign_events(options.sign)
    if not options.source or not options.name:
        parser.error("FROM and NAME are both wanted: make new FROM=<function> NAME=<function>")
    try:
        new = new_operation(options.source, options.name)
        written = _files(new, ROOT)
    except ScaffoldRefused as error:
        complain(f"new: {error}")
        return 1
    _write(written, ROOT)
    # A process that finds the new function file.
    schemas = subprocess.run([sys.executable, "-m", "shared.workbench.schemas"], cwd=ROOT, check=False).returncode
    print("\nLeft to do, in this order:")
    for number, step in enumerate(_left(new), 1):
        print(f"{number}. {step}")
    return 1 if schemas else 0


def sign_events(name: str) -> int:
    """Give the events of a function the lengths, digests and signatures of what they hold. Exit 1: it has none."""
    files = sorted((ROOT / "events" / name).glob("*.json"))
    for file in files:
        file.write_text(as_file(signed(json.loads(file.read_text(encoding="utf-8")))), encoding="utf-8")
    if not files:
        complain(f"sign: no event in events/{name}/")
    return 0 if files else 1


def _files(new: NewOperation, root: Path) -> dict[str, str]:
    """Every file that is written, serverless.yml too. Raises: ScaffoldRefused."""
    made = {f"functions/{new.name}.py": function_file(new, _text(root / "functions" / f"{new.source}.py"))}
    for event in sorted((root / "events" / new.source).glob("*.json")):
        made[f"events/{new.name}/{event.name}"] = event_file(new, event.name, _text(event))
    made[f"{ACTIONS}/{new.name}.py"] = stub(new, root)
    there = [path for path in made if (root / path).exists()]
    if there:
        raise ScaffoldRefused(f"{', '.join(there)}: there already; it would be overwritten")
    entries = _text(root / "serverless.yml")
    if re.search(rf"^ *{new.name}:", entries, re.MULTILINE):
        raise ScaffoldRefused(f"serverless.yml: has a function {new.name} already")
    return {**made, "serverless.yml": with_entries(new, entries)}


def _write(files: Mapping[str, str], root: Path) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        print(f"written: {path}", flush=True)
    formatter = Path(sys.executable).with_name("ruff")
    if formatter.exists():  # longer names break other lines
        sources = [path for path in files if path.endswith(".py")]
        subprocess.run([formatter, "format", "--quiet", *sources], cwd=root, check=False)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _left(new: NewOperation) -> Iterator[str]:
    """What a person has to do, by file, in an order in which it can be done."""
    marked = " ".join(line.split(":")[1] for line in unread(new.name, root=ROOT))
    yield f"functions/{new.name}.py: read the API's page; lines {marked} wait for it; compare fields, rules and rights"
    named = rf'"{new.source_action}"'
    for file in sorted((ROOT / "shared" / "clouds" / new.cloud).glob("*.py")):
        for number, line in enumerate(_text(file).splitlines(), 1):
            if named in line:
                path = file.relative_to(ROOT)
                yield f"{path}:{number}: names {new.source_action} alone; the call that is made must be {new.action}"
    yield f"shared/clouds/{new.cloud}/error_codes.py: the codes that only this action's page has"
    yield f"{ACTIONS}/{new.name}.py: what the action does in the stand-in; until then it refuses each call"
    sign = f"python -m shared.workbench.scaffold --sign {new.name}"
    yield f"events/{new.name}/: its commands, where the fields differ; then {sign}"
    yield "serverless.yml: the new entry's size, triggers and timer"
    if f'"{new.source_action}": [' in _text(ROOT / "shared" / "workbench" / "schemas" / "relations.py"):
        yield f"shared/workbench/schemas/relations.py: rules between fields, if you keep those of {new.source_action}"
    yield f"make schemas; make check FUNCTION={new.name}; a line in CHANGELOG.md"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
