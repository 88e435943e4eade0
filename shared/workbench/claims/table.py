"""The table of claims: one row a behaviour of a cloud, its source, status, and what if it is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from shared.workbench.bundle.checkout import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CLAIMS = ROOT / "tests" / "cloud" / "claims.toml"
Status = Literal["assumed", "open", "third_party", "documented", "verified"]
"""From nobody's word to what was seen on a real account."""
Risk = Literal["truth", "secret", "deployment", "service"]
"""What a wrong claim costs, the worst first."""
GUESSED: frozenset[Status] = frozenset(("assumed", "open"))
_CLOUDS = dict.fromkeys("RTPD", ("tencent",)) | dict.fromkeys("AFE", ("alibaba",))
"""The clouds of the first letters; a row of another, or of both, says so or is of both."""
ClaimId = Annotated[str, Field(pattern=r"^[A-Z][1-9][0-9]?$")]
Text = Annotated[str, Field(min_length=1)]


class Claim(BaseModel):
    """One row; the head of the file says what each field means."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: ClaimId
    claim: Text
    source: Text
    status: Status
    risk: Risk
    used: Text
    if_wrong: Text
    otherwise: list[dict[str, Any]] = []
    misleads: bool = False
    clouds: tuple[Literal["tencent", "alibaba"], ...] = ()
    untried: str = ""
    unplayed: str = ""

    @field_validator("used")
    @classmethod
    def _is_there(cls, used: str) -> str:
        if not (ROOT / used).is_file():
            raise ValueError("used names no file of the checkout")
        return used

    @model_validator(mode="after")
    def _is_played(self) -> Claim:
        if self.status in GUESSED and not self.otherwise and not self.unplayed:
            raise ValueError("an assumed or open claim says how it may be otherwise, or why no world plays that")
        if self.otherwise and self.unplayed:
            raise ValueError("a claim has worlds or a reason for none, not both")
        return self

    @model_validator(mode="before")
    @classmethod
    def _of_clouds(cls, row: Any) -> Any:
        if isinstance(row, dict) and "clouds" not in row and isinstance(row.get("id"), str):
            return {**row, "clouds": _CLOUDS.get(row["id"][0], ("tencent", "alibaba"))}
        return row

    @property
    def is_guessed(self) -> bool:
        """Whether nobody says so, or sources disagree."""
        return self.status in GUESSED


_ROWS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[ClaimId, dict[str, Any]])


def read_claims(path: Path = CLAIMS) -> list[Claim]:
    """Every row in the order of the file. Raises: OSError; ValueError: not TOML, or a row that says too little."""
    rows = _ROWS.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    return [Claim.model_validate({"id": id_, **row}) for id_, row in rows.items()]


def by_harm(claims: Iterable[Claim]) -> list[Claim]:
    """The claims that would hurt most first: by what a wrong one costs, then by how little stands behind it.

    Of two with the same cost and status, the one comes first by which keyturn would say something untrue.
    """
    risks, statuses = get_args(Risk), get_args(Status)
    return sorted(claims, key=lambda one: (risks.index(one.risk), statuses.index(one.status), not one.misleads))
