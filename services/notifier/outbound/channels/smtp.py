"""The channel to an SMTP server."""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR
from threading import Event, Thread
from time import monotonic

from chassis.core.logs import logger
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound.channels.base import Channel, Letter, NotTaken
from services.notifier.settings import STARTTLS, TLS, NotifierSettings, SmtpServer

AFTER_TEXT = 3  # times the usual wait: a server may check a letter before it answers
ABOUT_POLICY = re.compile(r"\b5\.7\.\d")  # a refusal that says something about us, not about the address
ASKS_TO_SIGN_IN = frozenset({530, 534, 535, 538})

log = logger(__name__)


class SmtpChannel(Channel):
    """One connection to a mail server, opened for the first letter and reused for the next ones."""

    def __init__(self, server: SmtpServer, settings: NotifierSettings) -> None:
        self._server = server
        self._settings = settings
        self._connection: smtplib.SMTP | None = None
        self._watch: Watch | None = None
        self._until = 0.0

    def announce(self, letter: Letter) -> None:
        """Name sender and recipient, and wait until the server is ready for the text."""
        self._until = monotonic() + self._settings.deadline  # for all three steps, also if this one is repeated
        reused = self._connection is not None
        try:
            self._announce(letter)
        except NotTaken as failure:
            if not (reused and failure.is_server and failure.trouble is Trouble.TEMPORARY):
                raise
            self._announce(letter)  # the server had merely closed the kept connection

    def transfer(self, letter: Letter) -> None:
        """Send the text. From here on a broken connection leaves open whether the server has taken it."""
        with self._talking() as connection:
            connection.send(re.sub(rb"(?m)^\.", b"..", letter.content.removesuffix(b"\r\n")) + b"\r\n.\r\n")

    def confirm(self, letter: Letter) -> None:
        with self._talking() as connection:
            if connection.sock:
                connection.sock.settimeout(self._settings.timeout * AFTER_TEXT)
            code, text = connection.getreply()
            if connection.sock:
                connection.sock.settimeout(self._settings.timeout)
            if code != 250 and code // 100 not in (4, 5):
                reason = "The mail server did not say whether it took the mail."
                raise NotTaken(Trouble.UNKNOWN, reason, is_server=True)
            self._expect(250, (code, text))

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._until = monotonic() + self._settings.timeout
        try:
            with self._watched(connection):
                connection.quit()
        except (OSError, smtplib.SMTPException):
            connection.close()
        finally:
            self._unwatch()

    def _announce(self, letter: Letter) -> None:
        with self._failing_as(Trouble.TEMPORARY, "The mail server takes no mail from us at present."):
            connection = self._connection = self._connection or self._connect()
            with self._watched(connection):
                self._expect(250, connection.mail(letter.sender))
                self._expect_recipient(connection.rcpt(letter.recipient))
                self._expect(354, connection.docmd("DATA"))

    @contextmanager
    def _talking(self) -> Iterator[smtplib.SMTP]:
        """The connection over which a letter was announced."""
        connection = self._connection
        assert connection is not None, "the letter was not announced"
        reason = "The mail server broke off before it confirmed the mail."
        with self._failing_as(Trouble.UNKNOWN, reason), self._watched(connection):
            yield connection

    @contextmanager
    def _failing_as(self, trouble: Trouble, reason: str) -> Iterator[None]:
        """Close the connection where the server is at fault. ``trouble`` is what a broken one means for the letter."""
        try:
            yield
        except NotTaken as failure:
            if failure.is_server:
                self._drop()
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            server = self._server
            log.warning("mail server broke off", host=server.host, port=server.port, trouble=trouble, error=repr(error))
            raise NotTaken(trouble, reason, is_server=True) from error

    def _connect(self) -> smtplib.SMTP:
        """Connect and sign in. An error here says nothing about a letter, so it is always temporary."""
        server, name, timeout = self._server, self._settings.domain, self._settings.timeout
        connection: smtplib.SMTP
        if server.security == TLS:
            context = ssl.create_default_context()
            connection = smtplib.SMTP_SSL(local_hostname=name, timeout=timeout, context=context)
        else:
            connection = smtplib.SMTP(local_hostname=name, timeout=timeout)
        # Whom a certificate must name. smtplib takes it from what it is made with, but then connects unwatched.
        connection._host = server.host  # type: ignore[attr-defined]
        try:
            with self._watched(connection):
                code, greeting = connection.connect(server.host, server.port)
                if code != 220:
                    raise smtplib.SMTPConnectError(code, greeting)
                connection.ehlo_or_helo_if_needed()
                if server.security == STARTTLS:
                    connection.starttls(context=ssl.create_default_context())
                    connection.ehlo()
                if server.user is not None:
                    connection.login(server.user, server.password)
        except BaseException:
            self._unwatch()
            connection.close()
            raise
        return connection

    @contextmanager
    def _watched(self, connection: smtplib.SMTP) -> Iterator[None]:
        """Have the connection cut at the letter's deadline."""
        watch = self._watch = self._watch or Watch(connection, look=min(1.0, self._settings.deadline / 20))
        watch.until = self._until
        try:
            yield
        finally:
            watch.until = None

    def _unwatch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.end()

    def _expect_recipient(self, reply: tuple[int, bytes]) -> None:
        try:
            self._expect(250, reply)
        except NotTaken as failure:
            failure.is_bounce = failure.trouble is Trouble.PERMANENT and not ABOUT_POLICY.search(failure.reason)
            raise

    def _expect(self, code: int, reply: tuple[int, bytes]) -> None:
        """Accept 250 (also 251, 252); turn a refusal into what it means for the letter."""
        status, text = reply
        if status == code or (code == 250 and status in (251, 252)):
            return
        about_us = status in ASKS_TO_SIGN_IN or status == 421 or status // 100 not in (4, 5)
        if not about_us:
            self._start_over()
        permanent = 500 <= status < 600 and not about_us
        reason = f"The mail server answered {status} {text.decode('utf-8', 'replace')}"
        raise NotTaken(Trouble.PERMANENT if permanent else Trouble.TEMPORARY, reason, is_server=about_us)

    def _start_over(self) -> None:
        """Keep the connection for the next letter, if the server still does."""
        try:
            if self._connection is not None:
                self._connection.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._unwatch()
        if connection is not None:
            connection.close()


class Watch:
    """Cuts a connection at its deadline. A socket's timeout is not enough: it restarts with each byte of an answer."""

    def __init__(self, connection: smtplib.SMTP, look: float) -> None:
        self.until: float | None = None
        self._connection = connection
        self._seconds = look
        self._over = Event()
        Thread(target=self._look, name="smtp watch", daemon=True).start()

    def end(self) -> None:
        self._over.set()

    def _look(self) -> None:
        while not self._over.wait(self._seconds):
            until, sock = self.until, self._connection.sock
            if until and sock and monotonic() > until:
                with suppress(OSError):
                    sock.shutdown(SHUT_RDWR)
