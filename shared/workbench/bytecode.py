"""Compiles a tree in place, by the Python that will run it: `python -s -S bytecode.py FOLDER KEEP...`.

Each module.py becomes module.pyc beside where it stood, which loads from read-only folders too and is never checked
against a source. What KEEP names stays as source. PYTHONHASHSEED must be 0: sets of constants are written in the order
of their hashes (until 3.11), and the same source is to give the same bytes.
"""

from __future__ import annotations

import os
import py_compile
import sys
from pathlib import Path


def main(folder: Path, keep: set[str]) -> None:
    """Raises: SystemExit if the hash seed is not fixed."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        sys.exit("bytecode.py: PYTHONHASHSEED must be 0")
    for source in sorted(folder.rglob("*.py")):
        name = source.relative_to(folder).as_posix()
        if name in keep:
            continue
        try:
            py_compile.compile(
                str(source),
                str(source.with_suffix(".pyc")),
                name,
                doraise=True,
                optimize=0,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except py_compile.PyCompileError:
            pass  # no module of this Python: nothing could import it as source either
        source.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]))
