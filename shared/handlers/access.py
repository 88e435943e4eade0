"""Access to clouds and stores in one invocation: the keys, the endpoint, the rate, and what the settings allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.commands.store_reference import StoreRef
from shared.handlers.adapters import open_store
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.platform import Invocation
from shared.runtime.settings import is_allowed

if TYPE_CHECKING:
    from shared.stores.store import Store


def access_to(invocation: Invocation, cloud: str, site: str | None = None) -> CloudAccess:
    """Access to a cloud's APIs. Raises: Refused (forbidden) if the keys of the function's role are missing."""
    settings = invocation.settings
    return CloudAccess(
        invocation.keys(cloud),
        settings.endpoint(cloud),
        settings.calls_per_s(cloud),
        invocation.deadline,
        invocation.operator if cloud == invocation.cloud else None,
        site or settings.site,
        ca_file=settings.ca_file,
        shared=invocation.shared,
    )


def check_role(invocation: Invocation, role: str | None) -> None:
    """Raises: Refused (forbidden) for a role that KEYTURN_ASSUME does not name."""
    if role is not None:
        from shared.runtime.role_names import may_assume

        if not may_assume(invocation.settings.assume, role):
            text = "KEYTURN_ASSUME does not name this role, nothing was called"
            raise Refused(ErrorClass.FORBIDDEN, text, code="RoleForbidden")


def store_region(invocation: Invocation, ref: StoreRef, cloud: str, region: str, role: str | None = None) -> str:
    """The region of a store: the credential's if both are in one cloud, else the platform's. Raises: Refused."""
    if ref.cloud == cloud:
        return region
    if role is not None:
        text = f"{ref.place}: with Role the store belongs to the role's account: name a store in the credential's cloud"
        raise Refused(ErrorClass.INVALID_COMMAND, text)
    if ref.cloud == invocation.cloud and invocation.region:
        return invocation.region
    text = f"{ref.place}: the region of a store in another cloud is not known: name a store in the credential's cloud"
    raise Refused(ErrorClass.INVALID_COMMAND, text)


def check_store(invocation: Invocation, ref: StoreRef, region: str) -> None:
    """Raises: Refused (forbidden) for a store that KEYTURN_ALLOW does not name."""
    if not is_allowed(invocation.settings.allow, (ref.cloud, ref.kind, region, ref.name, "*")):
        raise Refused(ErrorClass.FORBIDDEN, f"KEYTURN_ALLOW does not name {ref.place}, nothing was called")


def store_of(
    invocation: Invocation,
    ref: StoreRef,
    region: str,
    site: str | None = None,
    assumed: CloudAccess | None = None,
) -> Store:
    """Open a store, if KEYTURN_ALLOW names it. `assumed`: the access by another account's role, if there is one.

    Raises: Refused (forbidden; failed if the package does not carry the store's client).
    """
    check_store(invocation, ref, region)
    try:
        return open_store(ref, lambda cloud: assumed or access_to(invocation, cloud, site), region)
    except ImportError:
        text = f"{ref.place}: this package does not carry the client of {ref.cloud}'s store: package it for that cloud"
    raise Refused(ErrorClass.FAILED, text, code="NotPackaged")
