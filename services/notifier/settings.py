"""The settings of this service alone: how mail is sent, where webhooks may lead, how long the event log is kept."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from environs import Env, ValidationError, validate
from limits import RateLimitItem, parse
from sqlalchemy.orm import Session

from chassis.data.encryption import SecretBox, development_secret
from chassis.process.settings import Settings, SettingsError, read
from services.notifier.common import wording

PLAIN, STARTTLS, TLS = "plain", "starttls", "tls"
PORTS = {PLAIN: 25, STARTTLS: 587, TLS: 465}


@dataclass(frozen=True)
class SmtpServer:
    """Where mail is handed over. ``security`` is ``plain``, ``starttls`` or ``tls``."""

    host: str
    port: int
    security: str
    user: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class NotifierSettings:
    """See the table in the README.

    Attributes:
        smtp: None where mail goes to the development mailbox, whose folder is ``mailbox``.
        sender: name and address mail comes from.
        domain: right-hand side of every Message-ID, and how we greet the server.
        timeout: seconds to wait for each answer of the server.
        secret: None in development, where a file beside the ``keys`` holds it.
        webhook_timeout: seconds that a webhook's receiver has for its whole answer.
        console_url: where the console's pages begin, without a slash at the end; the links of mails lead there.
        rate: how much mail each provider gets, by the recipient's domain; None for no limit.
        recipient_rate: how much mail of one topic each recipient gets; None for no limit.
    """

    smtp: SmtpServer | None
    mailbox: Path | None
    sender: tuple[str, str]
    domain: str
    timeout: float
    secret: str | None = field(repr=False)
    keys: Path
    webhook_loopback: bool
    webhook_timeout: float
    event_log_days: int
    public_url: str
    console_url: str
    gather_seconds: float
    rate: RateLimitItem | None
    recipient_rate: RateLimitItem | None
    limits_url: str
    keep_days: int

    @property
    def deadline(self) -> float:
        """Seconds after which handing a mail over is given up, however alive the server seems."""
        return self.timeout * 6

    @property
    def lease(self) -> timedelta:
        """How long a claimed mail belongs to its sender: longer than handing it over or giving it up can take."""
        return timedelta(seconds=self.timeout * 9)

    @property
    def webhook_lease(self) -> timedelta:
        """How long a webhook's message belongs to its sender: longer than its delivery can take."""
        return timedelta(seconds=self.webhook_timeout * 2)

    def secret_box(self, purpose: str) -> SecretBox:
        return SecretBox(self.secret or development_secret(self.keys, "notifier"), purpose)


def of(process: Settings) -> NotifierSettings:
    """The settings for a process that runs with ``process``, read from the environment once.

    Raises:
        SettingsError: something is missing or wrong. In production there must be a mail server and a secret, webhooks
            must not reach into our own network, and the links of mails must begin with https (RFC 8058).
    """
    own: NotifierSettings | None = process.own.get("notifier")
    if own is None:
        own = read(partial(_build, process))
        if not process.development:
            _check_production(own)
        process.own["notifier"] = own
    return own


def process_of(session: Session) -> Settings:
    """The settings of the process that opened a session: for consumers and actions, which have no application."""
    return session.info["runtime"].settings


def _build(process: Settings, env: Env) -> NotifierSettings:
    for name, parser in {"smtp": _smtp, "mailbox": _mailbox, "domain": _domain, "rate": _rate, "page": _page}.items():
        env.add_parser(name, parser)
    smtp = env.smtp("SMTP_URL", "")
    sender = env.mailbox("MAIL_FROM", "Concord <no-reply@concord.example>") or ("", "")
    long_enough = validate.Length(min=32, error="must have at least 32 characters")
    return NotifierSettings(
        smtp=smtp,
        mailbox=process.home / "mail" if process.development and smtp is None else None,
        sender=sender,
        domain=env.domain("MAIL_DOMAIN", sender[1].rpartition("@")[2] or "localhost"),
        timeout=env.float("SMTP_TIMEOUT", 10.0, validate=validate.Range(min=0.1, max=300)),
        secret=env.str("NOTIFIER_SECRET", None, validate=long_enough),
        keys=process.keys,
        webhook_loopback=env.bool("WEBHOOK_LOOPBACK", process.development),
        webhook_timeout=env.float("WEBHOOK_TIMEOUT", 20.0, validate=validate.Range(min=1, max=30)),
        event_log_days=env.int("EVENT_LOG_DAYS", 30, validate=validate.Range(min=1, max=3650)),
        public_url=process.public_url,
        console_url=env.page("CONSOLE_URL", "") or f"{process.public_url}/console",
        gather_seconds=env.float("MESSAGE_DELAY", 180.0, validate=validate.Range(min=0, max=3600)),
        rate=env.rate("MAIL_RATE", "1000/minute"),
        recipient_rate=env.rate("MAIL_RECIPIENT_RATE", "30/hour"),
        limits_url=env.str("LIMITS_URL", "memory://"),
        keep_days=env.int("KEEP_MAILS", 180, validate=validate.Range(min=31, max=3650)),
    )


def _check_production(own: NotifierSettings) -> None:
    problems = {
        "CONCORD_SMTP_URL: required in production": own.smtp is None,
        "CONCORD_NOTIFIER_SECRET: required in production": own.secret is None,
        "CONCORD_WEBHOOK_LOOPBACK: not in production": own.webhook_loopback,
        "CONCORD_PUBLIC_URL: https://… in production": not own.public_url.startswith("https://"),
        "CONCORD_CONSOLE_URL: https://… in production": not own.console_url.startswith("https://"),
    }
    if lines := [text for text, is_wrong in problems.items() if is_wrong]:
        raise SettingsError("Settings are missing or wrong:\n  " + "\n  ".join(lines))


def _smtp(url: str) -> SmtpServer | None:
    """``smtp://user:password@host:port?starttls=true`` or ``smtps://…``. Errors never quote it: it holds a password."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValidationError("is no URL") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ValidationError("must be smtp://user:password@host:port?starttls=true or smtps://user:password@host")
    options = parse_qs(parts.query, keep_blank_values=True)
    starttls = options.pop("starttls", ["false"])[-1]
    if options or starttls not in ("true", "false"):
        raise ValidationError("knows no option but starttls=true or starttls=false")
    security = TLS if parts.scheme == "smtps" else STARTTLS if starttls == "true" else PLAIN
    if parts.username and security == PLAIN:
        raise ValidationError("has credentials, so it needs smtps:// or starttls=true")
    return SmtpServer(
        host=parts.hostname,
        port=port or PORTS[security],
        security=security,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
    )


def _mailbox(text: str) -> tuple[str, str]:
    name, address = parseaddr(text)
    try:
        return name, "@".join(wording.mailable(address))
    except ValueError:
        raise ValidationError("must look like Name <address@domain>") from None


def _page(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^\s?#]+", url):
        raise ValidationError("must be an address such as https://concord.example/console")
    return url.rstrip("/")


def _domain(domain: str) -> str:
    try:
        return wording.mailable(f"a@{domain}")[1]
    except ValueError:
        raise ValidationError("must be a domain name") from None


def _rate(rate: str) -> RateLimitItem | None:
    try:
        return parse(rate) if rate else None
    except ValueError:
        raise ValidationError("must look like 1000/minute, or be empty") from None
