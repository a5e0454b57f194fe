"""The plain pages that the links of mails lead to: without scripts, and without anything from elsewhere.

A page may hold the token of a link, so nothing of it goes to another site (``Referrer-Policy``) or into a cache, no
other site can frame it, and the only style that counts is the one whose hash the policy names.
"""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path

from flask import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from services.identity.passwords.rules import RULE

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "style.css").read_text()
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Faults = Mapping[str, str]
"""What is wrong with the fields of a form, by their names."""


@dataclass(frozen=True)
class Button:
    label: str
    address: str


def password_page(token: str, email: str, faults: Faults | None = None) -> Response:
    """The form for a new password."""
    return _page("password.html", faults, token=token, email=email, hint=RULE)


def invitation_page(token: str, email: str, tenant_name: str, name: str, faults: Faults | None = None) -> Response:
    """The form that accepts an invitation."""
    return _page("invitation.html", faults, token=token, email=email, tenant_name=tenant_name, name=name, hint=RULE)


def provider_page(email: str, tenant_name: str, address: str) -> Response:
    """Leads to the company's own sign-in, which accepts an invitation."""
    return _page("invitation_by_provider.html", None, email=email, tenant_name=tenant_name, address=address)


def recover_page(email: str = "", faults: Faults | None = None) -> Response:
    """The form that asks for a link to set a new password."""
    return _page("recover.html", faults, email=email)


def message_page(heading: str, *paragraphs: str, button: Button | None = None) -> Response:
    """A page that says what has happened, and what to do next."""
    return _page("message.html", None, heading=heading, paragraphs=paragraphs, button=button)


def _page(template: str, faults: Faults | None, **values: object) -> Response:
    by_field: Mapping[str, str] = defaultdict(str, faults or {})
    page = _templates().get_template(template).render(style=Markup(STYLE), faults=by_field, **values)  # noqa: S704
    status = HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK
    return Response(page, status=status, mimetype="text/html", headers=HEADERS)


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        auto_reload=False,
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
