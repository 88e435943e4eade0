"""All cases: those of every generator, one after another."""

from __future__ import annotations

from tests.campaign import cases_faults as faults
from tests.campaign import cases_late as late
from tests.campaign import cases_overlap as overlap
from tests.campaign.case import Case
from tests.campaign.cases_batches import batch_cases
from tests.campaign.cases_claims import claim_cases, slow_cases
from tests.campaign.cases_identity import identity_cases
from tests.campaign.cases_kills import kill_cases
from tests.campaign.cases_roles import role_cases


def all_cases() -> list[Case]:
    """The whole campaign, in a fixed order."""
    return [
        *faults.change_cases(),
        *faults.read_cases(),
        *faults.login_cases(),
        *faults.probe_cases(),
        *faults.code_cases(),
        *faults.store_cases(),
        *faults.kept_change_cases(),
        *role_cases(),
        *identity_cases(),
        *late.late_cases(),
        *late.lag_cases(),
        *late.twice_cases(),
        *late.slow_store_cases(),
        *claim_cases(),
        *slow_cases(),
        *overlap.overlap_cases(),
        *overlap.crowd_cases(),
        *batch_cases(),
        *overlap.forged_cases(),
        *overlap.claimed_cases(),
        *kill_cases(),
    ]
