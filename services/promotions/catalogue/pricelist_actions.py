"""Create, rename and delete price lists, and change the products on them. Running campaigns follow at once (S1-14).

Locks: the tenant's currency, the list's row, the tenant's catalogue. The last one comes before the list's products are
read, so that no product is added in between. A uid that the catalogue does not have is listed by its uid, as variants
are (D68), until a product of that uid is written.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data.bulk import among, execute_counted, insert_many
from chassis.http import versions
from services.promotions.catalogue import actions, events, pricelist_queries, product_queries
from services.promotions.catalogue.actions import lock_currency
from services.promotions.catalogue.events import in_batches
from services.promotions.catalogue.models import ONE_LIST, Pricelist, PricelistEntry, PricelistVariant
from services.promotions.catalogue.rules import Fitter
from services.promotions.common import actions as common_actions
from services.promotions.common.actions import audit, publish
from services.promotions.common.models import Base
from services.promotions.common.rules import slug

ENTRIES = Base.metadata.tables["pricelist_entries"]
VARIANTS = Base.metadata.tables["pricelist_variants"]


def create(
    session: Session,
    *,
    name: str,
    products: Sequence[Mapping[str, Any]],
    pricelist_uid: str | None = None,
    actor: Principal,
    now: datetime,
) -> Pricelist:
    """A new price list.

    Raises:
        Conflict: ``pricelist_exists``: the uid is taken.
        Invalid: a price finer than the currency; ``errors`` names each.
    """
    products = _in_currency(products, lock_currency(session, actor.tenant_id), "products")

    def make(uid: str) -> Pricelist:
        pricelist = Pricelist.create(tenant_id=actor.tenant_id, now=now, pricelist_uid=uid, name=name, product_count=0)
        session.add(pricelist)
        audit(session, "pricelist.created", pricelist, actor=actor, now=now)
        return pricelist

    pricelist = common_actions.insert_with_uid(
        session,
        make,
        uid=pricelist_uid,
        seed=slug(name, otherwise="pricelist"),
        column=Pricelist.pricelist_uid,
        unique=ONE_LIST,
        taken=Conflict(f"There is a price list {pricelist_uid} already.", code="pricelist_exists"),
    )
    publish(session, pricelist, events.PricelistCreated, actor=actor, now=now)
    if products:
        _change_products(session, pricelist, products, [], actor=actor, now=now)
    return pricelist


def rename(
    session: Session, pricelist_uid: str, name: str, *, expected: ETags | None, actor: Principal, now: datetime
) -> Pricelist:
    """Give a price list another name, also while a campaign runs with it.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
    """
    pricelist = pricelist_queries.lock_pricelist(session, pricelist_uid)
    versions.require(pricelist, expected)
    if name != pricelist.name:
        pricelist.name, pricelist.updated_at = name, now
        audit(session, "pricelist.renamed", pricelist, actor=actor, now=now)
        publish(session, pricelist, events.PricelistRenamed, actor=actor, now=now)
    return pricelist


def change_products(
    session: Session,
    pricelist_uid: str,
    *,
    add: Sequence[Mapping[str, Any]],
    remove: Collection[str],
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Pricelist:
    """Put products on a list, change their prices there, and take others off. Those that are not on it are ignored.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Invalid: a price finer than the currency; ``errors`` names each.
    """
    currency = lock_currency(session, actor.tenant_id)
    pricelist = pricelist_queries.lock_pricelist(session, pricelist_uid)
    versions.require(pricelist, expected)
    add = _in_currency(add, currency, "add")
    _change_products(session, pricelist, add, remove, actor=actor, now=now)
    return pricelist


def remove(session: Session, pricelist_uid: str, *, expected: ETags | None, actor: Principal, now: datetime) -> None:
    """Delete a price list that nothing uses.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Conflict: ``pricelist_in_use``.
    """
    pricelist = pricelist_queries.lock_pricelist(session, pricelist_uid)
    versions.require(pricelist, expected)
    if pricelist_queries.is_used(session, pricelist):
        raise Conflict("A campaign, a store or the settings use this price list.", code="pricelist_in_use")
    gone = {"name": [pricelist.name, None], "productCount": [pricelist.product_count, None]}
    audit(session, "pricelist.deleted", pricelist, actor=actor, now=now, changes=gone)
    publish(session, pricelist, events.PricelistDeleted, actor=actor, now=now)
    for model in (PricelistVariant, PricelistEntry):  # in the order in which ``move_to_products`` moves them
        session.execute(delete(model).where(model.pricelist_id == pricelist.id))
    session.delete(pricelist)


def move_to_products(session: Session, tenant_id: UUID, product_uids: Collection[str]) -> bool:
    """Let the prices of these products that were set before there was one be the products' own; whether there were any.

    So a product has one price on a list, for its variants too. What the list shows stays as it is. The caller has
    locked the tenant's catalogue.
    """
    lists = select(Pricelist.id).where(Pricelist.tenant_id == tenant_id)
    early = (
        delete(PricelistVariant)
        .where(PricelistVariant.pricelist_id.in_(lists), among(session, PricelistVariant.variant_uid, product_uids))
        .returning(PricelistVariant.pricelist_id, PricelistVariant.variant_uid, PricelistVariant.price)
    )
    moved = session.execute(early, execution_options={"synchronize_session": False}).tuples().all()
    if moved:
        ids = product_queries.ids_of(session, {uid for _, uid, _ in moved})
        rows = [{"pricelist_id": listed, "product_id": ids[uid], "price": price} for listed, uid, price in moved]
        insert_many(session, ENTRIES, rows)
    return bool(moved)


def _change_products(
    session: Session,
    pricelist: Pricelist,
    add: Sequence[Mapping[str, Any]],
    remove: Collection[str],
    *,
    actor: Principal,
    now: datetime,
) -> None:
    if not add and not remove:
        return
    tenant_catalogue = actions.lock_catalogue(session, actor.tenant_id)
    prices = {entry["product_uid"]: entry["price"] for entry in add}
    ids = product_queries.ids_of(session, [*prices, *remove])
    before = pricelist_queries.prices_on(session, pricelist, ids, [*prices, *remove])
    changed = {uid: price for uid, price in prices.items() if before.get(uid) != price}
    gone = [uid for uid in dict.fromkeys(remove) if uid in before]
    if not changed and not gone:
        return
    _replace(session, pricelist, changed, gone, ids)
    pricelist.updated_at = now
    entries = [{"productUid": uid, "price": price} for uid, price in changed.items()]
    entries += [{"productUid": uid, "price": None} for uid in gone]
    was = {uid: str(before[uid]) for uid in (*changed, *gone) if uid in before}
    audited = {"products": [was, {uid: str(price) for uid, price in changed.items()}]}
    audit(session, "pricelist.changed", pricelist, actor=actor, now=now, changes=audited)
    for batch in in_batches(entries):
        publish(session, pricelist, events.PricelistProductsChanged, products=batch, actor=actor, now=now)
    tenant_catalogue.revision += 1


def _in_currency(entries: Sequence[Mapping[str, Any]], currency: str, field: str) -> list[dict[str, Any]]:
    fitter = Fitter(currency)
    fitted = [fitter.fit(entry, {"price": f"{field}.{place}.price"}) for place, entry in enumerate(entries)]
    fitter.require()
    return fitted


def _replace(
    session: Session,
    pricelist: Pricelist,
    changed: Mapping[str, Decimal],
    gone: Sequence[str],
    ids: Mapping[str, UUID],
) -> None:
    """Take off what goes or has another price, and put on what comes or has another price."""
    uids = [*changed, *gone]
    old_products = PricelistEntry.product_id.in_([ids[uid] for uid in uids if uid in ids])
    old_uids = among(session, PricelistVariant.variant_uid, uids)
    for model, is_old in ((PricelistEntry, old_products), (PricelistVariant, old_uids)):
        pricelist.product_count -= execute_counted(
            session, delete(model).where(model.pricelist_id == pricelist.id, is_old)
        )
    listed = {"pricelist_id": pricelist.id}
    rows = [listed | {"product_id": ids[uid], "price": price} for uid, price in changed.items() if uid in ids]
    by_uid = [listed | {"variant_uid": uid, "price": price} for uid, price in changed.items() if uid not in ids]
    for table, added in ((ENTRIES, rows), (VARIANTS, by_uid)):
        if added:
            insert_many(session, table, added)
            pricelist.product_count += len(added)
