"""`python -m shared.workbench.verify CLOUD [--sandbox FILE] [--only IDS]`."""

from __future__ import annotations

import sys

from shared.workbench.verify.commands import main

sys.exit(main(sys.argv[1:]))
