"""Signing keys as they are stored."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.errors import Conflict
from services.identity.common.models import Base
from services.identity.signing_keys.rules import KeyState

IN_USE = text("state <> 'retired'")


class SigningKey(Base):
    """A key that signs access tokens; there is at most one ``next`` and one ``active``. ``secret`` is the encrypted
    private half, gone once the key is retired."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        Index("uq_signing_keys_state", "state", unique=True, sqlite_where=IN_USE, postgresql_where=IN_USE),
    )

    kid: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    public: Mapped[str]
    secret: Mapped[str | None]
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]

    def activate(self, now: datetime) -> None:
        if self.state != KeyState.NEXT:
            raise Conflict("Only the next key can become the active one.", code="invalid_transition")
        self.state = KeyState.ACTIVE
        self.activated_at = now

    def retire(self, now: datetime) -> None:
        if self.state != KeyState.ACTIVE:
            raise Conflict("Only the active key can retire.", code="invalid_transition")
        self.state = KeyState.RETIRED
        self.retired_at = now
        self.secret = None
