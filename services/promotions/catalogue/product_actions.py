"""Write products, up to 5,000 at once. A bad row rejects only itself.

Locks: the tenant's currency, then its catalogue. So two calls of one tenant run one after the other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import ValidationError
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.principal import Principal
from chassis.core.text import fold
from chassis.data.bulk import among, insert_many
from chassis.http.parsing import flatten
from services.promotions.catalogue import actions, pricelist_actions
from services.promotions.catalogue.actions import lock_currency
from services.promotions.catalogue.events import ProductsChanged, in_batches
from services.promotions.catalogue.models import Product, ProductCategory, Variant
from services.promotions.catalogue.product_queries import SeenProduct, complete
from services.promotions.catalogue.rules import Fitter
from services.promotions.catalogue.schemas import ProductIn
from services.promotions.common.actions import publish
from services.promotions.common.models import Base

PRODUCTS = Base.metadata.tables["products"]
CATEGORIES = Base.metadata.tables["product_categories"]
VARIANTS = Base.metadata.tables["variants"]
OWN = ("name", "price", "cost", "brand_uid", "product_group_uid")  # what a product's own row says
FOLDED = ("product_uid", "name")  # what a search compares

CREATED, UPDATED, REJECTED = "created", "updated", "rejected"


@dataclass(frozen=True)
class Result:
    """What became of a row."""

    product_uid: str | None
    status: str
    error: str | None = None


def upsert(session: Session, rows: Sequence[Any], *, actor: Principal, now: datetime) -> list[Result]:
    """Write products, each as a row says it in whole; the results stand in the order of the rows.

    A product that is already as its row says counts as updated; no event is published.
    """
    currency = lock_currency(session, actor.tenant_id)
    tenant_catalogue = actions.lock_catalogue(session, actor.tenant_id)
    results, accepted = _read(rows, currency)
    taken = _taken_uids(session, accepted)
    known = _known(session, accepted, currency)
    new, changed = [], []
    for place, product in accepted.items():
        before = known.get(product["product_uid"])
        if clash := _clash(product, taken):
            results[place] = Result(product["product_uid"], REJECTED, clash)
            continue
        results[place] = Result(product["product_uid"], UPDATED if before else CREATED)
        if before is None:
            new.append(product | {"id": uuid7()})
        elif _differs(product, before):
            changed.append(product | {"id": before.product.id})
    _write(session, new, changed, known, actor.tenant_id, now)
    entries = [_published(product, is_new=True) for product in new] + [
        _published(product, is_new=False) for product in changed
    ]
    written = [product["product_uid"] for place, product in accepted.items() if results[place].status != REJECTED]
    if pricelist_actions.move_to_products(session, actor.tenant_id, written) or entries:
        tenant_catalogue.revision += 1
    for batch in in_batches(entries):
        publish(session, tenant_catalogue, ProductsChanged, products=batch, actor=actor, now=now)
    return [results[place] for place in range(len(rows))]


def _read(rows: Sequence[Any], currency: str) -> tuple[dict[int, Result], dict[int, dict[str, Any]]]:
    """The refusals of bad rows and the products of good ones, by their place in the call."""
    schema = ProductIn()
    refused: dict[int, Result] = {}
    products: dict[int, dict[str, Any]] = {}
    seen: set[str] = set()
    for place, row in enumerate(rows):
        try:
            product = _in_currency(schema.load(row), currency)
            if product["product_uid"] in seen:
                raise ValidationError({"productUid": "Another row of this call has this uid."})
        except ValidationError as error:
            problems = [f"{problem['field']}: {problem['message']}" for problem in flatten(error.normalized_messages())]
            named = row.get("productUid") if isinstance(row, dict) else None
            refused[place] = Result(named if isinstance(named, str) else None, REJECTED, " ".join(problems[:3]))
        else:
            seen.add(product["product_uid"])
            products[place] = product
    return refused, products


def _in_currency(product: dict[str, Any], currency: str) -> dict[str, Any]:
    """The product with amounts as exact as the currency (D9).

    Raises:
        ValidationError: some are finer.
    """
    fitter = Fitter(currency)
    product = fitter.fit(product, {"price": "price", "cost": "cost"})
    product["variants"] = [
        fitter.fit(variant, {"price": f"variants.{place}.price"}) for place, variant in enumerate(product["variants"])
    ]
    if fitter.problems:
        raise ValidationError({field: [message] for field, message in fitter.problems})
    return product


def _known(session: Session, accepted: Mapping[int, Mapping[str, Any]], currency: str) -> dict[str, SeenProduct]:
    """Those of the products that there are already, by uid."""
    uids = [product["product_uid"] for product in accepted.values()]
    rows = session.scalars(select(Product).where(among(session, Product.product_uid, uids))).all()
    return {product.product.product_uid: product for product in complete(session, rows, currency)}


def _taken_uids(session: Session, accepted: Mapping[int, Mapping[str, Any]]) -> dict[str, str]:
    """Whose the uids of the call are already: of a variant its product's uid, of a product its own."""
    variants = [variant["variant_uid"] for product in accepted.values() for variant in product["variants"]]
    uids = [product["product_uid"] for product in accepted.values()] + variants
    of_variants = select(Variant.variant_uid, Product.product_uid).join(Product, Product.id == Variant.product_id)
    of_variants = of_variants.where(among(session, Variant.variant_uid, uids))
    taken = dict(session.execute(of_variants).tuples().all())
    of_products = select(Product.product_uid).where(among(session, Product.product_uid, uids))
    taken |= {product_uid: product_uid for product_uid in session.scalars(of_products)}
    return taken


def _clash(product: Mapping[str, Any], taken: dict[str, str]) -> str | None:
    """Why a product cannot have its uids; where it can, they are taken from now on."""
    mine = product["product_uid"]
    uids = [mine, *(uid["variant_uid"] for uid in product["variants"])]
    for uid in uids:
        if taken.get(uid, mine) != mine:
            return f"{uid} is of the product {taken[uid]} already."
    taken |= dict.fromkeys(uids, mine)
    return None


def _differs(product: Mapping[str, Any], before: SeenProduct) -> bool:
    variants = {variant.variant_uid: variant.price for variant in before.variants}
    return (
        any(product[name] != getattr(before.product, name) for name in OWN)
        or set(product["category_uids"]) != set(before.category_uids)
        or {variant["variant_uid"]: variant["price"] for variant in product["variants"]} != variants
    )


def _write(
    session: Session,
    new: Sequence[Mapping[str, Any]],
    changed: Sequence[Mapping[str, Any]],
    known: Mapping[str, SeenProduct],
    tenant_id: UUID,
    now: datetime,
) -> None:
    always = {"tenant_id": tenant_id, "updated_at": now}
    if new:
        first, named = always | {"created_at": now}, ("id", "product_uid")
        rows = [_own(product) | first | {name: product[name] for name in named} for product in new]
        insert_many(session, PRODUCTS, rows)
    if changed:
        values: dict[str, Any] = {name: bindparam(name) for name in (*OWN, "name_folded", "updated_at")}
        statement = update(PRODUCTS).where(PRODUCTS.c.id == bindparam("of")).values(values)
        session.connection().execute(
            statement, [_own(product) | {"updated_at": now, "of": product["id"]} for product in changed]
        )
        _delete_old(session, [known[product["product_uid"]] for product in changed])
    _insert_categories(session, [*new, *changed], tenant_id)
    _insert_variants(session, [*new, *changed], known, tenant_id)


def _own(product: Mapping[str, Any]) -> dict[str, Any]:
    folded = {f"{name}_folded": fold(product[name]) for name in FOLDED}
    return {name: product[name] for name in OWN} | folded


def _delete_old(session: Session, before: Collection[SeenProduct]) -> None:
    """Delete categories and variants of changed products; those that stay are written again."""
    placed = [product.product.id for product in before if product.category_uids]
    varied = [product.product.id for product in before if product.variants]
    session.execute(delete(ProductCategory).where(ProductCategory.product_id.in_(placed)), execution_options=UNSYNCED)
    session.execute(delete(Variant).where(Variant.product_id.in_(varied)), execution_options=UNSYNCED)


UNSYNCED = {"synchronize_session": False}


def _insert_categories(session: Session, products: Sequence[Mapping[str, Any]], tenant_id: UUID) -> None:
    rows = [
        {"product_id": product["id"], "category_uid": category_uid, "tenant_id": tenant_id}
        for product in products
        for category_uid in dict.fromkeys(product["category_uids"])
    ]
    if rows:
        insert_many(session, CATEGORIES, rows)


def _insert_variants(
    session: Session, products: Sequence[Mapping[str, Any]], known: Mapping[str, SeenProduct], tenant_id: UUID
) -> None:
    """Write variants; one that was there keeps its id."""
    ids = {variant.variant_uid: variant.id for product in known.values() for variant in product.variants}
    rows = [
        {
            "id": ids.get(variant["variant_uid"]) or uuid7(),
            "product_id": product["id"],
            "variant_uid": variant["variant_uid"],
            "price": variant["price"],
            "tenant_id": tenant_id,
        }
        for product in products
        for variant in product["variants"]
    ]
    if rows:
        insert_many(session, VARIANTS, rows)


def _published(product: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
    return {
        "productUid": product["product_uid"],
        "name": product["name"],
        "price": product["price"],
        "brandUid": product["brand_uid"],
        "categoryUids": sorted(set(product["category_uids"])),
        "productGroupUid": product["product_group_uid"],
        "variants": [
            {"variantUid": variant["variant_uid"], "price": variant["price"]} for variant in product["variants"]
        ],
        "isNew": is_new,
    }
