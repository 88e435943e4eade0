"""`make new`: writes the files of a new operation, from another one's.

`--sign NAME`: signs its events again after an edit.
"""

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
    """Exit 1: refused, and nothing was written; or the schemas cannot be generated, and a message says so. 2: wrong
    use.
    """
    parser = CommandLine(
        "python -m shared.workbench.scaffold",
        __doc__,
        "make new FROM=tencent_redis_modify_instance_account NAME=tencent_redis_<action>",
        name="new",
    )
    parser.add_argument("--sign", metavar="NAME", help="the function whose events to sign again")
    parser.add_argument("source", metavar="FROM", nargs="?", help="the operation to copy from")
    parser.add_argument("name", metavar="NAME", nargs="?", help="the new function: <cloud>_<service>_<action>")
    options = parser.parse_args(argv)
    if options.sign:
        return sign_events(options.sign)
    if not options.source or not options.name:
        parser.error("FROM and NAME are both required: make new FROM=<function> NAME=<function>")
    try:
        new = new_operation(options.source, options.name)
        written = _files(new, ROOT)
    except ScaffoldRefused as error:
        complain(f"new: {error}")
        return 1
    _write(written, ROOT)
    # A new process, which finds the new function file.
    schemas = subprocess.run([sys.executable, "-m", "shared.workbench.schemas"], cwd=ROOT, check=False).returncode
    print("\nLeft to do, in this order:")
    for number, step in enumerate(_left(new), 1):
        print(f"{number}. {step}")
    return 1 if schemas else 0


def sign_events(name: str) -> int:
    """Recompute the lengths, digests and signatures in a function's events. Exit 1: the function has no events."""
    files = sorted((ROOT / "events" / name).glob("*.json"))
    for file in files:
        file.write_text(as_file(signed(json.loads(file.read_text(encoding="utf-8")))), encoding="utf-8")
    if not files:
        complain(f"sign: there is no event in events/{name}/")
    return 0 if files else 1


def _files(new: NewOperation, root: Path) -> dict[str, str]:
    """Every file to write, with serverless.yml. Raises: ScaffoldRefused."""
    made = {f"functions/{new.name}.py": function_file(new, _text(root / "functions" / f"{new.source}.py"))}
    for event in sorted((root / "events" / new.source).glob("*.json")):
        made[f"events/{new.name}/{event.name}"] = event_file(new, event.name, _text(event))
    made[f"{ACTIONS}/{new.name}.py"] = stub(new, root)
    there = [path for path in made if (root / path).exists()]
    if there:
        raise ScaffoldRefused(f"{', '.join(there)}: exists already, and would be overwritten")
    entries = _text(root / "serverless.yml")
    if re.search(rf"^ *{new.name}:", entries, re.MULTILINE):
        raise ScaffoldRefused(f"serverless.yml: already has a function {new.name}")
    return {**made, "serverless.yml": with_entries(new, entries)}


def _write(files: Mapping[str, str], root: Path) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        print(f"written: {path}", flush=True)
    formatter = Path(sys.executable).with_name("ruff")
    if formatter.exists():  # longer names change where lines break
        sources = [path for path in files if path.endswith(".py")]
        subprocess.run([formatter, "format", "--quiet", *sources], cwd=root, check=False)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _left(new: NewOperation) -> Iterator[str]:
    """The remaining work of a person, by file, in an order in which it can be done."""
    marked = " ".join(line.split(":")[1] for line in unread(new.name, root=ROOT))
    yield f"functions/{new.name}.py: read the API's page; fill in lines {marked}; compare fields, rules and rights"
    named = rf'"{new.source_action}"'
    for file in sorted((ROOT / "shared" / "clouds" / new.cloud).glob("*.py")):
        for number, line in enumerate(_text(file).splitlines(), 1):
            if named in line:
                path = file.relative_to(ROOT)
                yield f"{path}:{number}: names only {new.source_action}; the call must be {new.action}"
    yield f"shared/clouds/{new.cloud}/error_codes.py: add the codes that only this action's page has"
    yield f"{ACTIONS}/{new.name}.py: write what the action does in the stand-in; until then it refuses each call"
    sign = f"python -m shared.workbench.scaffold --sign {new.name}"
    yield f"events/{new.name}/: change the commands if the fields differ; then {sign}"
    yield "serverless.yml: set the new entry's size, triggers and timer"
    if f'"{new.source_action}": [' in _text(ROOT / "shared" / "workbench" / "schemas" / "relations.py"):
        yield "shared/workbench/schemas/relations.py: add rules between fields, if you keep those of"
        f" {new.source_action}"
    yield f"make schemas; make check FUNCTION={new.name}; a line in CHANGELOG.md"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
