"""A tenant's groups of customers."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import Invalid, NotFound
from chassis.http.pages import Page, paginate
from services.promotions.catalogue.store_models import CustomerGroup


def customer_group(session: Session, customer_group_uid: str, *, lock: bool = False) -> CustomerGroup:
    """One group of the caller, its row locked until the transaction ends where ``lock`` says so.

    Raises:
        NotFound: there is none of that uid.
    """
    statement = select(CustomerGroup).where(CustomerGroup.customer_group_uid == customer_group_uid)
    found = session.scalar(statement.with_for_update(key_share=True) if lock else statement)
    if found is None:
        raise NotFound("There is no such customer group.")
    return found


def customer_groups(session: Session, *, page: int, page_size: int) -> Page:
    """The caller's groups by their uid."""
    statement = select(CustomerGroup).order_by(CustomerGroup.customer_group_uid)
    return paginate(session, statement, page=page, page_size=page_size)


def id_of(session: Session, customer_group_uid: str | None) -> UUID | None:
    """The id of a group that a body names; None for None.

    Raises:
        Invalid: ``unknown_customer_group``: the caller has none of that uid.
    """
    if customer_group_uid is None:
        return None
    named = CustomerGroup.customer_group_uid == customer_group_uid
    found = session.scalar(select(CustomerGroup.id).where(named))
    if found is None:
        message = f"There is no customer group {customer_group_uid}."
        raise Invalid.field("customerGroupUid", message, code="unknown_customer_group")
    return found
