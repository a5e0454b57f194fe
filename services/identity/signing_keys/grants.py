"""What a sign-in gives: an access token that names the caller."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from services.identity.settings import IdentitySettings
from services.identity.signing_keys import actions, tokens


@dataclass(frozen=True)
class Granted:
    """What a sign-in gives; machines get no refresh token, they have their secret (RFC 6749, 4.4.3).

    ``cookie_lifetime`` is how long a browser keeps the refresh token; None: until it is closed.
    """

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str | None = field(default=None, repr=False)
    cookie_lifetime: timedelta | None = None


def grant(
    session: Session,
    principal: Principal,
    refresh_token: str | None,
    *,
    settings: IdentitySettings,
    lifetime: timedelta | None = None,
    now: datetime,
) -> Granted:
    """An access token for ``principal`` that lives as long as the settings say, or for ``lifetime`` if that ends."""
    lifetime = lifetime or settings.token_lifetime
    key = actions.active_key(session, settings=settings, now=now)
    access_token = tokens.mint(
        principal,
        kid=key.kid,
        private=settings.secret_box.decrypt(key.secret or ""),
        issuer=settings.issuer,
        lifetime=lifetime,
        now=now,
    )
    return Granted(access_token, int(lifetime.total_seconds()), refresh_token)
