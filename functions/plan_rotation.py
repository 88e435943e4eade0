"""plan_rotation: which credentials of a fleet are older than a policy allows, and one command for each that is.

Promise: it only reads, and what it sends holds no secret. A credential that is due gets the same CommandId from every
firing until its secret has changed, so a repeat makes no second rotation. What cannot be listed, or has no age, is
reported and never rotated. How a fleet is listed is declared by the operation that a policy names.
"""

from __future__ import annotations

from functions import load_operation
from shared.handlers.rotation import PlanRotationHandler

main_handler = PlanRotationHandler(load_operation)
