"""Renders the letter of a delivery: text and HTML from the templates, and headers that no text can add to."""

import hashlib
import re
from binascii import b2a_qp
from collections.abc import Iterator, Mapping
from email.utils import format_datetime
from functools import cache, lru_cache
from typing import Any

from css_inline import CSSInliner
from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from services.notifier.common import wording
from services.notifier.common.templates import templates
from services.notifier.deliveries.models import Delivery
from services.notifier.outbound import headers
from services.notifier.outbound.channels.base import Letter
from services.notifier.settings import NotifierSettings

OF_A_THREAD = ("In-Reply-To", "References")
GAP = re.compile("\ue000([0-9]+)\ue001")


def compose(
    delivery: Delivery, name: str, settings: NotifierSettings, links: Mapping[str, str], *, time_zone: str
) -> Letter:
    """The letter of a delivery to a user called ``name``.

    Args:
        links: the addresses of its links; without ``unsubscribe_url`` it is one that cannot be turned off.
        time_zone: the reader's, in which it gives times (D61).

    Raises:
        Unmailable: no mail can go to this address, or a text would change the headers of the mail.
    """
    local, domain = wording.mailable(delivery.address or "")
    recipient = f"{local}@{domain}"
    sender_name, sender = settings.sender
    context = delivery.context | dict(links) | {"subject": delivery.subject, "time_zone": time_zone}
    text, html = render(delivery.template, context)
    boundary = f"=_{hashlib.sha256(delivery.message_id.encode()).hexdigest()[:32]}"  # no encoded text can hold it
    head = [
        headers.text("Subject", delivery.subject),
        headers.mailbox("From", sender_name, sender),
        headers.mailbox("To", wording.display_name(name), recipient),
        headers.plain("Date", format_datetime(delivery.queued_at)),
        headers.plain("Message-ID", delivery.message_id),
        headers.plain("Auto-Submitted", "auto-generated"),
        *_unsubscribe(links.get("unsubscribe_url")),
        *(
            [headers.plain(header, _root(delivery, settings.domain)) for header in OF_A_THREAD]
            if delivery.thread_id
            else []
        ),
        headers.plain("MIME-Version", "1.0"),
        headers.plain("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ]
    return Letter(
        sender=sender,
        recipient=recipient,
        message_id=delivery.message_id,
        at=delivery.queued_at,
        content=b"".join([*head, b"\r\n", *_alternatives(boundary, plain=text, html=html)]),
    )


def _unsubscribe(url: str | None) -> Iterator[bytes]:
    """RFC 8058, for mails that can be turned off."""
    if url:
        yield headers.plain("List-Unsubscribe", f"<{url}>")
        yield headers.plain("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")


def _alternatives(boundary: str, **bodies: str) -> Iterator[bytes]:
    """The bodies in quoted-printable, which every server passes on unchanged. Own code, because the email package takes
    ten times as long for it as everything else takes for a mail."""
    for kind, body in bodies.items():
        yield f'--{boundary}\r\nContent-Type: text/{kind}; charset="utf-8"\r\n'.encode("ascii")
        yield b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        lines = "\n".join(body.splitlines()) + "\n"
        yield b2a_qp(lines.encode()).replace(b"\n", b"\r\n") + b"\r\n"
    yield f"--{boundary}--\r\n".encode("ascii")


def _root(delivery: Delivery, domain: str) -> str:
    """An id that all mails of a thread to one user refer to, so that they are shown together. No mail has it."""
    return f"<thread.{delivery.thread_id}.{delivery.recipient}@{domain}>"


def render(template: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """The text and the HTML of a mail; all values of the context show as text.

    Styles are inlined into a page with gaps in place of the values. Mails of one kind mostly share that page, so it is
    made once, and what users wrote never reaches the inliner's parser.
    """
    text = templates().get_template(f"{template}.txt").render(context)
    values: list[str] = []
    page = _pages().get_template(f"{template}.html").render(context, values=values)
    literal, *pieces = _styled(page)
    filled = (values[int(gap)] + after for gap, after in zip(pieces[::2], pieces[1::2], strict=True))
    return text, "".join([literal, *filled])


@cache
def _pages() -> Environment:
    """Templates that print numbered gaps instead of values, and collect the values in ``values``."""
    return templates().overlay(finalize=_leave_gap)


@pass_context
def _leave_gap(context: Context, value: object) -> str:
    if isinstance(value, Markup):
        return value  # the output of a macro or a block: it has its gaps already
    values: list[str] = context["values"]
    values.append(str(escape(value)))
    return f"\ue000{len(values) - 1}\ue001"  # characters that no template contains


@lru_cache(maxsize=256)
def _styled(page: str) -> list[str]:
    """A page with inlined styles, split at its gaps: text, number of a gap, text, and so on."""
    return GAP.split(_inliner().inline(page))


@cache
def _inliner() -> CSSInliner:
    """Inlines styles, because many mail programs read them only there; media queries stay."""
    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
