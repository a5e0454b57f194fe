"""Sign-ins under way as they are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from services.identity.common.models import Base


class SsoAttempt(Base):
    """A sign-in that has gone to the provider and not come back; good once, for ten minutes.

    Attributes:
        state: digest of the ``state`` that the provider gives back.
        issuer: whom it was sent to.
        browser: digest of what a cookie of the same browser must hold.
        nonce, verifier: encrypted.
        next: the path of ours that the person wanted; empty for the console.
    """

    __tablename__ = "sso_attempts"

    state: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    issuer: Mapped[str]
    browser: Mapped[str]
    nonce: Mapped[str]
    verifier: Mapped[str]
    next: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
