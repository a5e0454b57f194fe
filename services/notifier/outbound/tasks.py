"""Deletes old mails that have an outcome, digests with their entries, and refusals that no longer count."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.notifier import settings
from services.notifier.audience.models import Digest, DigestItem
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import State
from services.notifier.outbound.channels import folder
from services.notifier.outbound.models import BOUNCES_COUNT, Bounce

AT_ONCE = 500
UNFINISHED = (State.NEW, State.SENDING)


def forget_old_mails(runtime: Runtime) -> bool:
    """Trim mails, digests and the development mailbox; returns whether there may be more to trim."""
    own, now = settings.of(runtime.settings), utcnow()
    before = now - timedelta(days=own.keep_days)
    with runtime.database.begin() as session:
        more = forget_old(session, before=before, now=now)
    if own.mailbox:
        folder.trim(own.mailbox, before)
    return more


def forget_old(session: Session, *, before: datetime, now: datetime) -> bool:
    """Delete some old mails, digests and refusals; returns whether there may be more."""
    old_mails = select(Delivery.id).where(Delivery.created_at < before, Delivery.state.not_in(UNFINISHED))
    mails = session.scalars(old_mails.limit(AT_ONCE)).all()
    digests = session.scalars(select(Digest.id).where(Digest.created_at < before).limit(AT_ONCE)).all()
    session.execute(delete(Delivery).where(Delivery.id.in_(mails)))
    session.execute(delete(DigestItem).where(DigestItem.digest_id.in_(digests)))
    session.execute(delete(Digest).where(Digest.id.in_(digests)))
    session.execute(delete(Bounce).where(Bounce.last_at < now - BOUNCES_COUNT))
    return max(len(mails), len(digests)) == AT_ONCE
