"""plan_rotation: lists a fleet, finds the passwords that are older than a policy allows, and sends a command for each.

Promise: it only reads, and no command that it sends holds a secret. A credential that is due gets the same CommandId
from every run until its secret has changed, so a repeated run makes no second rotation. It reports what it cannot list
and what has no age, and never rotates that. The operation that a policy names declares how to list a fleet.
"""

from __future__ import annotations

from functions import load_operation
from shared.handlers.rotation import PlanRotationHandler

main_handler = PlanRotationHandler(load_operation)
