"""What people see of single sign-on: a small page where it fails, or where they are asked first."""

from flask import Response
from markupsafe import Markup, escape

from contracts.error_formats import PAGE, PAGE_HTML
from services.identity.sso.failures import NotSignedIn


def of_failure(failure: NotSignedIn) -> Response:
    """A page that says what has happened and what its reader can do."""
    text = PAGE_HTML.format(title=escape(failure.title), advice=escape(failure.detail))
    response = Response(text, failure.status, content_type=PAGE.media_type)
    response.headers.extend({**PAGE.headers, **failure.headers})
    return response


def of_question(tenant_name: str) -> Response:
    """A page that asks whether its reader wants to sign in. Its form goes to the page's own address, so nothing of the
    request stands in it."""
    form = Markup('<form method="post"><button>Sign in</button></form>Go back if you did not mean to sign in here.')
    text = PAGE_HTML.format(title=escape(f"Sign in to {tenant_name}?"), advice=form)
    return Response(text, content_type=PAGE.media_type, headers=PAGE.headers)
