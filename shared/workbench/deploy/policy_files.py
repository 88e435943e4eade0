"""Each function's policies as files to paste, and what is not known of them beside."""

from __future__ import annotations

import json
from pathlib import Path

from shared.workbench.bundle.description import Description
from shared.workbench.deploy.policies import policies

REMARKS = "remarks.txt"


def write(description: Description, folder: Path) -> str:
    """Write `<role>.json`, `<role>.trust.json` and the remarks into `folder`; a line that says so."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.json"), folder / REMARKS):
        old.unlink(missing_ok=True)
    remarks: list[str] = []
    count = 0
    for spec in description.functions:
        for policy in policies(description, spec):
            own = policy.trust is not None
            name = policy.holder.rpartition("/")[2] if own else f"{spec.name}-{policy.cloud}-keys"
            _write(folder / f"{name}.json", policy.document)
            if policy.trust is not None:
                _write(folder / f"{name}.trust.json", policy.trust)
            remarks += [f"{name}: {policy.holder} of {policy.function}", *(f"  {text}" for text in policy.remarks)]
            count += 1
    (folder / REMARKS).write_text("\n".join(remarks) + "\n", encoding="utf-8")
    return f"policies: {count} in {folder}/, and in {REMARKS} there which rows nobody has tried"


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
