"""`python3 -m shared.workbench.environment SET...`: see `install.py`."""

import sys

from shared.workbench.environment.install import main

sys.exit(main(sys.argv[1:]))
