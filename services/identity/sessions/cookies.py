"""The cookie that a browser keeps its refresh token in, and the check that a page of ours sent the request.

The cookie opens nothing but ``/session``; the API wants an access token, which no browser sends by itself.
"""

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Response, after_this_request, current_app, request

from chassis.core.errors import Forbidden
from chassis.process.service import settings_of
from services.identity.signing_keys.grants import Granted

PATH = "/session"
_PORTS = {"http": 80, "https": 443}


def presented() -> str | None:
    """The refresh token that the browser sent.

    None also where it sent several: a page on a neighbouring host can add one of its own, and nobody can tell which is
    ours.
    """
    tokens = request.cookies.getlist(_name())
    return tokens[0] if len(tokens) == 1 and tokens[0] else None


def all_presented() -> list[str]:
    """Every refresh token that the browser sent: what is to end is the one that is ours, whichever that is."""
    return list(dict.fromkeys(token for token in request.cookies.getlist(_name()) if token))


def is_sent() -> bool:
    """Whether the browser sent such a cookie, of whatever value."""
    return _name() in request.cookies


def keep(granted: Granted) -> None:
    """Have the browser keep the refresh token: until it is closed, or as long as the token lives."""
    _set(granted.refresh_token or "", granted.cookie_lifetime)


def clear() -> None:
    """Have the browser forget its refresh token."""
    _set("", timedelta())


def require_own_page() -> None:
    """Refuse what another site had a browser send.

    Raises:
        Forbidden: ``cross_site``: neither ``Sec-Fetch-Site: same-origin`` nor, from a browser that does not say, an
            ``Origin`` that is the public URL's.
    """
    site = request.headers.get("Sec-Fetch-Site")
    is_own = site == "same-origin" if site is not None else _origin(request.headers.get("Origin", "")) == _own_origin()
    if not is_own:
        raise Forbidden("Only pages of this platform may ask for this.", code="cross_site")


def _set(value: str, lifetime: timedelta | None) -> None:
    name, secure = _name(), is_secure()

    @after_this_request
    def set_cookie(response: Response) -> Response:
        response.set_cookie(name, value, max_age=lifetime, path=PATH, secure=secure, httponly=True, samesite="Strict")
        return response


def _name() -> str:
    return "__Secure-concord_session" if is_secure() else "concord_session"


def is_secure() -> bool:
    """Whether browsers reach us by https."""
    return _public_url().startswith("https://")


def _public_url() -> str:
    return settings_of(current_app).public_url.lower()


def _own_origin() -> tuple[str, str, int] | None:
    return _origin("{0.scheme}://{0.netloc}".format(urlsplit(_public_url())))


def _origin(text: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an origin; None for what is none, such as ``null``."""
    try:
        parts = urlsplit(text.lower())
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    is_bare = not (parts.path or parts.query or parts.fragment or parts.username)
    return (parts.scheme, parts.hostname, port) if port and parts.hostname and is_bare else None
