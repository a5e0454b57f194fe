"""What was there before a migration of promotions' keeps its meaning, and code from before goes on."""

from dataclasses import replace
from unicodedata import normalize
from urllib.parse import quote
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import create_engine

from chassis.core.clock import utcnow
from chassis.data import migrate
from chassis.process.service import Runtime
from services.promotions import service
from tests.older import insert, move
from tests.plugin import ServiceUnderTest
from tests.promotions.helpers import BERGEN, FJORD, HERS, MINE, RITA, ROLF, ok

BEFORE = "promotions_0003"
ÅL = normalize("NFD", "ÅL")


class Older:
    """A tenant's shop as code from before writes it."""

    def __init__(self, engine, tenant_id, currency):
        self.engine, self.mine = engine, {"tenant_id": tenant_id}
        now = utcnow()
        self.moments = {"created_at": now, "updated_at": now}
        insert(engine, "settings", id=uuid4(), currency=currency, strategy="priority", **self.mine)
        insert(engine, "catalogues", id=uuid4(), revision=1, **self.mine)

    def amount(self, value):
        return value if self.engine.dialect.name == "sqlite" or value is None else float(value)

    def product(self, uid, price, cost=None, **more):
        row = {"product_uid": uid, "name": uid, "price": self.amount(price), "cost": self.amount(cost)} | more
        product_id = uuid4()
        insert(self.engine, "products", id=product_id, **row, **self.moments, **self.mine)
        return product_id

    def variant(self, product_id, uid, price):
        row = {"variant_uid": uid, "price": self.amount(price)}
        insert(self.engine, "variants", id=uuid4(), product_id=product_id, **row, **self.mine)

    def pricelist(self, uid, product_id, price):
        pricelist_id = uuid4()
        row = {"pricelist_uid": uid, "name": uid, "product_count": 1}
        insert(self.engine, "pricelists", id=pricelist_id, **row, **self.moments, **self.mine)
        entry = {"pricelist_id": pricelist_id, "product_id": product_id, "price": self.amount(price)}
        insert(self.engine, "pricelist_entries", **entry)

    def campaign(self, uid, *, amount="0", threshold="0", percent="0", **more):
        now, campaign_id = utcnow(), uuid4()
        details = {
            "campaign_uid": uid,
            "name": uid,
            "display_name": uid,
            "type": "CAMPAIGN",
            "discount_type": "QUALIFIED_PRODUCT",
            "status": "NEW",
            "valid_from": now,
            "valid_to": now.replace(year=now.year + 1),
            "all_stores": True,
            "priority": 0,
            "campaign_code": "",
            "prevent_combinations": False,
            "quantity_threshold": 0,
            "amount_threshold": self.amount(threshold),
            "max_usage": 0,
            "discount_amount": self.amount(amount),
            "discount_percent": self.amount(percent),
        }
        insert(self.engine, "sales_campaigns", id=campaign_id, **details | more, **self.moments, **self.mine)
        return campaign_id

    def selects(self, campaign_id, side, kind, uid):
        row = {"campaign_id": campaign_id, "side": side, "kind": kind, "uid": uid, "position": 0}
        insert(self.engine, "sales_selections", **row)


@pytest.fixture
def engine(empty_database):
    engine = create_engine(empty_database)
    move(service, engine, BEFORE)
    yield engine
    engine.dispose()


@pytest.fixture
def started(engine, empty_database, test_settings):
    runtimes = []

    def start():
        migrate.upgrade(service, engine)
        runtimes.append(Runtime(service, replace(test_settings, database_url=empty_database)))
        return ServiceUnderTest(runtimes[0])

    yield start
    for runtime in runtimes:
        runtime.close()


def test_amounts_that_no_coin_pays_are_rounded_and_all_others_stay(engine, started):
    """D9, D27: JPY 575.34 is 575, as campaigns were reckoned; 0.40 stays, because a discount of 0 would be none."""
    for tenant_id, currency in ((FJORD, "JPY"), (BERGEN, "SEK")):
        shop = Older(engine, tenant_id, currency)
        product_id = shop.product("a", "575.34", "0.50")
        shop.variant(product_id, "v", "99.99")
        shop.pricelist("l", product_id, "500.50")
        shop.campaign("c", amount="12.40", threshold="99.50", percent="0")
        shop.campaign("small", amount="0.40")
        shop.campaign("percent", percent="12.50")
    running = started()
    for client, root, price, cost, variant, listed, amount, threshold in (
        (running.client(ROLF), MINE, "575", "1", "100", "501", 12, 100),
        (running.client(RITA), HERS, "575.34", "0.50", "99.99", "500.50", 12.4, 99.5),
    ):
        shown = ok(client.get(f"{root}/products/a"))
        assert (shown["price"], shown["cost"], shown["variants"][0]["price"]) == (price, cost, variant)
        assert ok(client.get(f"{root}/pricelists/l"))["products"] == [{"productUid": "a", "price": listed}]
        campaign = ok(client.get(f"{root}/campaigns/c"))
        assert (campaign["discountAmount"], campaign["amountThreshold"]) == (amount, threshold)
        assert ok(client.get(f"{root}/campaigns/small"))["discountAmount"] == 0.4
        assert ok(client.get(f"{root}/campaigns/percent"))["discountPercent"] == 12.5


def test_keys_and_names_are_composed_and_found(engine, started):
    """D60, D62: what was written in decomposed letters is reached and found by composed ones."""
    shop = Older(engine, FJORD, "SEK")
    shop.product(ÅL, "1", brand_uid=ÅL)
    campaign_id = shop.campaign(ÅL, percent="10", campaign_code="VÅR", display_name="Скидки")
    shop.selects(campaign_id, "include", "product", ÅL)
    client = started().client(ROLF)
    assert ok(client.get(f"{MINE}/products/{quote('ÅL')}"))["brandUid"] == "ÅL"
    shown = ok(client.get(f"{MINE}/campaigns/{quote('ÅL')}"))
    assert shown["selection"]["include"]["products"] == [{"productUid": "ÅL", "name": "ÅL"}]
    for body in ({"query": "ål"}, {"displayName": "СКИДКИ"}, {"campaignCode": "vår"}, {"query": "vår"}):
        assert ok(client.post(f"{MINE}/campaigns/search", json=body))["totalItems"] == 1, body
    assert ok(client.get(f"{MINE}/products?q={quote('ål')}"))["totalItems"] == 1


def test_two_spellings_of_one_key_both_stay(engine, started):
    """The composed one is reached by its key; nothing is lost."""
    shop = Older(engine, FJORD, "SEK")
    shop.product(ÅL, "1")
    shop.product("ÅL", "2")
    client = started().client(ROLF)
    assert ok(client.get(f"{MINE}/products/{quote('ÅL')}"))["price"] == "2.00"
    assert ok(client.get(f"{MINE}/products"))["totalItems"] == 2


def test_code_from_before_goes_on(engine, started):
    """Its rows are found, and its exclusions of variants count once the campaign is active."""
    shop = Older(engine, FJORD, "SEK")
    product_id = shop.product("jeans", "100", brand_uid="b")
    shop.variant(product_id, "blue", None)
    campaign_id = shop.campaign("ten", percent="10", status="ACTIVE", valid_from=utcnow().replace(year=2024))
    shop.selects(campaign_id, "include", "brand", "b")
    shop.selects(campaign_id, "exclude", "product", "blue")
    insert(engine, "sales_snapshots", campaign_id=campaign_id, product_id=product_id)
    client = started().client(ROLF)
    shop.product("Later lamp", "5")
    shop.campaign("later", percent="5")
    assert ok(client.get(f"{MINE}/products?q=LATER"))["totalItems"] == 1
    assert ok(client.get(f"{MINE}/campaigns?query=Later"))["totalItems"] == 1
    ok(client.post(f"{MINE}/stores", json={"storeUid": "oslo-1", "name": "Oslo"}), 201)
    lines = [{"lineId": uid, "productUid": uid, "quantity": 1} for uid in ("jeans", "blue")]
    answer = ok(client.post(f"{MINE}/orders/evaluate", json={"storeUid": "oslo-1", "lines": lines}))
    assert [line["discount"] for line in answer["lines"]] == ["10.00", "0.00"]


def test_there_is_a_way_back(engine):
    Older(engine, FJORD, "SEK").product("a", "1.50")
    migrate.upgrade(service, engine)
    move(service, engine, BEFORE, how=command.downgrade)
    migrate.upgrade(service, engine)
