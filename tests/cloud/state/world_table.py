"""A table of a world file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class WorldTable(BaseModel):
    """A table of the world file; a key that nobody reads is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
