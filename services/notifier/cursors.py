"""Where somebody is in the event log, as an opaque text that only we can read and make.

It is worth nothing to another tenant, and tells nobody how many events the platform has.
"""

from uuid import UUID

from cryptography.fernet import InvalidToken

from chassis.errors import Invalid
from chassis.vault import Vault

PURPOSE = "cursors"


def write(vault: Vault, tenant_id: UUID, position: int) -> str:
    return vault.lock(f"{tenant_id}:{position}").rstrip("=")


def read(vault: Vault, tenant_id: UUID, cursor: str) -> int:
    """The position in a cursor that was written for this tenant.

    Raises:
        Invalid: ``invalid_cursor``.
    """
    try:
        owner, _, position = vault.unlock(cursor + "=" * (-len(cursor) % 4)).partition(":")
    except (InvalidToken, UnicodeError):
        owner, position = "", ""
    if owner != str(tenant_id):
        raise Invalid.field("after", "This cursor was not given to you.", code="invalid_cursor")
    return int(position)
