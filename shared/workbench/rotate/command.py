"""`make rotate`: rotate the credentials of a policy, and watch the results.

The command asks the deployed plan_rotation for the ages, shows the due credentials and asks once. Then plan_rotation
sends the commands, and this command shows each result from the results queue. `YES=1` agrees beforehand. `--dry` only
shows the ages. `--now` makes every credential of the policy due, however young: use it for the first rotation, because
people know those passwords. `--json` prints the report's pages and the results to standard output, one event a line,
and everything for people to standard error.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy.access import Refused
from shared.workbench.deploy.call import NoAnswer
from shared.workbench.deploy.control_plane import CallFailed
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.interrupts import INTERRUPTED
from shared.workbench.environment.terminal import NobodyToAsk, Terminal, complain
from shared.workbench.rotate.firing_call import FiringFailed
from shared.workbench.rotate.session import FAILED, WRONG_USE, Session


def main(argv: list[str], environ: Mapping[str, str] = os.environ) -> int:
    """Exit 0: each due password is in force, or none was due. 1: some are not, or it is not known. 2: wrong use."""
    parser = CommandLine(
        "python -m shared.workbench.rotate",
        __doc__,
        "make rotate POLICY=quarterly-redis CLOUD=tencent DRY=1",
        "make rotate POLICY=quarterly-redis CLOUD=tencent YES=1",
    )
    parser.add_argument("cloud", help="tencent or alibaba")
    parser.add_argument("policy", help="a name under custom.policies of serverless.yml")
    parser.add_argument("--dry", action="store_true", help="only show the ages, send nothing")
    parser.add_argument("--now", action="store_true", help="whatever the age")
    parser.add_argument("--borrow", action="store_true", help="SMQ: receive each result, and return it to the queue")
    parser.add_argument("--json", action="store_true", help="print the events, one a line")
    options = parser.parse_args(argv)
    session: Session | None = None
    started = time.time()
    try:
        description = load(ROOT / "serverless.yml", options.cloud, environ)
        terminal = Terminal(sys.stderr if options.json else None, environ)
        how = {"any_age": options.now, "borrow": options.borrow, "as_json": options.json}
        session = Session(description, options.policy, environ, terminal, **how)
        return session.ages() if options.dry else session.rotate()
    except DescriptionError as error:
        complain(error)
        return WRONG_USE
    except (Refused, NobodyToAsk) as error:
        complain(f"rotate: {error}")
        return WRONG_USE
    except (CallFailed, FiringFailed, NoAnswer) as error:
        may_have_sent = isinstance(error, FiringFailed) and error.may_have_run and session and session.has_fired
        after = session.after_no_answer if session and (may_have_sent or isinstance(error, NoAnswer)) else ""
        if isinstance(error, CallFailed) and error.advice:
            after = f": {error.advice}"
        complain(f"rotate: {error}{after}")
        return FAILED
    except KeyboardInterrupt:
        text = "stopped; nothing was sent"
        if session and session.has_fired:
            minutes = int(time.time() - started) // 60 + 2
            look = f"make results CLOUD={options.cloud} SINCE={minutes}m FOLLOW=1"
            text = f"the rotation continues without this command; {look} shows its results"
        complain(f"\nrotate: {text}")
        return INTERRUPTED
    finally:
        if session:
            session.close()
