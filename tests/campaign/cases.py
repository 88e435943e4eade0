"""Which cases there are: every generator, one after another."""

from __future__ import annotations

from . import cases_faults as faults
from .play import Case


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
    ]
