"""What people see of single sign-on: a small page where it fails."""

from flask import Response
from markupsafe import escape

from contracts.error_formats import PAGE, PAGE_HTML
from services.identity.sso.failures import NotSignedIn


def of_failure(failure: NotSignedIn) -> Response:
    """A page that says what has happened and what its reader can do."""
    text = PAGE_HTML.format(title=escape(failure.title), advice=escape(failure.detail))
    response = Response(text, failure.status, content_type=PAGE.media_type)
    response.headers.extend({**PAGE.headers, **failure.headers})
    return response
