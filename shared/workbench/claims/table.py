"""The table of claims. One row is one behaviour of a cloud: its source, its status, and what happens if it is wrong."""

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
"""How well a claim is known, from the weakest to the best: nobody says so, ..., seen on a real account."""
Risk = Literal["truth", "secret", "deployment", "service"]
"""What a wrong claim would cost, the worst first."""
GUESSED: frozenset[Status] = frozenset(("assumed", "open"))
_CLOUDS = {letter: [cloud] for cloud, letters in (("tencent", "RTPD"), ("alibaba", "AFE")) for letter in letters}
"""First letter of a claim's id -> its clouds. Rows with other letters name their clouds, or are about both."""
ClaimId = Annotated[str, Field(pattern=r"^[A-Z][1-9][0-9]?$")]
Text = Annotated[str, Field(min_length=1)]


class Claim(BaseModel):
    """One row. The head of the file explains each field."""

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
    clouds: list[Literal["tencent", "alibaba"]] = []
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
            raise ValueError("an assumed or open claim must have `otherwise`, or say why no world plays the opposite")
        if self.otherwise and self.unplayed:
            raise ValueError("a claim has worlds or a reason for none, not both")
        return self

    @model_validator(mode="before")
    @classmethod
    def _of_clouds(cls, row: Any) -> Any:
        if isinstance(row, dict) and "clouds" not in row and isinstance(row.get("id"), str):
            return {**row, "clouds": _CLOUDS.get(row["id"][0], ["tencent", "alibaba"])}
        return row

    @property
    def is_guessed(self) -> bool:
        """Whether the claim has no source, or its sources disagree."""
        return self.status in GUESSED


_ROWS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[ClaimId, dict[str, Any]])


def read_claims(path: Path = CLAIMS) -> list[Claim]:
    """Every row in the order of the file.

    Raises: OSError; ValueError: the file is not TOML, or a row lacks something.
    """
    rows = _ROWS.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    return [Claim.model_validate({"id": id_, **row}) for id_, row in rows.items()]


def by_harm(claims: Iterable[Claim]) -> list[Claim]:
    """The claims that would do the most harm first: by what a wrong one costs, then by how weak its status is.

    With the same cost and status, a claim comes first if keyturn would publish something untrue.
    """
    risks, statuses = get_args(Risk), get_args(Status)
    return sorted(claims, key=lambda one: (risks.index(one.risk), statuses.index(one.status), not one.misleads))
