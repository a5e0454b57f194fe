"""What a sales campaign is for: selected by brand, category, group and product, resolved when it is activated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select as sql

from chassis.core.principal import Principal, acting_as
from services.promotions.catalogue.models import Product
from services.promotions.sales.models import SalesCampaign, SalesSnapshot
from services.promotions.sales.rules import selects
from tests.plugin.matrix import generated
from tests.promotions.helpers import HERS, MINE, everything, fields_of, is_problem, ok, stored
from tests.promotions.sales.helpers import AUGUST, PHONES, SELECTION, SOCKS, activate, furnish, made, select

ALL = {row["productUid"] for row in PHONES}


@pytest.fixture
def shop(rolf, rita):
    """The other tenant sells the same and has a campaign of the same uid."""
    rows = [{"name": "Hers", "price": 1} | row for row in PHONES]
    ok(rita.post(f"{HERS}/products", json={"products": rows}))
    ok(rita.post(f"{HERS}/campaigns", json=SOCKS | {"storeUids": []}), 201)
    return furnish(rolf)


def snapshot(service, campaign_uid="3for2socks"):
    """The uids of the products that a campaign was for when it was last activated."""
    named = (
        sql(Product.product_uid)
        .join(SalesSnapshot, SalesSnapshot.product_id == Product.id)
        .join(SalesCampaign, SalesCampaign.id == SalesSnapshot.campaign_id)
        .where(SalesCampaign.campaign_uid == campaign_uid)
    )
    with acting_as(Principal.system("test")), service.database.read() as session:
        uids = list(session.scalars(named))
    assert len(uids) == len(set(uids))
    return set(uids)


SELECTIONS = [
    ({}, {}, ALL),  # S1-25: nothing is everything
    ({"brandUids": ["samsung"]}, {}, {"galaxy", "frame"}),  # the document's first example
    ({}, {"productGroupUids": ["SERVICES"]}, ALL - {"repair"}),  # its second
    ({"productGroupUids": ["PHONES"]}, {"brandUids": ["apple"]}, {"galaxy"}),  # its third, S1-26
    ({"categoryUids": ["new"]}, {}, {"iphone", "frame"}),
    ({"productUids": ["mug", "none"]}, {}, {"mug"}),
    ({"productUids": ["mug"], "brandUids": ["apple"], "categoryUids": ["none"]}, {}, {"mug", "iphone"}),
    ({"productUids": ["iphone"]}, {"productUids": ["iphone"]}, set()),  # S1-24: exclude beats include
    ({"productUids": ["iphone", "mug"]}, {"categoryUids": ["mobile"]}, {"mug"}),  # S1-24
    ({}, {"brandUids": ["samsung", "apple"]}, {"repair", "mug"}),  # also what has no brand is in
    ({"brandUids": ["Samsung"]}, {}, set()),
]


def test_what_a_selection_is_for(shop, promotions):
    """S1-23, S1-24, S1-25, S1-26: by all four kinds; another tenant's products never."""
    for number, (include, exclude, expected) in enumerate(SELECTIONS):
        address = made(shop, SOCKS, campaignUid=f"selection-{number}")
        select(shop, address, include, exclude)
        activate(shop, address)
        assert snapshot(promotions, f"selection-{number}") == expected, (include, exclude)
        data = promotions.events("promotions.SalesCampaignActivated.v1")[-1]["data"]
        assert data["productCount"] == len(expected)


def test_a_selection_is_resolved_when_its_campaign_is_activated(shop, promotions):
    """S1-27: who joins later is not in, and who leaves stays in, until it is deactivated and activated again."""
    address = made(shop)
    select(shop, address, {"brandUids": ["samsung"]})
    activate(shop, address)
    rows = [
        {"productUid": "tablet", "name": "Tablet", "price": 5, "brandUid": "samsung"},
        {"productUid": "galaxy", "name": "Galaxy", "price": 100, "brandUid": "rebranded"},
    ]
    ok(shop.post(f"{MINE}/products", json={"products": rows}))
    assert snapshot(promotions) == {"galaxy", "frame"}
    activate(shop, address)
    assert snapshot(promotions) == {"galaxy", "frame"}
    activate(shop, address, "INACTIVE")
    activate(shop, address)
    assert snapshot(promotions) == {"frame", "tablet"}


def test_only_rules_by_product_have_a_snapshot(shop, promotions):
    """S1-2, S1-18: a price list has its own products, a discount on the order is for all of it."""
    for body in (AUGUST, SOCKS | {"discountType": "ORDER_DISCOUNT"}):
        activate(shop, made(shop, body))
        data = promotions.events("promotions.SalesCampaignActivated.v1")[-1]["data"]
        assert data["productCount"] is None
    assert stored(promotions, SalesSnapshot) == []


def test_create_replaces_the_selection(shop, promotions):
    """S1-28, D21: by PUT and by POST; in the order it was written, each once, with the names of products."""
    address = made(shop)
    select(shop, address, {"productUids": ["mug", "iphone", "mug", "later"], "brandUids": ["b", "a"]})
    shown = ok(shop.get(address))["selection"]["include"]
    assert shown["products"] == [
        {"productUid": "mug", "name": "Mug"},
        {"productUid": "iphone", "name": "Iphone"},
        {"productUid": "later", "name": "later"},
    ]
    assert shown["brands"] == [{"brandUid": "b", "name": "b"}, {"brandUid": "a", "name": "a"}]
    replaced = ok(shop.post(f"{address}/selections", json={"create": {"exclude": {"categoryUids": ["new"]}}}))
    assert replaced["selection"]["include"]["products"] == []
    assert replaced["selection"]["exclude"]["categories"] == [{"categoryUid": "new", "name": "new"}]
    events = [event["data"] for event in promotions.events("promotions.SalesSelectionReplaced.v1")]
    assert events[0]["included"] == {"brands": 2, "categories": 0, "productGroups": 0, "products": 3}
    trail = ok(shop.get(f"{MINE}/audit?pageSize=1"))["items"][0]
    assert trail["changes"]["selection"][1] == {"include": {}, "exclude": {"categories": ["new"]}}
    before = everything(promotions)
    ok(shop.put(f"{address}/selections", json={"create": {"exclude": {"categoryUids": ["new", "new"]}}}))
    assert everything(promotions) == before


def test_no_selection_where_there_can_be_none(shop, promotions):
    """S1-36: nor does a campaign with one become a discount on the order, or a price list."""
    order = made(shop, SOCKS | {"discountType": "ORDER_DISCOUNT", "campaignUid": "order"})
    listed, rule = made(shop, AUGUST), made(shop)
    select(shop, rule, {"brandUids": ["apple"]})
    before = everything(promotions)
    for address in (order, listed):
        is_problem(shop.put(f"{address}/selections", json=SELECTION), 422, "validation_failed")
        ok(shop.put(f"{address}/selections", json={"create": {"include": {}, "exclude": {}}}))
    problem = is_problem(shop.put(rule, json={"discountType": "ORDER_DISCOUNT"}), 422, "validation_failed")
    assert fields_of(problem) == ["discountType"]
    assert everything(promotions) == before


BAD = [
    ({}, "create"),
    ({"create": None}, "create"),
    ({"create": {"include": {"brands": ["a"]}}}, "create.include.brands.0"),
    ({"create": {"include": {"brands": [{"name": "a"}]}}}, "create.include.brands.0.brandUid"),
    ({"create": {"include": {"brands": [{"brandUid": "a"}], "brandUids": ["b"]}}}, "create.include.brands"),
    ({"create": {"include": {"brandUids": "a"}}}, "create.include.brandUids"),
    ({"create": {"exclude": {"productUids": ["a\tb"]}}}, "create.exclude.productUids.0"),
    ({"create": {"exclude": {"productUids": [None]}}}, "create.exclude.productUids.0"),
    ({"create": {"include": {"productUids": ["x"] * 5001}}}, "create.include.productUids"),
    ({"update": {}}, "update"),
]


def test_bad_selections_are_refused_and_write_nothing(shop, promotions, subtests):
    address = made(shop)
    before = everything(promotions)
    for body, field in BAD:
        with subtests.test(body=body):
            assert field in fields_of(
                is_problem(shop.put(f"{address}/selections", json=body), 422, "validation_failed")
            )
    is_problem(shop.put(f"{MINE}/campaigns/none/selections", json=SELECTION), 404, "not_found")
    assert everything(promotions) == before


UIDS = {
    "brand": ["apple", "samsung", "x"],
    "category": ["mobile", "new", "x"],
    "product_group": ["PHONES", "SERVICES", "x"],
    "product": ["iphone", "mug", "x"],
}
WIRE = {"brand": "brandUids", "category": "categoryUids", "product_group": "productGroupUids", "product": "productUids"}
SIDES = st.fixed_dictionaries({}, optional={kind: st.lists(st.sampled_from(uids)) for kind, uids in UIDS.items()})


def terms(row):
    """What a product is, as rules know it."""
    terms = [("product", row["productUid"]), *(("category", category) for category in row.get("categoryUids", ()))]
    singles = (("brand", "brandUid"), ("product_group", "productGroupUid"))
    return terms + [(kind, row[key]) for kind, key in singles if key in row]


@generated(8)
@given(include=SIDES, exclude=SIDES)
def test_the_database_selects_what_the_rules_say(shop, promotions, include, exclude):
    """S1-23, S1-24, S1-25, S1-26: a snapshot is what a dry run of the same selection goes by."""
    address = made(shop, {name: value for name, value in SOCKS.items() if name != "campaignUid"})
    wire = [{WIRE[kind]: uids for kind, uids in side.items()} for side in (include, exclude)]
    select(shop, address, *wire)
    activate(shop, address)
    named = [{(kind, uid) for kind, uids in side.items() for uid in uids} for side in (include, exclude)]
    expected = {row["productUid"] for row in PHONES if selects(*named, terms(row))}
    assert snapshot(promotions, address.rpartition("/")[2]) == expected
