"""Visitors, recognised by a signed cookie that lives as long as a campaign's window (S2-17, S2-18)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from itsdangerous import BadSignature, Signer

COOKIE = "concord_visitor"
OLD_SIGNATURE = 32  # hexadecimal digits


class Tampered(Exception):
    """The cookie's signature is wrong."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser, and until when its cookie is valid."""

    id: UUID
    until: datetime

    @classmethod
    def new(cls, now: datetime) -> "Visitor":
        return cls(uuid4(), now)

    def known_until(self, until: datetime) -> "Visitor":
        """The same visitor, valid at least until then: a short window never cuts a long one."""
        return Visitor(self.id, max(self.until, until))


class Visitors:
    """Writes and reads the cookie's value: ``<visitor>.<end in seconds>.<signature>``."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        # 384 bits fill whole base64 characters, so that every changed character is noticed.
        self._signer = Signer(secret, salt="affiliates.visitors", digest_method=hashlib.sha384)

    def write(self, visitor: Visitor) -> str:
        return self._signer.sign(f"{visitor.id.hex}.{int(visitor.until.timestamp())}").decode()

    def read(self, value: str, now: datetime) -> Visitor | None:
        """The visitor of a cookie; None if it has expired.

        Raises:
            Tampered: the signature is wrong.
        """
        visitor_id, _, until = self._unsign(value).partition(".")
        visitor = Visitor(UUID(hex=visitor_id), datetime.fromtimestamp(int(until), UTC))
        return visitor if visitor.until + timedelta(seconds=1) > now else None

    def _unsign(self, value: str) -> str:
        if not value.isascii():
            raise Tampered
        try:
            return self._signer.unsign(value).decode()
        except BadSignature:
            return self._unsign_old(value)

    def _unsign_old(self, value: str) -> str:
        """Read a cookie of the release before. It may live for a year, and stands for commission until then."""
        content, _, signature = value.rpartition(".")
        digest = hmac.digest(self._secret, content.encode(), "sha256").hex()[:OLD_SIGNATURE]
        if not hmac.compare_digest(signature, digest):
            raise Tampered
        return content


def set_cookie(value: str, visitor: Visitor, now: datetime, *, secure: bool) -> str:
    """The ``Set-Cookie`` header with which a browser keeps the cookie until the window ends."""
    age = int((visitor.until - now).total_seconds())
    return f"{COOKIE}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
