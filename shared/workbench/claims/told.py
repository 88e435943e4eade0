"""The texts of README and the manual about claims: how many were seen where, and which would do the most harm."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap

from shared.workbench.claims.table import by_harm, read_claims

MOST = 10
_WIDTH = 120


def counted() -> str:
    """How many claims there are, by their status."""
    claims = read_claims()
    count = Counter(claim.status for claim in claims)
    guessed = [claim for claim in claims if claim.status in ("assumed", "open")]
    both_ways = sum(bool(claim.otherwise) for claim in guessed)
    told = (
        f"keyturn relies on {len(claims)} [claims about the two clouds](tests/cloud/claims.toml). "
        f"{count['verified']} were seen on a real account. The vendors' documentation confirms {count['documented']}, "
        f"and other people's software that runs on these clouds confirms {count['third_party']}. {len(guessed)} are "
        f"uncertain: {count['assumed']} have no source, and for {count['open']} the sources are unclear or contradict "
        f"each other. The tests try {both_ways} of the uncertain claims both ways: true and false."
    )
    return "".join(f"{line}\n" for line in wrap(told, _WIDTH, break_long_words=False, break_on_hyphens=False))


def weakest() -> str:
    """The weakest claims that matter most, with what keyturn does if they are wrong."""
    lines = (f"- **{one.id}** {one.claim} *If not:* {one.if_wrong}." for one in by_harm(read_claims())[:MOST])
    return "".join(f"{line}\n" for line in lines)
