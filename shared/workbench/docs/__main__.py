"""`make docs`: writes the reference as one HTML file; the default is dist/docs/keyturn.html."""

from __future__ import annotations

import sys
from pathlib import Path

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.docs.chapters import SCHEMAS
from shared.workbench.docs.errors import DocsError
from shared.workbench.docs.page import page
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.file_problems import why
from shared.workbench.environment.terminal import complain


def main(argv: list[str]) -> int:
    """Exit 0: written. 2: a source of the page is missing, or the file cannot be written."""
    parser = CommandLine("python -m shared.workbench.docs", __doc__, "make docs")
    parser.add_argument("out", nargs="?", type=Path, default=ROOT / "dist" / "docs" / "keyturn.html")
    parser.add_argument("--schemas", type=Path, default=SCHEMAS, help="the folder of the generated schemas")
    options = parser.parse_args(argv)
    try:
        text = page(options.schemas)
    except (DocsError, DescriptionError) as error:
        complain(f"docs: {error}")
        return 2
    try:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        complain(f"docs: {options.out} cannot be written: {why(error)}")
        return 2
    print(f"{options.out}: {len(text.encode()) / 1e6:.2f} MB, one file that needs no network")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
