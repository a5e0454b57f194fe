"""A shop written straight into the database, for tests of what is done with it."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from sqlalchemy import select

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.promotions.catalogue import actions as catalogue_actions
from services.promotions.catalogue.models import (
    CustomerGroup,
    Pricelist,
    PricelistEntry,
    Product,
    ProductCategory,
    Store,
    Variant,
)
from services.promotions.sales.models import SalesCampaign, SalesSelection, SalesSnapshot, SalesStore
from tests.promotions.helpers import FJORD

NOW = utcnow()
STORED = {"created_at": NOW, "updated_at": NOW}
LISTS = "pricelists"


class Shop:
    """What one tenant has. Everything written here counts at once, as a change through the API does."""

    def __init__(self, service, tenant_id=FJORD):
        self.service = service
        self.tenant_id = tenant_id

    def write(self, *rows):
        with acting_as(Principal.system("test")), self.service.database.begin() as session:
            for row in rows:
                session.add(row)
                session.flush()
            catalogue_actions.touch(session, self.tenant_id)

    def row(self, model, **key):
        with acting_as(Principal.system("test")), self.service.database.read() as session:
            return session.scalars(select(model).filter_by(tenant_id=self.tenant_id, **key)).one()

    def change(self, model, key, **changes):
        with acting_as(Principal.system("test")), self.service.database.begin() as session:
            row = session.scalars(select(model).filter_by(tenant_id=self.tenant_id, **key)).one()
            for name, value in changes.items():
                setattr(row, name, value)
            session.flush()
            catalogue_actions.touch(session, self.tenant_id)

    def store(self, uid="oslo-1", **more):
        self.write(Store(id=uuid4(), tenant_id=self.tenant_id, store_uid=uid, name=uid, **STORED, **more))

    def product(self, uid, price=100, *, categories=(), variants=(), **more):
        product = Product(
            id=uuid4(), tenant_id=self.tenant_id, product_uid=uid, name=uid, price=Decimal(str(price)), **STORED, **more
        )
        places = [ProductCategory(tenant_id=self.tenant_id, product_id=product.id, category_uid=c) for c in categories]
        forms = [
            Variant(id=uuid4(), tenant_id=self.tenant_id, product_id=product.id, variant_uid=uid, price=price)
            for uid, price in variants
        ]
        self.write(product, *places, *forms)

    def group(self, uid):
        """The id of a new customer group."""
        group = CustomerGroup(id=uuid4(), tenant_id=self.tenant_id, customer_group_uid=uid, name=uid, **STORED)
        self.write(group)
        return group.id

    def pricelist(self, uid, **prices):
        """A list with the prices of products by uid; its id."""
        row = Pricelist(
            id=uuid4(), tenant_id=self.tenant_id, pricelist_uid=uid, name=uid, product_count=len(prices), **STORED
        )
        entries = [
            PricelistEntry(
                pricelist_id=row.id,
                product_id=self.row(Product, product_uid=product).id,
                price=Decimal(str(price)),
            )
            for product, price in prices.items()
        ]
        self.write(row, *entries)
        return row.id

    def campaign(self, uid, *, products=None, include=(), exclude=(), stores=None, pricelist=None, **rules):
        """Ten percent off, active from yesterday to tomorrow, for ``products`` as they were when it was activated."""
        discount = {"discount_percent": Decimal(0 if {"discount_amount"} & set(rules) or pricelist else 10)}
        defaults = {
            "name": uid,
            "display_name": uid,
            "type": "PRICELIST" if pricelist else "CAMPAIGN",
            "discount_type": "QUALIFIED_PRODUCT",
            "status": "ACTIVE",
            "valid_from": NOW - timedelta(days=1),
            "valid_to": NOW + timedelta(days=1),
            "all_stores": stores is None,
            "pricelist_id": pricelist,
            "priority": 0,
            "campaign_code": "",
            "prevent_combinations": False,
            "quantity_threshold": 0,
            "amount_threshold": Decimal(0),
            "max_usage": 0,
            "discount_amount": Decimal(0),
        }
        row = SalesCampaign(
            id=uuid4(), tenant_id=self.tenant_id, campaign_uid=uid, **STORED, **defaults | discount | rules
        )
        rows = [
            SalesStore(campaign_id=row.id, store_id=self.row(Store, store_uid=uid).id, position=0)
            for uid in stores or ()
        ]
        rows += [
            SalesSnapshot(campaign_id=row.id, product_id=self.row(Product, product_uid=uid).id)
            for uid in products or ()
        ]
        rows += [
            SalesSelection(campaign_id=row.id, side=side, kind=kind, uid=uid, position=number)
            for side, terms in (("include", include), ("exclude", exclude))
            for number, (kind, uid) in enumerate(terms)
        ]
        self.write(row, *rows)


def socks(**rules):
    """The document's own 3 for 2 (S1-22)."""
    return {
        "products": ["socks"],
        "discount_type": "CHEAPEST_PRODUCT",
        "discount_percent": Decimal(100),
        "quantity_threshold": 3,
        "max_usage": 1,
    } | rules


def order(*lines, **more):
    """An order in the first store; lines are products with quantity and price, the latter from the catalogue."""
    body = []
    for number, line in enumerate(lines, 1):
        product, quantity, price = (*line, None) if isinstance(line, tuple) and len(line) == 2 else line
        body.append({"lineId": str(number), "productUid": product, "quantity": quantity})
        if price is not None:
            body[-1]["unitPrice"] = price
    return {"storeUid": "oslo-1", "lines": body} | more
