"""follow_change: finds out later how a `pending` change ended. It reads a task or a status and changes no password.

Promise: each pending change ends in one final result: what the task says, or `unknown` 30 minutes after its start. The
operations declare what follow_change may read for them.
"""

from __future__ import annotations

from functions import load_operation
from shared.handlers.follow import FollowChangeHandler

main_handler = FollowChangeHandler(load_operation)
