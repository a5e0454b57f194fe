"""Create and change stores and customer groups."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.http import versions
from services.promotions.catalogue import actions, pricelist_queries, store_queries
from services.promotions.catalogue.events import CustomerGroupChanged, CustomerGroupCreated, StoreChanged, StoreCreated
from services.promotions.catalogue.models import ONE_GROUP, ONE_STORE, CustomerGroup, Store
from services.promotions.common.actions import audit, flush, publish


def create_store(session: Session, data: dict[str, Any], *, actor: Principal, now: datetime) -> Store:
    """A new store.

    Raises:
        Conflict: ``store_exists``: the uid is taken.
        Invalid: ``unknown_pricelist``.
    """
    store = Store.create(tenant_id=actor.tenant_id, now=now, store_uid=data["store_uid"])
    _write(session, store, data, now)
    session.add(store)
    audit(session, "store.created", store, actor=actor, now=now)
    flush(session, {ONE_STORE: Conflict(f"There is a store {store.store_uid} already.", code="store_exists")})
    publish(session, store, StoreCreated, actor=actor, now=now)
    actions.touch(session, actor.tenant_id)
    return store


def change_store(
    session: Session,
    store_uid: str,
    data: dict[str, Any],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Store:
    """Give a store another name, or another list of regular prices.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Invalid: ``unknown_pricelist``.
    """
    store = store_queries.lock_store(session, store_uid)
    versions.require(store, expected)
    if _write(session, store, data, now):
        audit(session, "store.changed", store, actor=actor, now=now)
        publish(session, store, StoreChanged, actor=actor, now=now)
        actions.touch(session, actor.tenant_id)
    return store


def _write(session: Session, store: Store, data: dict[str, Any], now: datetime) -> bool:
    """Take over what is named; returns whether anything is different now."""
    with session.no_autoflush:
        values = {"name": data.get("name", store.name)}
        if "pricelist_uid" in data:
            values["pricelist_id"] = pricelist_queries.pricelist_id(session, data["pricelist_uid"])
            store.pricelist_uid = data["pricelist_uid"]
    if all(getattr(store, name) == value for name, value in values.items()):
        return False
    for name, value in values.items():
        setattr(store, name, value)
    store.updated_at = now
    return True


def create_customer_group(
    session: Session, *, customer_group_uid: str, name: str, actor: Principal, now: datetime
) -> CustomerGroup:
    """A new group.

    Raises:
        Conflict: ``customer_group_exists``: the uid is taken.
    """
    group = CustomerGroup.create(tenant_id=actor.tenant_id, now=now, customer_group_uid=customer_group_uid, name=name)
    session.add(group)
    audit(session, "customer_group.created", group, actor=actor, now=now)
    message = f"There is a customer group {customer_group_uid} already."
    flush(session, {ONE_GROUP: Conflict(message, code="customer_group_exists")})
    publish(session, group, CustomerGroupCreated, actor=actor, now=now)
    return group


def rename_customer_group(
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
    group = store_queries.lock_customer_group(session, customer_group_uid)
    versions.require(group, expected)
    if name != group.name:
        group.name, group.updated_at = name, now
        audit(session, "customer_group.changed", group, actor=actor, now=now)
        publish(session, group, CustomerGroupChanged, actor=actor, now=now)
    return group
