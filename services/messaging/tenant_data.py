"""What messaging holds of tenants. A conversation stays for the other company as long as that is a customer."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from chassis.messaging.events import MAX_SEQUENCE
from privacy.endings import has_ended
from privacy.person import FORMER_USER
from privacy.tenant_data import FORMER_COMPANY, TenantData, change_where, delete_where
from services.messaging.models import Message, TenantName, Thread, ThreadCount

MOMENTS = ("supplier_updated_at", "retailer_updated_at")


def _of_thread(tenant_id: UUID) -> ColumnElement[bool]:
    return or_(Thread.supplier_id == tenant_id, Thread.retailer_id == tenant_id)


def _both_ended(tenant_id: UUID) -> ColumnElement[bool]:
    supplier, retailer = Thread.supplier_id, Thread.retailer_id
    return or_(and_(supplier == tenant_id, has_ended(retailer)), and_(retailer == tenant_id, has_ended(supplier)))


def _in_threads(tenant_id: UUID) -> ColumnElement[bool]:
    """By the threads: these are indexed by tenant, and messages by thread."""
    return Message.thread_id.in_(select(Thread.id).where(_of_thread(tenant_id)))


def _between_ended(tenant_id: UUID) -> ColumnElement[bool]:
    return Message.thread_id.in_(select(Thread.id).where(_both_ended(tenant_id)))


def _signed(tenant_id: UUID) -> ColumnElement[bool]:
    own = and_(Message.sender_tenant_id == tenant_id, Message.sender_name != FORMER_USER)
    return and_(_in_threads(tenant_id), own)


def _named_as_supplier(tenant_id: UUID) -> ColumnElement[bool]:
    return and_(Thread.supplier_id == tenant_id, Thread.supplier_name != FORMER_COMPANY)


def _named_as_retailer(tenant_id: UUID) -> ColumnElement[bool]:
    return and_(Thread.retailer_id == tenant_id, Thread.retailer_name != FORMER_COMPANY)


def _named(tenant_id: UUID) -> ColumnElement[bool]:
    return and_(TenantName.tenant_id == tenant_id, TenantName.name != FORMER_COMPANY)


TENANT_DATA = (
    TenantData(
        Message,
        "Messages to and from other companies.",
        rows=_in_threads,
        steps=(delete_where(_between_ended), change_where(_signed, sender_name=FORMER_USER)),
        remains="the conversation, without the writers' names, as long as the other company is a customer",
    ),
    TenantData(
        Thread,
        "Conversations with other companies.",
        sides={
            "supplier_id": ("supplier_unread", "supplier_archived", "supplier_updated_at"),
            "retailer_id": ("retailer_unread", "retailer_archived", "retailer_updated_at"),
        },
        steps=(
            delete_where(_both_ended),
            change_where(_named_as_supplier, moments=MOMENTS, supplier_name=FORMER_COMPANY),
            change_where(_named_as_retailer, moments=MOMENTS, retailer_name=FORMER_COMPANY),
        ),
        remains="the conversation with a former company, as long as the other company is a customer",
    ),
    TenantData(ThreadCount, "How many conversations it has."),
    TenantData(
        TenantName,
        "Its name here.",
        rows=lambda tenant_id: TenantName.tenant_id == tenant_id,
        steps=(change_where(_named, name=FORMER_COMPANY, sequence=MAX_SEQUENCE),),
        remains='"former company", so that no late event shows the old name again',
    ),
)
