"""The cookie that binds a sign-in under way to the browser it began in; there is one for each, so that several tabs may
sign in at once.

It also names the sessions that this browser has, which the new one replaces. Their own cookie is ``SameSite=Strict``:
browsers keep it back on the way from the provider's site. An id of a session opens nothing.
"""

from collections.abc import Collection
from uuid import UUID

from flask import Response, request

from services.identity.common.secrets import digest, new_secret
from services.identity.identity_providers.failures import PATH
from services.identity.sessions import cookies
from services.identity.sso.rules import ATTEMPT_LIFETIME


def new_binding(sessions: Collection[UUID]) -> str:
    """What the cookie of a new sign-in holds: a secret, and the sessions that the browser has."""
    return ".".join([new_secret(), *(session_id.hex for session_id in sessions)])


def sessions_of(binding: str) -> list[UUID]:
    """The sessions in a cookie that is known to be ours."""
    return [UUID(part) for part in binding.split(".")[1:]]


def shown(state: str) -> str:
    """What the browser holds for the sign-in of this ``state``; empty where that began in another browser."""
    return request.cookies.get(_name(state), "")


def bind(response: Response, state: str, binding: str) -> None:
    """Have the browser hold the cookie until it comes back, or the sign-in is over."""
    _set(response, state, binding, int(ATTEMPT_LIFETIME.total_seconds()))


def release(response: Response, state: str) -> None:
    """Have the browser forget it."""
    _set(response, state, "", 0)


def _name(state: str) -> str:
    prefix = "__Secure-" if cookies.is_secure() else ""
    return f"{prefix}concord_sso_{digest(state)[:16]}"


def _set(response: Response, state: str, value: str, max_age: int) -> None:
    # Lax, not Strict: the browser comes back from the provider's site.
    response.set_cookie(
        _name(state),
        value,
        max_age=max_age,
        secure=cookies.is_secure(),
        httponly=True,
        samesite="Lax",
        path=PATH,
    )
