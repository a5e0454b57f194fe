"""Changing preferences, by their owner or by the link of a mail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.principal import Principal
from chassis.data import audit
from chassis.http import versions
from services.notifier.audience import digests, queries
from services.notifier.audience.models import Contact, Preferences
from services.notifier.audience.rules import DIGESTS, Wishes
from services.notifier.audience.tenants import lock_tenant
from services.notifier.topics.base import Cadence

WHOLE = frozenset({"topics", "time_zone", "send_at", "weekday", "quiet_hours"})
"""All fields of preferences, as a client that sends them back has them."""


def choose(
    session: Session, changes: dict[str, Any], *, expected: ETags | None, actor: Principal, now: datetime
) -> Wishes:
    """Change the caller's own preferences; omitted fields keep their value. The change applies to what waits to be
    sent, too, see ``digests.follow``.

    Raises:
        Stale: ``expected`` is not their version.
    """
    return _choose(session, actor.user_id, actor.tenant_id, changes, expected=expected, actor=actor, now=now)


def unsubscribe(session: Session, user_id: UUID, kind: str, *, actor: Principal, now: datetime) -> bool:
    """Turn off a topic, or all topics that come in the digest of a cadence (RFC 8058). Repeating it changes nothing.

    Returns:
        False where the user does not exist any more.
    """
    tenant_id = session.scalar(select(Contact.tenant_id).where(Contact.id == user_id))  # which never changes
    if tenant_id is None:
        return False
    lock_tenant(session, tenant_id)
    if not session.get_one(Contact, user_id).active:
        return False
    topics = [kind]
    if kind in DIGESTS:
        wishes = queries.wishes(session.get(Preferences, user_id)).topics
        topics = [topic for topic, cadence in wishes.items() if cadence == kind]
    off = {"topics": dict.fromkeys(topics, Cadence.OFF)}
    _choose(session, user_id, tenant_id, off, expected=None, actor=actor, now=now)
    return True


def _choose(
    session: Session,
    user_id: UUID,
    tenant_id: UUID,
    changes: dict[str, Any],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Wishes:
    tenant = lock_tenant(session, tenant_id)
    row, contact = session.get(Preferences, user_id), session.get(Contact, user_id)
    zones = (contact.time_zone if contact else None, tenant.time_zone)
    before = queries.wishes(row, *zones)
    versions.require(before, expected)
    if row is None:
        row = Preferences.unsaid(user_id, tenant_id, now)
        session.add(row)
    if row.time_zone is None and changes.keys() >= WHOLE and changes["time_zone"] == before.time_zone:
        del changes["time_zone"]  # what was read and sent back is no choice: they keep following the others (D65)
    row.choose(now, **changes)
    audit.record(session, "preferences.changed", row, tenant_id=tenant_id, actor=actor, now=now)
    session.flush()
    after = row.wishes(*zones)
    if contact:
        digests.follow(session, contact, before, after, now)
    return after
