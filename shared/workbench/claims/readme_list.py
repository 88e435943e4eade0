"""README's list of what only a real account can tell: the claims that would hurt most if they were wrong."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap

from shared.workbench.claims.table import by_harm, read_claims

MOST = 10
_WIDTH = 140


def readme_list() -> str:
    """How many claims there are, by status, and the weakest of them with what keyturn does if they are wrong."""
    claims = read_claims()
    count = Counter(claim.status for claim in claims)
    told = (
        f"keyturn rests on {len(claims)} [claims about the two clouds](tests/cloud/claims.toml). "
        f"Seen on a real account: {count['verified']}; documented by the vendors: {count['documented']}; "
        f"relied on by others' code that works there: {count['third_party']}; said by nobody: {count['assumed']}; "
        f"told in two ways, or by half: {count['open']}. `make docs` shows them all."
    )
    lines = [
        *wrap(told, _WIDTH, break_long_words=False, break_on_hyphens=False),
        "",
        f"<details><summary>The {MOST} that would hurt most</summary>",
        "",
        *(f"- {claim.id}: {claim.claim} If not: {claim.if_wrong}." for claim in by_harm(claims)[:MOST]),
        "",
        "</details>",
    ]
    return "".join(f"{line}\n" for line in lines)
