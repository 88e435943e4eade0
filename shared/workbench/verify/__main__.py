"""`python -m shared.workbench.verify CLOUD [--sandbox FILE] [--only IDS]`."""

from __future__ import annotations

import os
import signal
import sys

try:
    from shared.workbench.verify.commands import main

    code = main(sys.argv[1:])
    for one in (signal.SIGINT, signal.SIGTERM):  # from here on there is nothing to interrupt
        signal.signal(one, signal.SIG_IGN)
except KeyboardInterrupt:
    print("verify: interrupted before anything was tried", file=sys.stderr)
    code = 130
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # after sys.exit CPython may still die of an interrupt that was caught, if it came within an exec()
