"""`invoke FUNCTION FILE --as scf|fc [--timeout-s 30]`: one event, one fresh process, as the platform would."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from shared.workbench.environment.file_problems import why
from tests.cloud.functions.platform_names import FC, SCF, platform_of
from tests.cloud.invocation.runtime import run_function


def main(argv: list[str]) -> int:
    """Logs go to stderr, the return value to stdout's last line; exit 1 if the handler raised."""
    parser = argparse.ArgumentParser(prog="python -m tests.cloud invoke", description=__doc__)
    parser.add_argument("function")
    parser.add_argument("file", type=Path)
    parser.add_argument("--as", dest="platform", choices=(SCF, FC))
    parser.add_argument("--timeout-s", type=float, default=30.0)
    arguments = parser.parse_args(argv)
    try:
        event = arguments.file.read_bytes()
    except OSError as error:
        parser.error(f"cannot read {arguments.file}: {why(error)}")
    platform = arguments.platform or platform_of(arguments.function)
    returned = run_function(arguments.function, event, platform, timeout_s=arguments.timeout_s)
    sys.stderr.write(returned.log)
    raised = returned.error is not None
    print(json.dumps(returned.error if raised else returned.value, ensure_ascii=False))
    return 1 if raised else 0
