"""Handing letters to real SMTP servers, good and bad, and what each failure says about the letter."""

import logging
import ssl
from datetime import UTC, datetime
from time import monotonic

import pytest
from aiosmtpd.smtp import AuthResult

from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound.channels.base import Letter, NotTaken
from services.notifier.outbound.channels.smtp import SmtpChannel
from tests.notifier.certificates import make_certificate
from tests.notifier.helpers import GREETING, RCPT, TEXT, BadServer, Inbox, mail_server, own_settings


def letter(number=1, text="Hello"):
    message_id = f"<{number}@concord.example>"
    content = f"Subject: {number}\r\nMessage-ID: {message_id}\r\n\r\n{text}\r\n".encode()
    return Letter("no-reply@concord.example", "rolf@fjord-retail.example", message_id, datetime.now(UTC), content)


@pytest.fixture
def post():
    """A channel to the server the settings name."""
    opened = []

    def connect():
        own = own_settings()
        opened.append(SmtpChannel(own.smtp, own))
        return opened[-1]

    yield connect
    for channel in opened:
        channel.close()


def send(channel, letter):
    """What a sender does, with nothing between the steps."""
    channel.announce(letter)
    channel.transfer(letter)
    channel.confirm(letter)


def fail(channel, number=1):
    with pytest.raises(NotTaken) as failure:
        send(channel, letter(number))
    return failure.value


def test_one_connection_serves_many_letters(post, inbox):
    channel = post()
    for number in range(10):
        send(channel, letter(number))
    assert inbox.message_ids == [f"<{number}@concord.example>" for number in range(10)]
    assert inbox.connections == 1


def test_lines_that_begin_with_a_dot_arrive_whole(post, inbox):
    send(post(), letter(text="first\r\n.\r\n..second\r\n.third"))
    assert inbox.messages[0].get_content().splitlines() == ["first", ".", "..second", ".third"]


@pytest.mark.parametrize("moment", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "trouble", "is_server"),
    [
        ("550 5.1.1 no such user", Trouble.PERMANENT, False),
        ("554 no", Trouble.PERMANENT, False),
        ("451 4.7.1 greylisted", Trouble.TEMPORARY, False),
        ("452 too many", Trouble.TEMPORARY, False),
        ("421 going down", Trouble.TEMPORARY, True),
        ("530 sign in first", Trouble.TEMPORARY, True),
    ],
)
def test_what_a_refusal_means(post, inbox, moment, answer, trouble, is_server):
    inbox.answers[moment] += [answer, answer]
    channel = post()
    failure = fail(channel)
    assert (failure.trouble, failure.is_server) == (trouble, is_server)
    assert answer in failure.reason
    inbox.answers[moment].clear()
    send(channel, letter(2))
    assert inbox.message_ids == ["<2@concord.example>"]
    assert inbox.connections == (2 if is_server else 1)


@pytest.mark.parametrize("kind", ["hang", "close", "drip"])
@pytest.mark.parametrize(
    ("moment", "trouble"),
    [
        (b"EHLO", Trouble.TEMPORARY),
        (RCPT, Trouble.TEMPORARY),
        (b"DATA", Trouble.TEMPORARY),
        (TEXT, Trouble.UNKNOWN),
    ],
)
def test_a_server_that_breaks_off(post, configure, kind, moment, trouble):
    """Once the text has gone out nobody knows; before, the letter was certainly not taken."""
    with BadServer(moment, kind) as server:
        configure(SMTP_URL=f"smtp://127.0.0.1:{server.port}", SMTP_TIMEOUT=0.1)
        failure = fail(post())
        assert server.reached >= 1
    assert (failure.trouble, failure.is_server) == (trouble, True)


@pytest.mark.parametrize("kind", ["hang", "close", "drip"])
def test_a_server_that_does_not_even_greet(post, configure, kind):
    with BadServer(GREETING, kind) as server:
        configure(SMTP_URL=f"smtp://127.0.0.1:{server.port}", SMTP_TIMEOUT=0.1)
        assert fail(post()).trouble is Trouble.TEMPORARY


@pytest.mark.parametrize("kind", ["hang", "close", "drip"])
def test_a_server_that_does_not_let_go(post, configure, kind):
    with BadServer(b"QUIT", kind) as server:
        configure(SMTP_URL=f"smtp://127.0.0.1:{server.port}", SMTP_TIMEOUT=0.1)
        channel = post()
        send(channel, letter())
        started = monotonic()
        channel.close()
        assert monotonic() - started < 1
        assert server.reached == 1


def test_a_letter_has_one_deadline_connecting_included(post, configure):
    """Its lease ends soon after; what goes out later may go out twice."""
    with BadServer((b"EHLO", RCPT), "dawdle") as server:
        configure(SMTP_URL=f"smtp://127.0.0.1:{server.port}", SMTP_TIMEOUT=0.1)
        server.seconds = 0.7 * own_settings().deadline
        assert fail(post()).trouble is Trouble.TEMPORARY
        assert server.taken == 0


def test_a_kept_connection_that_the_server_has_ended_is_opened_again(post, inbox):
    """Servers end a connection after so many letters; that is no failure of the next one."""
    channel = post()
    send(channel, letter(1))
    inbox.answers["RCPT"].append("421 too many letters on this connection")
    send(channel, letter(2))
    assert inbox.message_ids == ["<1@concord.example>", "<2@concord.example>"]
    assert inbox.connections == 2


def test_what_may_have_been_taken_is_never_repeated_by_the_channel(post, configure, inbox):
    channel = post()
    send(channel, letter(1))
    inbox.answers["DATA"].append("299 perhaps")
    assert fail(channel, 2).trouble is Trouble.UNKNOWN
    assert inbox.message_ids == ["<1@concord.example>"]
    assert inbox.connections == 1


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """A certificate for 127.0.0.1 that this process trusts; the server's TLS context."""
    certificate_file, key_file = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate_file, key_file)
    return context


def authenticator(_server, _session, _envelope, _mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"mailer", b"hunter2"))


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # over smtps all of it is TLS
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("password", ["hunter2", "wrong-secret"])
def test_signing_in_over_tls(post, configure, certificate, caplog, scheme, password):
    """A wrong password is our mistake, so letters wait for it to be mended; it is told to nobody."""
    inbox = Inbox()
    tls = {"ssl_context": certificate} if scheme == "smtps" else {"tls_context": certificate, "require_starttls": True}
    options = {"authenticator": authenticator, "auth_required": True, "auth_require_tls": scheme == "smtp", **tls}
    query = "?starttls=true" if scheme == "smtp" else ""
    with mail_server(inbox, **options) as port, caplog.at_level(logging.DEBUG):
        configure(SMTP_URL=f"{scheme}://mailer:{password}@127.0.0.1:{port}{query}", SMTP_TIMEOUT=5)
        if password == "hunter2":
            send(post(), letter())
            assert len(inbox.taken) == 1
        else:
            failure = fail(post())
            assert (failure.trouble, failure.is_server) == (Trouble.TEMPORARY, True)
            assert password not in failure.reason
            assert inbox.taken == []
    assert password not in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_cannot_prove_its_name_gets_no_letter(post, configure, certificate, monkeypatch, host):
    if host == "127.0.0.1":
        monkeypatch.delenv("SSL_CERT_FILE")  # nobody vouches for it; and nobody has named it localhost
    inbox = Inbox()
    with mail_server(inbox, tls_context=certificate) as port:
        configure(SMTP_URL=f"smtp://{host}:{port}?starttls=true", SMTP_TIMEOUT=3)
        assert fail(post()).trouble is Trouble.TEMPORARY
    assert inbox.taken == []


def test_a_server_that_stops_offering_tls_gets_no_letter(post, configure):
    inbox = Inbox()
    with mail_server(inbox) as port:
        configure(SMTP_URL=f"smtp://mailer:hunter2@127.0.0.1:{port}?starttls=true", SMTP_TIMEOUT=3)
        assert fail(post()).trouble is Trouble.TEMPORARY
    assert inbox.taken == []
