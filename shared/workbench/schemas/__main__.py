"""`make schemas`: writes events/schemas/, and the generated parts of README and the manual.

Options: check whether they are stale, and keep a copy of the schemas for a release.
"""

from __future__ import annotations

import sys

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.function_text import TextMissing
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.terminal import complain
from shared.workbench.schemas import generated_parts, schema_files

FOLDER = ROOT / "events" / "schemas"
RELEASED = ROOT / "tests" / "released"


def main(argv: list[str]) -> int:
    """Exit 1: a field has no text; with --check, a file is stale; with --release, the version is already released."""
    parser = CommandLine(
        "python -m shared.workbench.schemas", __doc__, "make schemas", "python -m shared.workbench.schemas --check"
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--check", action="store_true", help="write nothing; exit 1 and name each file that is stale")
    way.add_argument("--release", action="store_true", help="keep a copy in tests/released/ under the version")
    options = parser.parse_args(argv)
    try:
        files = schema_files.generate_files()
        generated_parts.parts()
    except TextMissing as error:
        complain(error)
        return 1
    if options.check:
        stale = [f"events/schemas/{name}" for name in schema_files.stale_files(FOLDER, files)]
        stale += generated_parts.stale()
        for name in stale:
            complain(f"{name} is stale: make schemas")
        return 1 if stale else 0
    if options.release:
        place = schema_files.keep_release(RELEASED, files)
        if place is None:
            complain("this version is already released: raise it in pyproject.toml first")
            return 1
        print(place.relative_to(ROOT))
        return 0
    schema_files.write_files(FOLDER, files)
    generated_parts.write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
