"""The gateway's feed."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CompoundSelect, Row, select, union_all
from sqlalchemy.orm import Session

from chassis.core.clock import CLOCKS_APART
from services.identity.access import rules
from services.identity.api_keys.models import ApiKey
from services.identity.sessions.models import Revocation
from services.identity.signing_keys import rules as signing_key_rules
from services.identity.tenants.models import Tenant
from services.identity.users.models import User


def access_feed(
    session: Session, *, since: datetime | None, token_lifetime: timedelta, now: datetime
) -> dict[str, Any]:
    """What the gateway must know to let callers in: tenants, and every user and API key removed, every key that ended,
    so lately that a token of theirs may still live; likewise the users and sign-ins whose tokens issued until then no
    longer count. Of all of it only what has changed ``since``, if that is given."""
    tenants = select(Tenant.id, Tenant.slug, Tenant.name, Tenant.kind, Tenant.features, Tenant.suspended_at)
    changed_from = now - token_lifetime - signing_key_rules.MARGIN
    if since:
        tenants = tenants.where(Tenant.updated_at >= since - rules.FEED_OVERLAP)
        changed_from = max(changed_from, since - rules.FEED_OVERLAP)
    removed = select(User.id, User.removed_at.label("at")).where(User.removed_at >= changed_from)
    removed_keys = select(ApiKey.id, ApiKey.removed_at).where(ApiKey.removed_at >= changed_from)
    expired = select(ApiKey.id, ApiKey.expires_at.label("at")).where(
        ApiKey.expires_at >= changed_from, ApiKey.expires_at <= now, ApiKey.removed_at.is_(None)
    )
    revocations = select(Revocation.id, Revocation.at).where(Revocation.noted_at >= changed_from)
    revoked = [
        *_latest(session, union_all(removed, expired, revocations)),
        # Another process may have issued a token of theirs by a clock that is ahead; a removed key stays removed.
        *({"id": row.id, "at": row.removed_at + CLOCKS_APART} for row in session.execute(removed_keys)),
    ]
    return {"at": now, "tenants": session.execute(tenants).all(), "revoked": revoked}


def _latest(session: Session, revoked: CompoundSelect[Any]) -> list[Row[Any]]:
    """One row of each: a removed user has a revocation as well, which is a little later."""
    return list({row.id: row for row in session.execute(revoked.order_by("at"))}.values())
