"""Contacts: copies of identity's users and tenants, and the affiliates of merchants."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from chassis.data.copies import upsert_newer
from contracts.roles import Role
from privacy.person import NO_ADDRESS
from services.notifier.audience import digests, queries
from services.notifier.audience.models import Contact, Preferences
from services.notifier.audience.reassignment import reassign_unaddressed, take_from
from services.notifier.audience.rules import is_time_zone
from services.notifier.audience.tenants import lock_tenant
from services.notifier.common import wording
from services.notifier.topics.base import Affiliate


def upsert_tenant(session: Session, tenant_id: UUID, time_zone: str, *, sequence: int, now: datetime) -> None:
    """Store a tenant's time zone. Digests and quiet hours of its users follow it unless they chose another."""
    tenant = lock_tenant(session, tenant_id)
    if sequence <= tenant.sequence:
        return
    tenant.sequence = sequence
    zone = time_zone if is_time_zone(time_zone) else None
    if zone == tenant.time_zone:
        return
    contacts = queries.expecting(session, tenant_id)
    before = queries.wishes_of(session, [tenant], contacts)
    tenant.time_zone = zone
    after = queries.wishes_of(session, [tenant], contacts)
    for contact in contacts:
        digests.follow(session, contact, before[contact.id], after[contact.id], now)


def upsert_contact(
    session: Session, user_id: UUID, tenant_id: UUID, *, email: str, name: str, role: str, sequence: int, now: datetime
) -> None:
    """Store a user, who also gets the tenant's mails that waited for such a user.

    Somebody who was invited joins by this event alone, also when newer ones have come before it.
    """
    lock_tenant(session, tenant_id)
    row = {"id": user_id, "tenant_id": tenant_id, **_texts(email, name, role), "sequence": sequence}
    if upsert_newer(session, Contact, row | {"active": True, "invited": False}) is None:
        contact = session.get_one(Contact, user_id)
        if not contact.invited:
            return
        contact.join()
        session.flush()
    reassign_unaddressed(session, tenant_id, now)


def invite_contact(
    session: Session, user_id: UUID, tenant_id: UUID, *, email: str, name: str, role: str, sequence: int
) -> None:
    """Store somebody who is invited and gets nothing but the invitation until they accept it.

    Whoever is known as a user stays one: the invitation has come late.
    """
    lock_tenant(session, tenant_id)
    texts = _texts(email, name, role)
    row = {"id": user_id, "tenant_id": tenant_id, "active": False, "invited": True, "sequence": sequence}
    if insert_ignoring(session, Contact, [row | texts]):
        return
    contact = session.get_one(Contact, user_id)
    if contact.invited and sequence > contact.sequence:
        contact.follow_account(sequence, **texts)


def change_contact(
    session: Session, user_id: UUID, tenant_id: UUID, *, sequence: int, now: datetime, **changes: Any
) -> None:
    """Store what a user has become; ``changes`` are ``email``, ``name``, ``role``, ``suspended``, ``locale`` and
    ``time_zone``.

    What they may no longer get goes to a colleague or waits for a suitable user, as when a user is removed; what waits
    for a user such as they are now goes to them. Their digests follow their new time zone.
    """
    tenant = lock_tenant(session, tenant_id)
    texts = _texts(changes["email"], changes["name"], changes["role"])
    row = {"id": user_id, "tenant_id": tenant_id, "active": True, "sequence": sequence}
    is_new = bool(insert_ignoring(session, Contact, [row | texts]))
    contact = session.get_one(Contact, user_id)
    if not (contact.active or contact.invited) or (not is_new and sequence <= contact.sequence):
        return
    before = queries.wishes_of(session, [tenant], [contact])[user_id]
    contact.follow_account(sequence, **{**changes, **texts})
    session.flush()
    after = queries.wishes_of(session, [tenant], [contact])[user_id]
    if before.time_zone != after.time_zone:
        digests.follow(session, contact, before, after, now)
    if contact.active:
        take_from(session, user_id, tenant_id, role=contact.role if contact.is_reachable else None, now=now)
        if contact.suspended:
            digests.drop_user(session, user_id)
        session.flush()
        reassign_unaddressed(session, tenant_id, now)


def add_affiliate(session: Session, affiliate: Affiliate, merchant_id: UUID) -> Contact:
    """The contact of a merchant's affiliate, who is no user; name and address never change. One who was erased before
    the first mail gets none."""
    lock_tenant(session, merchant_id)
    texts = _texts(affiliate.email, affiliate.name, Role.AFFILIATE)
    row = {
        "id": affiliate.id,
        "tenant_id": merchant_id,
        **texts,
        "active": affiliate.email != NO_ADDRESS,
        "sequence": 0,
    }
    insert_ignoring(session, Contact, [row])
    return session.get_one(Contact, affiliate.id)


def drop_contact(session: Session, user_id: UUID, tenant_id: UUID, *, sequence: int, now: datetime) -> None:
    """Remove a user. Nothing more goes to them; what only they would have got goes to a colleague, or waits for one."""
    lock_tenant(session, tenant_id)
    tombstone = {"id": user_id, "tenant_id": tenant_id, "active": False, "invited": False, "suspended": False}
    nothing = dict.fromkeys(("email", "name", "role", "locale", "time_zone"))
    if upsert_newer(session, Contact, tombstone | nothing | {"sequence": sequence}) is None:
        return
    take_from(session, user_id, tenant_id, role=None, now=now)
    digests.drop_user(session, user_id)
    session.execute(delete(Preferences).where(Preferences.id == user_id))
    session.flush()
    reassign_unaddressed(session, tenant_id, now)


def _texts(email: str, name: str, role: str) -> dict[str, str]:
    line = wording.one_line
    return {"email": line(email, 320), "name": line(name, 200), "role": line(role, 50)}
