"""What SCF asks of an account before it takes a function: its own role, the function's, and the right to pass that.

SCF's list of error codes has these; which of them it gives for which want, nobody says.
"""

from __future__ import annotations

from tests.cloud.identity.identities import Identities
from tests.cloud.identity.roles import SCF_ROLE
from tests.cloud.state.accounts import TENCENT_UIN
from tests.cloud.state.world import World
from tests.cloud.wire.service import ApiError, Call


def check_consent(identities: Identities, world: World) -> None:
    """The role with which SCF itself works is there. Raises: ApiError."""
    if world.holds("D4") and identities.roles["tencent"].find(SCF_ROLE) is None:
        raise ApiError("FailedOperation.QcsRoleNotFound", f"The role {SCF_ROLE} does not exist.")


def check_role(identities: Identities, call: Call, role: str) -> None:
    """A function may have this role, or none. Raises: ApiError."""
    # claims: D10
    if not role:
        return
    if identities.roles["tencent"].find(role) is None:
        raise ApiError("ResourceNotFound.Role", "The role does not exist.")
    if not identities.can_run_as("tencent", role):
        raise ApiError("InvalidParameter.RoleCheck", "The role does not trust the service scf.qcloud.com.")
    resource = f"qcs::cam::uin/{TENCENT_UIN}:roleName/{role}"
    if call.caller is not None and not identities.may_pass(call.caller, resource):
        text = f"you are not authorized to perform operation (cam:PassRole) resource ({resource}) has no permission"
        raise ApiError("UnauthorizedOperation.CAM", text)
