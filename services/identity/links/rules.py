"""What links are for, and the token that each carries. Nothing here knows the database or HTTP."""

import base64
import hmac
from datetime import timedelta
from uuid import UUID

from chassis.core.errors import Invalid

RESET = "reset"
INVITATION = "invitation"
"""What a link is for."""
RESET_LIFETIME = timedelta(hours=1)
INVITATION_LIFETIME = timedelta(days=7)


class LinkInvalid(Invalid):
    """The token is not ours, or its link is used, replaced or over. Which of these is not said, and nothing of the
    account."""

    default_code = "link_invalid"

    def __init__(self) -> None:
        super().__init__("This link is not good any more. Ask for a new one.")


def token_of(link_id: UUID, secret: bytes) -> str:
    """What a link carries: the same each time, and for us alone to make. ``secret`` is identity's, for links."""
    made = hmac.digest(secret, link_id.bytes, "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")
