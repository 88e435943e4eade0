"""Reads the tables of this folder: TOML files, each typed by a model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FOLDER = Path(__file__).parent
Id = Annotated[str, Field(pattern=r"^[a-z_]+$")]
Text = Annotated[str, Field(min_length=1)]


class TableModel(BaseModel):
    """What stands in a table: known keys alone, each of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_M = TypeVar("_M", bound=BaseModel)


def read_table(model: type[_M], name: str) -> _M:
    """The file `name` of this folder. Raises: pydantic's ValidationError."""
    return model.model_validate(tomllib.loads((_FOLDER / name).read_text(encoding="utf-8")))
