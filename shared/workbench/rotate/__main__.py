"""`python -m shared.workbench.rotate CLOUD POLICY [--dry | --now] [--borrow] [--json]`."""

from __future__ import annotations

import sys

from shared.workbench.environment.interrupts import told_in_a_line

with told_in_a_line("rotate: stopped; nothing was sent"):
    from shared.workbench.rotate.command import main
sys.exit(main(sys.argv[1:]))
