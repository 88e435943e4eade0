"""`python3 -m shared.workbench.environment SET...`: see `install.py`."""

import sys

from shared.workbench.environment.interrupts import told_in_a_line

with told_in_a_line("environment: interrupted; the next command sets up what is missing"):
    from shared.workbench.environment.install import main

    sys.exit(main(sys.argv[1:]))
