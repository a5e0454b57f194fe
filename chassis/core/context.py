"""The request id and the W3C ``traceparent``, which accompany a piece of work through every process."""

import re
import secrets
from contextvars import ContextVar

_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")
_REQUEST_ID = re.compile(r"^[\x21-\x7e]{1,128}$")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)


def accept_request_id(offered: str | None) -> str:
    """The offered id if it is 1–128 visible ASCII characters, else a new one."""
    return offered if offered and _REQUEST_ID.match(offered) else secrets.token_hex(16)


def accept_traceparent(offered: str | None) -> str:
    """The offered trace if it is valid (W3C Trace Context, version 00), else a new one."""
    if offered and _TRACEPARENT.match(offered):
        return offered
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
