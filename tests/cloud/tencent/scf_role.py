"""What SCF checks in an account before it accepts a function: its own role, the function's role, and the right to pass
it.

These codes are in SCF's list of error codes. Which code belongs to which refusal is not published.
"""

from __future__ import annotations

from tests.cloud.identity.identities import Identities
from tests.cloud.identity.roles import SCF_ROLE
from tests.cloud.state.accounts import TENCENT_UIN
from tests.cloud.state.world import World
from tests.cloud.wire.service import ApiError, Call


def check_consent(identities: Identities, world: World) -> None:
    """Check that SCF's own role exists. Raises: ApiError."""
    if world.holds("D4") and identities.roles["tencent"].find(SCF_ROLE) is None:
        raise ApiError("FailedOperation.QcsRoleNotFound", f"The role {SCF_ROLE} does not exist.")


def check_role(identities: Identities, call: Call, role: str) -> None:
    """Check that a function may have this role, or has none. Raises: ApiError."""
    # claims: D10, I3
    if not role:
        return
    if identities.seen("tencent", role) is None:
        raise ApiError("ResourceNotFound.Role", "The role does not exist.")
    if not identities.can_run_as("tencent", role):
        raise ApiError("InvalidParameter.RoleCheck", "The role does not trust the service scf.qcloud.com.")
    resource = f"qcs::cam::uin/{TENCENT_UIN}:roleName/{role}"
    if call.caller is not None and not identities.may_pass(call.caller, resource):
        text = f"you are not authorized to perform operation (cam:PassRole) resource ({resource}) has no permission"
        raise ApiError("UnauthorizedOperation.CAM", text)
