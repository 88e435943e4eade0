"""`python -m shared.workbench.package CLOUD [FUNCTION...]`: see `package`."""

import sys

from shared.workbench.package.package import main

sys.exit(main(sys.argv[1:]))
