"""The settings of this service alone: how mail is sent, where webhooks may lead, how long the event log is kept."""

from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from environs import Env, ValidationError, validate
from limits import RateLimitItem, parse

from chassis.data.encryption import SecretBox, development_secret
from chassis.process.settings import Settings as Chassis
from chassis.process.settings import SettingsError, read
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
class Settings:
    """How this deployment sends mail.

    Attributes:
        smtp: None where mail goes to the development mailbox.
        sender: name and address mail comes from.
        domain: right-hand side of every Message-ID, and how we greet the server.
        timeout: seconds to wait for each answer of the server.
        inbox_url: where a retailer finds its invites; None for the inbox behind the gateway.
        secret: what webhooks' secrets and cursors are encrypted under.
        webhook_loopback: webhooks may lead to this machine and over plain http; None where the environment decides.
        webhook_timeout: seconds that a webhook's receiver has for its answer, all in all.
        event_log_days: how long the event log, and what became of webhooks, is kept.
        inbox_url: where a retailer finds its invites; None for the inbox below ``links_url``.
        links_url: what the other links of mails begin with; None for the API behind the gateway.
        gather_messages: how long the first new message of a thread waits for more of them.
        rate: how much mail one provider, told by the recipient's domain, is given; None for no end of it.
        limits_url: where that is counted, if several senders are to share it.
        keep: how long mails and digests are remembered after they were written.
    """

    smtp: SmtpServer | None
    sender: tuple[str, str]
    domain: str
    timeout: float
    inbox_url: str | None
    secret: str | None = field(repr=False)
    webhook_loopback: bool | None
    webhook_timeout: float
    event_log_days: int
    links_url: str | None
    gather_messages: timedelta
    rate: RateLimitItem | None
    limits_url: str
    keep: timedelta

    @property
    def deadline(self) -> float:
        """Seconds after which a mail being handed over is given up, however alive the server seems."""
        return self.timeout * 6

    @property
    def lease(self) -> timedelta:
        """How long a sender may hold a mail; longer than it can take to hand it over or give it up."""
        return timedelta(seconds=self.timeout * 9)

    @property
    def webhook_lease(self) -> timedelta:
        """How long a sender may hold a webhook's message; longer than it can take to deliver it."""
        return timedelta(seconds=self.webhook_timeout * 2)


@cache
def load() -> Settings:
    """The settings, read from the environment once a process."""
    return read(_build)


def mailbox(chassis: Chassis) -> Path | None:
    """The folder of the development mailbox; None where there is none."""
    return chassis.home / "mail" if chassis.development and load().smtp is None else None


def secret_box(chassis: Chassis, purpose: str) -> SecretBox:
    """What encrypts secrets of one purpose."""
    return SecretBox(load().secret or development_secret(chassis.keys, "notifier"), purpose)


def webhook_loopback(chassis: Chassis) -> bool:
    """Whether webhooks may lead to this machine: on one that develops, never in production."""
    return chassis.development and load().webhook_loopback is not False


def check(chassis: Chassis) -> None:
    """Refuse to run in production with what only development may do without.

    Raises:
        SettingsError: there is no mail server or no secret, webhooks might reach into our own network, or the links of
            mails lead nowhere (RFC 8058 asks for https).
    """
    own = load()
    wrong = [
        *(["CONCORD_SMTP_URL: required in production"] if own.smtp is None else []),
        *(["CONCORD_NOTIFIER_SECRET: required in production"] if own.secret is None else []),
        *(["CONCORD_WEBHOOK_LOOPBACK: not in production"] if own.webhook_loopback else []),
        *([] if chassis.public_url.startswith("https://") else ["CONCORD_PUBLIC_URL: https://… in production"]),
    ]
    if wrong and not chassis.development:
        raise SettingsError("Settings are missing or wrong:\n  " + "\n  ".join(wrong))


def parse_smtp(url: str) -> SmtpServer:
    """``smtp://user:password@host:port?starttls=true`` or ``smtps://…``; what is left out has its usual value.

    Raises:
        ValueError: says what is wrong, never quoting the URL, which holds a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("must look like smtp://user:password@host:port?starttls=true or smtps://user:password@host")
    options = parse_qs(parts.query, keep_blank_values=True)
    starttls = options.pop("starttls", ["false"])[-1]
    if options or starttls not in ("true", "false"):
        raise ValueError("knows no option but starttls=true or starttls=false")
    security = TLS if parts.scheme == "smtps" else STARTTLS if starttls == "true" else PLAIN
    if parts.username and security == PLAIN:
        raise ValueError("has credentials, so it needs smtps:// or starttls=true")
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or PORTS[security],
        security=security,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
    )


def _build(env: Env) -> Settings:
    url = env.str("SMTP_URL", "", validate=_smtp_url)
    sender = env.str("MAIL_FROM", "Concord <no-reply@concord.example>", validate=_sender)
    name, address = parseaddr(sender or "")
    address = _as_servers_take_it(address)
    domain = env.str("MAIL_DOMAIN", address.rpartition("@")[2], validate=_domain) or ""
    return Settings(
        smtp=parse_smtp(url) if url else None,
        sender=(name, address),
        domain=_as_servers_take_it(f"a@{domain}").removeprefix("a@"),
        timeout=env.float("SMTP_TIMEOUT", 10.0, validate=validate.Range(min=0.1, max=300)),
        inbox_url=env.str("INBOX_URL", None),
        secret=env.str("NOTIFIER_SECRET", None, validate=_secret),
        webhook_loopback=env.bool("WEBHOOK_LOOPBACK", None),
        webhook_timeout=env.float("WEBHOOK_TIMEOUT", 20.0, validate=validate.Range(min=1, max=30)),
        event_log_days=env.int("EVENT_LOG_DAYS", 30, validate=validate.Range(min=1, max=3650)),
        links_url=env.str("LINKS_URL", None),
        gather_messages=timedelta(seconds=env.float("MESSAGE_DELAY", 180.0, validate=validate.Range(min=0, max=3600))),
        rate=parse(rate) if (rate := env.str("MAIL_RATE", "1000/minute", validate=_rate)) else None,
        limits_url=env.str("LIMITS_URL", "memory://"),
        keep=timedelta(days=env.int("KEEP_MAILS", 180, validate=validate.Range(min=31, max=3650))),
    )


_secret = validate.Length(min=32, error="must be at least 32 characters long")


def _smtp_url(url: str) -> None:
    if url:
        try:
            parse_smtp(url)
        except ValueError as error:
            raise ValidationError(str(error)) from None


def _rate(rate: str) -> None:
    if rate:
        try:
            parse(rate)
        except ValueError:
            raise ValidationError("must look like 1000/minute, or be empty") from None


def _sender(sender: str) -> None:
    try:
        wording.mailable(parseaddr(sender)[1])
    except ValueError:
        raise ValidationError("must look like Name <address@domain>") from None


def _as_servers_take_it(address: str) -> str:
    """With its domain in ASCII; a wrong one as it is, for all wrong settings are named together."""
    try:
        return "@".join(wording.mailable(address))
    except ValueError:
        return address


def _domain(domain: str) -> None:
    try:
        wording.mailable(f"a@{domain}")
    except ValueError:
        raise ValidationError("must be a domain name") from None
