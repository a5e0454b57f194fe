"""Cursors: a position in the event log as an encrypted text.

Another tenant cannot use it, and it does not show how many events the platform has.
"""

from uuid import UUID

from cryptography.fernet import InvalidToken

from chassis.core.errors import Invalid
from chassis.data.encryption import SecretBox

PURPOSE = "cursors"


def write(secret_box: SecretBox, tenant_id: UUID, position: int) -> str:
    return secret_box.encrypt(f"{tenant_id}:{position}").rstrip("=")


def read(secret_box: SecretBox, tenant_id: UUID, cursor: str) -> int:
    """The position in a cursor that was written for this tenant.

    Raises:
        Invalid: ``invalid_cursor``.
    """
    try:
        owner, _, position = secret_box.decrypt(cursor + "=" * (-len(cursor) % 4)).partition(":")
    except (InvalidToken, UnicodeError):
        owner, position = "", ""
    if owner != str(tenant_id):
        raise Invalid.field("after", "This cursor was not given to you.", code="invalid_cursor")
    return int(position)
