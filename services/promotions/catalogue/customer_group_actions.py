"""Making and renaming groups of customers."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import is_taken
from chassis.http import versions
from chassis.messaging import outbox
from services.promotions.catalogue import customer_group_queries as queries
from services.promotions.catalogue.events import CustomerGroupChanged, CustomerGroupCreated
from services.promotions.catalogue.store_models import ONE_GROUP, CustomerGroup


def create(session: Session, *, customer_group_uid: str, name: str, actor: Principal, now: datetime) -> CustomerGroup:
    """A new group.

    Raises:
        Conflict: ``customer_group_exists``: the uid is taken.
    """
    group = CustomerGroup(
        id=uuid7(),
        tenant_id=actor.tenant_id,
        customer_group_uid=customer_group_uid,
        name=name,
        created_at=now,
        updated_at=now,
        event_sequence=0,
    )
    session.add(group)
    audit.record(session, "customer_group.created", group, tenant_id=actor.tenant_id, actor=actor, now=now)
    try:
        session.flush()
    except IntegrityError as error:
        if not is_taken(error, ONE_GROUP):
            raise
        message = f"There is a customer group {customer_group_uid} already."
        raise Conflict(message, code="customer_group_exists") from error
    _tell(session, group, CustomerGroupCreated, actor=actor, now=now)
    return group


def rename(
    session: Session,
    customer_group_uid: str,
    name: str,
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> CustomerGroup:
    """Give a group another name.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
    """
    group = queries.customer_group(session, customer_group_uid, lock=True)
    versions.require(group, expected)
    if name != group.name:
        group.name, group.updated_at = name, now
        audit.record(session, "customer_group.changed", group, tenant_id=actor.tenant_id, actor=actor, now=now)
        _tell(session, group, CustomerGroupChanged, actor=actor, now=now)
    return group


def _tell(
    session: Session,
    group: CustomerGroup,
    told: type[CustomerGroupCreated | CustomerGroupChanged],
    *,
    actor: Principal,
    now: datetime,
) -> None:
    event = told(actor.tenant_id, group.customer_group_uid, group.name)
    outbox.add(session, group, event, tenants=(actor.tenant_id,), actor=actor, now=now)
