"""`python -m shared.workbench.package CLOUD [FUNCTION...]`: see `zips.py`."""

import sys

from shared.workbench.package.zips import main

sys.exit(main(sys.argv[1:]))
