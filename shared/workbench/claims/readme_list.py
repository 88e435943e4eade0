"""README's list of what only a real account can tell: the claims that would hurt most if they were wrong."""

from __future__ import annotations

from collections import Counter

from shared.workbench.claims.table import by_harm, read_claims

MOST = 10


def readme_list() -> str:
    """How many claims there are, by status, and the weakest of them with what keyturn does if they are wrong."""
    claims = read_claims()
    count = Counter(claim.status for claim in claims)
    lines = [
        f"keyturn rests on {len(claims)} [claims about the two clouds](tests/cloud/claims.toml): "
        f"{count['verified']} were seen on a real account, {count['documented']} the vendors document, "
        f"{count['third_party']} others' code relies on, {count['assumed']} nobody says, and of {count['open']} "
        "sources disagree or are silent.",
        "`make docs` shows them all.",
        "",
        f"<details><summary>The {MOST} that would hurt most</summary>",
        "",
        *(f"- {claim.id}: {claim.claim} If not: {claim.if_wrong}." for claim in by_harm(claims)[:MOST]),
        "",
        "</details>",
    ]
    return "".join(f"{line}\n" for line in lines)
