"""The manual's chapters: Markdown files in `manual/`. The reference shows them in the order of their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.workbench.docs.errors import DocsError

FOLDER = Path(__file__).parent / "manual"


@dataclass(frozen=True)
class ManualChapter:
    """One chapter. `name` is the name of its file without `.md`; `text` is Markdown without the title."""

    name: str
    title: str
    text: str


def read_manual(folder: Path = FOLDER) -> list[ManualChapter]:
    """Every chapter. Raises: DocsError."""
    return [read_chapter(path) for path in sorted(folder.glob("*.md"))]


def read_chapter(path: Path) -> ManualChapter:
    """Raises: DocsError: the file cannot be read or has no title."""
    try:
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    except OSError as error:
        raise DocsError(f"{path.name} cannot be read: {type(error).__name__}") from None
    if not first.startswith("# "):
        raise DocsError(f"{path.name} must begin with `# Title`")
    return ManualChapter(path.stem, first.removeprefix("# ").strip(), rest)
