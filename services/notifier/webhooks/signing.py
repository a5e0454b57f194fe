"""Signatures as the Standard Webhooks specification wants them: HMAC-SHA256 over id, time and body."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks.webhooks import Webhook

PURPOSE = "webhooks"
SECRET_BYTES = 32


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def headers(message_id: str, body: str, keys: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers for ``body``, with a signature for each of the secrets."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Concord-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(message_id, now, body) for key in keys),
    }
