"""follow_change: brings a pending change to its end. It reads a task or a status and never changes anything.

Promise: each pending change ends in one terminal result: what the task says, or `unknown` 30 minutes after its start.
What it may read is declared by the operations whose changes it follows.
"""

from __future__ import annotations

from functions import load_operation
from shared.handlers.follow import FollowChangeHandler

main_handler = FollowChangeHandler(load_operation)
