"""`python -m shared.workbench.bootstrap CLOUD [--print | --remove | --secret REF]`."""

from __future__ import annotations

import sys

from shared.workbench.environment.interrupts import told_in_a_line

with told_in_a_line("bootstrap: interrupted; nothing was made"):
    from shared.workbench.bootstrap.commands import main
sys.exit(main(sys.argv[1:]))
