"""The page at the console's addresses while the console is not installed here, and at ``/`` for browsers.

Mails lead to these addresses, so a person must never meet JSON here. The page has no scripts, loads nothing and shows
nothing of the request.
"""

import base64
import hashlib

from flask import Response, request

PREFIX = "/console"
STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: light-dark(#eef1f4, #10161c); font: 16px/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; max-width: 40rem; margin: 12vh auto 2rem; padding: 1.75rem; border-radius: 10px; }
main { background: light-dark(#ffffff, #1b242d); color: light-dark(#1d2733, #e8edf2); }
.brand { margin: 0; color: light-dark(#0b6b53, #5fd0b0); font-size: .875rem; font-weight: bold; }
h1 { margin: .75rem 0 .5rem; font-size: 1.5rem; line-height: 1.25; }
ul { margin: 1.25rem 0 0; padding: 0; list-style: none; }
li { padding: .75rem 0; border-top: 1px solid light-dark(#dfe4e9, #33404c); }
a { color: light-dark(#0b6b53, #5fd0b0); font-weight: bold; }
a:focus-visible { outline: 2px solid; outline-offset: 2px; border-radius: 2px; }
li span { display: block; color: light-dark(#5a6672, #a3b0bc); }
@media (max-width: 40rem) { main { min-height: 100vh; margin: 0; border-radius: 0; } }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Concord</title>
<style>{style}</style>
</head>
<body>
<main>
<p class="brand">Concord</p>
<h1>The console is not installed here</h1>
<p>Concord is where suppliers, retailers and merchants run their campaigns, promotions and affiliate programmes.
This installation has no pages to work with yet; everything works through its API.</p>
<ul>
{links}
</ul>
</main>
</body>
</html>
"""
LINKS = (
    ("/docs", "Documentation of the API", "Every endpoint, to read and to try"),
    ("/account/recover", "Set a new password", "If you have forgotten yours, or did not ask for a change"),
)
MAILBOX = ("/dev/mailbox", "Mailbox", "The mails that this development installation has sent")


def page(*, development: bool) -> Response:
    """The page; in development it also leads to the mailbox."""
    links = (*LINKS, MAILBOX) if development else LINKS
    lines = (f'<li><a href="{path}">{title}</a><span>{about}</span></li>' for path, title, about in links)
    headers = {
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
        "Vary": "Accept",
    }
    return Response(PAGE.format(style=STYLE, links="\n".join(lines)), mimetype="text/html", headers=headers)


def is_browser() -> bool:
    """Whether the present request is of a browser: it asks for pages by name."""
    return "text/html" in request.accept_mimetypes.values()
