"""`python -m shared.workbench.bootstrap CLOUD [--print | --remove | --secret REF]`."""

from __future__ import annotations

import sys

from shared.workbench.bootstrap.commands import main

sys.exit(main(sys.argv[1:]))
