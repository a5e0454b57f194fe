"""Recording sign-ins."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.data.bulk import execute_counted
from chassis.data.unit_of_work import once_committed
from services.identity.common.clients import Client
from services.identity.sign_ins import metrics
from services.identity.sign_ins.models import SignIn
from services.identity.sign_ins.rules import How, Outcome

TRIM = 1000  # rows a call


class Account(Protocol):
    """Whose sign-in it is: a user, or an API key."""

    id: UUID
    tenant_id: UUID


def record(
    session: Session,
    account: Account | None,
    *,
    name: str | None,
    how: How,
    outcome: Outcome,
    client: Client,
    tenant_id: UUID | None = None,
    now: datetime,
) -> None:
    """Record a sign-in or a failed try, and count it when it failed. ``account`` is None for an unknown one, whose
    ``name`` is not stored: people type passwords into the wrong field. ``tenant_id`` is whose door it was, where that
    is all that is known."""
    session.add(
        SignIn(
            id=uuid7(),
            tenant_id=account.tenant_id if account else tenant_id,
            user_id=account.id if account else None,
            account=name if account else None,
            how=how,
            outcome=outcome,
            device=client.device,
            address=client.address,
            network=client.network,
            at=now,
        )
    )
    if outcome is not Outcome.OK:
        once_committed(session, metrics.failures.labels(how, outcome).inc)


def trim(session: Session, *, retention: timedelta, now: datetime) -> bool:
    """Delete what is older than ``retention``; return whether there may be more."""
    old = select(SignIn.id).where(SignIn.at < now - retention).limit(TRIM)
    return execute_counted(session, delete(SignIn).where(SignIn.id.in_(old))) >= TRIM
