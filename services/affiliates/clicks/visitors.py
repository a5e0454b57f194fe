"""Who comes again: a signed cookie that lives as long as a campaign's window (S2-17, S2-18)."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

COOKIE = "concord_visitor"
SIGNATURE = 32  # hexadecimal digits: 128 bits


class Tampered(Exception):
    """The cookie was not written by us, or not like that."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody's browser, and until when it is known."""

    id: UUID
    until: datetime

    @classmethod
    def new(cls, now: datetime) -> "Visitor":
        return cls(uuid4(), now)

    def known_until(self, until: datetime) -> "Visitor":
        """The same visitor, known at least until then: a short window never cuts a long one."""
        return Visitor(self.id, max(self.until, until))


class Visitors:
    """Writes and reads the cookie's value: ``<visitor>.<end in seconds>.<signature>``."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, visitor: Visitor) -> str:
        said = f"{visitor.id.hex}.{int(visitor.until.timestamp())}"
        return f"{said}.{self._sign(said)}"

    def read(self, value: str, now: datetime) -> Visitor | None:
        """The visitor of a cookie; None for one whose time has passed.

        Raises:
            Tampered: the signature does not fit.
        """
        said, _, signature = value.rpartition(".")
        if not said.isascii() or not hmac.compare_digest(signature.encode(), self._sign(said).encode()):
            raise Tampered
        visitor_id, _, until = said.partition(".")
        visitor = Visitor(UUID(hex=visitor_id), datetime.fromtimestamp(int(until), UTC))
        return visitor if visitor.until + timedelta(seconds=1) > now else None

    def _sign(self, said: str) -> str:
        return hmac.digest(self._secret, said.encode(), "sha256").hex()[:SIGNATURE]


def set_cookie(value: str, visitor: Visitor, now: datetime, *, secure: bool) -> str:
    """The header by which a browser keeps the cookie until the window ends."""
    age = int((visitor.until - now).total_seconds())
    return f"{COOKIE}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
