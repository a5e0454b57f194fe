"""Making and changing stores."""

from datetime import datetime
from typing import Any

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
from services.promotions.catalogue import actions, pricelist_queries
from services.promotions.catalogue import store_queries as queries
from services.promotions.catalogue.events import StoreChanged, StoreCreated
from services.promotions.catalogue.store_models import ONE_STORE, Store


def create(session: Session, data: dict[str, Any], *, actor: Principal, now: datetime) -> Store:
    """A new store.

    Raises:
        Conflict: ``store_exists``: the uid is taken.
        Invalid: ``unknown_pricelist``.
    """
    store = Store(id=uuid7(), tenant_id=actor.tenant_id, store_uid=data["store_uid"], created_at=now, event_sequence=0)
    _write(session, store, data, now)
    session.add(store)
    audit.record(session, "store.created", store, tenant_id=actor.tenant_id, actor=actor, now=now)
    try:
        session.flush()
    except IntegrityError as error:
        if not is_taken(error, ONE_STORE):
            raise
        raise Conflict(f"There is a store {store.store_uid} already.", code="store_exists") from error
    _tell(session, store, StoreCreated, actor=actor, now=now)
    return store


def change(
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
    store = queries.store(session, store_uid, lock=True)
    versions.require(store, expected)
    if _write(session, store, data, now):
        audit.record(session, "store.changed", store, tenant_id=actor.tenant_id, actor=actor, now=now)
        _tell(session, store, StoreChanged, actor=actor, now=now)
    return store


def _write(session: Session, store: Store, data: dict[str, Any], now: datetime) -> bool:
    """Take over what is named; returns whether anything is different now."""
    with session.no_autoflush:
        wanted = {"name": data.get("name", store.name)}
        if "pricelist_uid" in data:
            wanted["pricelist_id"] = pricelist_queries.id_of(session, data["pricelist_uid"])
            store.pricelist_uid = data["pricelist_uid"]
    if all(getattr(store, name) == value for name, value in wanted.items()):
        return False
    for name, value in wanted.items():
        setattr(store, name, value)
    store.updated_at = now
    return True


def _tell(
    session: Session, store: Store, told: type[StoreCreated | StoreChanged], *, actor: Principal, now: datetime
) -> None:
    event = told(actor.tenant_id, store.store_uid, store.name)
    outbox.add(session, store, event, tenants=(actor.tenant_id,), actor=actor, now=now)
    actions.touch(session, actor.tenant_id)
