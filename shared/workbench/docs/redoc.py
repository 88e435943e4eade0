"""Redoc, which shows the HTTP interface: its standalone bundle, fetched once by npm and checked by its hash."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.docs.errors import DocsError

VERSION = "2.5.4"
_SHA256 = "dcaf76612bc4a3fbcc923a8966dee2f6146a5f32e5ce1b6f02dd60cbbf89500b"
FOLDER = ROOT / ".keyturn" / "docs"
_BUNDLE = Path("node_modules", "redoc", "bundles", "redoc.standalone.js")
# The menu's foot asks the maker's host for a picture; the page asks no host for anything.
_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
_EMPTY = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"


def script(folder: Path = FOLDER) -> str:
    """The bundle, with its licences, ready to stand between script tags.

    Raises: DocsError if it can neither be found nor fetched, or is not the one that is expected.
    """
    path = folder / _BUNDLE
    if not path.is_file():
        _fetch(folder)
    code = path.read_bytes()
    if hashlib.sha256(code).hexdigest() != _SHA256:
        raise DocsError(f"{_BUNDLE.name} is not that of redoc {VERSION}: remove {folder} and repeat")
    licences = path.with_name(f"{path.name}.LICENSE.txt").read_text(encoding="utf-8")
    text = code.decode()
    if _LOGO not in text or "</script" in text + licences or "<!--" in licences:
        raise DocsError(f"redoc {VERSION} is not of the form that the page expects")
    return licences + text.replace(_LOGO, _EMPTY)


def _fetch(folder: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise DocsError(f"Node and npm are needed once, to fetch redoc {VERSION}: install nodejs and npm, and repeat")
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts"]
    command += ["--loglevel=error", f"redoc@{VERSION}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode or not (folder / _BUNDLE).is_file():
        why = next((line for line in done.stderr.splitlines() if line.startswith("npm error")), "no reason given")
        raise DocsError(f"npm could not fetch redoc {VERSION}: {why}")
