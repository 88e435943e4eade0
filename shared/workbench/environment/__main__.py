"""`python3 -m shared.workbench.environment SET...`: see `environment`."""

import sys

from shared.workbench.environment.environment import main

sys.exit(main(sys.argv[1:]))
