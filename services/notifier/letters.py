"""Makes the letter of a delivery: subject, text and HTML from the templates, and headers nobody can smuggle into."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy, default
from functools import cache
from pathlib import Path
from typing import Any

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifier.models import Delivery
from services.notifier.rules import wording
from services.notifier.settings import Settings


class Policy(EmailPolicy):
    """How a letter is written out; ids and links stay on their line, because not everything that reads them unfolds."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name in WHOLE:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


WHOLE = frozenset({"Message-ID", "In-Reply-To", "References", "List-Unsubscribe"})
HEADERS = frozenset(
    {
        *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"),
        *("List-Unsubscribe", "List-Unsubscribe-Post"),
    }
)
OF_A_THREAD = frozenset({"In-Reply-To", "References"})
ANY_SERVER = Policy(linesep="\r\n", cte_type="7bit")  # not every server takes eight bits


@dataclass(frozen=True, slots=True)
class Letter:
    """A finished mail. ``at`` orders it in the development mailbox; the same mail sent again has the same."""

    sender: str
    recipient: str
    message_id: str
    at: datetime
    content: bytes


def compose(delivery: Delivery, name: str, settings: Settings, links: Mapping[str, str]) -> Letter:
    """The letter of a delivery to somebody called ``name``; ``links`` are the addresses it may lead to.

    Raises:
        Unmailable: no mail can go to this address.
    """
    local, domain = wording.mailable(delivery.address or "")
    recipient = Address(_literal(wording.display_name(name)), local, domain)
    sender = Address(settings.sender[0], addr_spec=settings.sender[1])
    text, html = render(delivery.template, delivery.context | dict(links) | {"subject": delivery.subject})
    message = EmailMessage(policy=ANY_SERVER)
    message["Subject"] = _literal(delivery.subject)
    message["From"] = sender
    message["To"] = recipient
    message["Date"] = delivery.queued_at
    message["Message-ID"] = delivery.message_id
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{links['unsubscribe_url']}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if delivery.thread_id:
        message["In-Reply-To"] = message["References"] = _root(delivery, settings.domain)
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    content = message.as_bytes()
    _check(content, recipient, HEADERS | OF_A_THREAD if delivery.thread_id else HEADERS)
    return Letter(
        sender=sender.addr_spec,
        recipient=recipient.addr_spec,
        message_id=delivery.message_id,
        at=delivery.queued_at,
        content=content,
    )


def _literal(text: str) -> str:
    """A text that stays what it is: ``=?`` begins an encoded word, which the email package would decode again, line
    ends and all. An invisible character keeps the two apart."""
    return text.replace("=?", "=\u2060?")


def _root(delivery: Delivery, domain: str) -> str:
    """An id that all mails of a thread to one user name, so that they are shown together; it is no mail's own."""
    return f"<thread.{delivery.thread_id}.{delivery.recipient}@{domain}>"


def _check(content: bytes, recipient: Address, headers: frozenset[str]) -> None:
    """Read the finished letter as its reader will; a second wall, whatever the library does with odd texts.

    Raises:
        Unmailable: a header came or went, or another address stands in it.
    """
    read = message_from_bytes(content, policy=default)
    to = getattr(read["To"], "addresses", ())
    if sorted(read.keys()) != sorted(headers) or [address.addr_spec for address in to] != [recipient.addr_spec]:
        raise wording.Unmailable("its texts would change the headers of the mail")


def render(template: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """The text and the HTML of a mail; whatever the context holds shows as text."""
    text = templates().get_template(f"{template}.txt").render(context)
    html = templates().get_template(f"{template}.html").render(context)
    return text, _inliner().inline(html)


@cache
def templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["date"] = lambda moment: wording.said_date(datetime.fromisoformat(moment))
    environment.filters["moment"] = lambda moment: wording.said_moment(datetime.fromisoformat(moment))
    environment.filters["line"] = lambda text: wording.one_line(text, 500)
    return environment


@cache
def _inliner() -> CSSInliner:
    """Writes styles onto the elements, since many mail programs read them only there; media queries stay."""
    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
