"""The files of events/schemas/: their content, whether they are stale, and the copy of each release."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from shared.workbench.bundle.checkout import version
from shared.workbench.bundle.operations import functions
from shared.workbench.schemas import asyncapi, commands, openapi, outputs
from shared.workbench.schemas.documents import as_file, text_of


def generate_files() -> dict[str, str]:
    """Every file by its name, as text."""
    made = {
        "openapi.json": openapi.document(),
        "asyncapi.json": asyncapi.document(),
        "result.json": as_file("result", outputs.result()),
        "rotation-report.json": as_file("rotation-report", outputs.rotation_report()),
        "reply.json": as_file("reply", outputs.reply()),
    }
    for function in functions():
        for kind, schema in (("command", commands.command(function)), ("event", commands.command_event(function))):
            made[f"{function}.{kind}.json"] = as_file(f"{function}.{kind}", schema)
    return {name: text_of(document) for name, document in made.items()}


def write_files(folder: Path, made: Mapping[str, str]) -> None:
    """Write all files, and delete those that are no longer generated."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


def stale_files(folder: Path, made: Mapping[str, str]) -> list[str]:
    """The names of files that differ from what the code generates, are missing, or are no longer generated."""
    there = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.json")}
    return sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))


def keep_release(folder: Path, made: Mapping[str, str]) -> Path | None:
    """Keep the schemas of this version in one file, named by the version. None: the version is kept already."""
    place = folder / f"{version()}.json"
    if place.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    promised = {name: json.loads(text) for name, text in made.items() if name not in ("openapi.json", "asyncapi.json")}
    place.write_text(text_of(promised), encoding="utf-8")
    return place
