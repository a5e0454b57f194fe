"""The cookie that keeps a browser signed in, and which pages may use it."""

from flask import Response, current_app, jsonify, request

from chassis.core.errors import Forbidden
from chassis.process.service import settings_of
from services.identity.common.context import own_settings
from services.identity.signing_keys.grants import Granted

PATH = "/session"
PLAIN_NAME = "concord_session"


def answer(granted: Granted, keep: bool) -> Response:
    """The access token, and the refresh token as a cookie that no script reads."""
    response = jsonify(access_token=granted.access_token, expires_in=granted.expires_in)
    secure = settings_of(current_app).public_url.startswith("https:")
    response.set_cookie(
        f"__Secure-{PLAIN_NAME}" if secure else PLAIN_NAME,
        granted.refresh_token or "",
        max_age=own_settings().idle_lifetime if keep else None,
        path=PATH,
        secure=secure,
        httponly=True,
        samesite="Strict",
    )
    return response


def require_same_origin() -> None:
    """Let pages of ours in only.

    Raises:
        Forbidden: ``cross_origin``: the request comes from a page elsewhere, or from no browser.
    """
    site = request.headers.get("Sec-Fetch-Site")
    is_own = site == "same-origin" if site else request.headers.get("Origin") == settings_of(current_app).public_url
    if not is_own:
        raise Forbidden("Only pages of this address may sign in here.", code="cross_origin")
