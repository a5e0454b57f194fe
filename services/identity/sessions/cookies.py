"""The refresh token as a browser keeps it."""

from flask import Response, current_app, jsonify, request

from chassis.core.errors import Forbidden
from chassis.process.service import settings_of
from services.identity.common.context import own_settings
from services.identity.signing_keys.grants import Granted

PATH = "/session"


def is_secure() -> bool:
    """Whether browsers reach us by https."""
    return settings_of(current_app).public_url.startswith("https://")


def cookie_name() -> str:
    return "__Secure-concord_session" if is_secure() else "concord_session"


def require_same_origin() -> None:
    """Let only our own pages do this.

    Raises:
        Forbidden: another origin sent the request.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site == "same-origin" or (site is None and request.headers.get("Origin") == settings_of(current_app).public_url):
        return
    raise Forbidden("This can only be asked by our own pages.")


def answer(granted: Granted, keep: bool) -> Response:
    """The access token, with the refresh token as a cookie."""
    response = jsonify(access_token=granted.access_token, expires_in=granted.expires_in)
    set_session(response, granted, keep)
    return response


def set_session(response: Response, granted: Granted, keep: bool) -> None:
    """Give a browser its refresh token; ``keep`` it when the browser is closed."""
    response.set_cookie(
        cookie_name(),
        granted.refresh_token or "",
        max_age=own_settings().idle_lifetime if keep else None,
        secure=is_secure(),
        httponly=True,
        samesite="Strict",
        path=PATH,
    )
