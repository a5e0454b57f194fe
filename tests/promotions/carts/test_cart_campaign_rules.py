"""Cart campaigns and linked products (S4): ids that nobody sells, variants, names without case (D54, D62, D65, D68)."""

import pytest

from tests.promotions.carts.campaign_helpers import (
    CAMPAIGNS,
    EXAMPLE,
    LINKED,
    campaign,
    last_id,
    link,
    linked,
    made,
    names,
    plain,
    refused,
)
from tests.promotions.helpers import MINE, everything, ok

CATALOGUE = [
    {"productUid": "shirt", "name": "S", "price": 1, "variants": [{"variantUid": "s-1"}, {"variantUid": "s-2"}]},
    {"productUid": "hat", "name": "H", "price": 1, "variants": [{"variantUid": "h-1"}]},
    {"productUid": "cap", "name": "C", "price": 1},
]


@pytest.fixture
def seller(rolf):
    ok(rolf.post(f"{MINE}/products", json={"products": CATALOGUE}))
    return rolf


def warned(answer):
    """What an answer warns of, by its place; the header says the same codes."""
    warnings = answer.json.get("warnings", [])
    assert answer.headers.get("Concord-Warnings") == ("unknown_product" if warnings else None)
    assert {item["code"] for item in warnings} <= {"unknown_product"}
    assert all(item["count"] == len(item["uids"]) for item in warnings)
    return {item["message"].partition(":")[0]: item["uids"] for item in warnings}


def test_ids_that_the_catalogue_does_not_have_are_taken_with_a_warning(seller):
    """D68: in the filter and the mandatory products; variants are known."""
    lists = {"products": [{"id": "shirt"}, {"id": "shrit"}, {"id": "s-1"}], "mandatoryProducts": [{"id": "ht"}]}
    answer = seller.post(CAMPAIGNS, json=campaign(**lists))
    assert warned(answer) == {"products": ["shrit"], "mandatoryProducts": ["ht"]}
    address = answer.headers["Location"]
    assert "warnings" not in ok(seller.get(address))
    again = seller.put(address, json=answer.json)
    assert (again.status_code, warned(again)) == (200, warned(answer))
    assert warned(seller.put(address, json=campaign(products=[{"id": "cap"}]))) == {}


@pytest.mark.parametrize(
    ("base", "dependent", "expected"),
    [
        ("hat", "s-1", {}),
        ("hta", "s-1", {"baseProduct": ["hta"]}),
        ("h-1", "cpa", {"linkedProduct": ["cpa"]}),
    ],
)
def test_a_link_to_an_unknown_product_is_taken_with_a_warning(seller, base, dependent, expected):
    """D68: base and linked product, each by its name."""
    answer = seller.post(LINKED, json=link(last_id(made(seller)), base, dependent))
    assert (answer.status_code, warned(answer)) == (201, expected)
    assert warned(seller.put(answer.headers["Location"], json=answer.json)) == expected


def test_a_thousand_unknown_ids_are_one_short_warning(seller):
    """D68: the number is of all, and the first are named."""
    ids = [{"id": f"x{number}"} for number in range(1000)]
    [only] = ok(seller.post(CAMPAIGNS, json=campaign(products=ids)), 201)["warnings"]
    assert (only["count"], len(only["uids"])) == (1000, 50)
    assert len(only["message"]) < 200


def test_a_variants_id_means_that_variant_where_no_mode_is_given(seller):
    """D68, S4-23: a mode that is given is kept, and an answer says which one holds."""
    address = made(
        seller, products=[{"id": "shirt"}, {"id": "s-1"}, {"id": "s-2", "matchMode": "product"}, {"id": "x"}]
    )
    modes = [item["matchMode"] for item in ok(seller.get(address))["products"]]
    assert modes == ["product", "variant", "product", "product"]
    pair = ok(seller.get(linked(seller, address, base="h-1", linked="s-1")))
    assert (pair["baseProduct"]["matchMode"], pair["linkedProduct"]["matchMode"]) == ("variant", "variant")


def test_an_answer_can_be_written_back(seller):
    """D65: whatever was answered, by a write or a read, as it stands."""
    created = ok(seller.post(CAMPAIGNS, json=EXAMPLE), 201)
    address = f"{CAMPAIGNS}/{created['id']}"
    first = ok(seller.put(address, json=created))
    second = ok(seller.put(address, json=ok(seller.get(address))))
    server_set = {"dbVersion": 0, "updateDate": 0}
    assert plain(created) | server_set == plain(first) | server_set == plain(second) | server_set
    pair = linked(seller, address, base="hta")
    for _ in range(2):
        ok(seller.put(pair, json=ok(seller.put(pair, json=ok(seller.get(pair))))))


@pytest.fixture
def filtered(seller):
    """Campaigns for products and variants, each named after what its filter has."""
    for product_id, mode in (
        ("shirt", "product"),
        ("shirt", "variant"),
        ("s-1", "product"),
        ("s-1", "variant"),
        ("s-2", "variant"),
        ("hat", "product"),
        ("gone", "product"),
    ):
        made(seller, f"{product_id} {mode}", products=[{"id": product_id, "matchMode": mode}])
    return seller


SHIRTS = ["shirt product", "shirt variant", "s-1 product", "s-1 variant"]
BY_PRODUCT = [
    ("shirt", [*SHIRTS, "s-2 variant"]),
    ("s-1", SHIRTS),
    ("s-2", ["shirt product", "shirt variant", "s-1 product", "s-2 variant"]),
    ("h-1", ["hat product"]),
    ("cap", []),
    ("gone", ["gone product"]),
]


@pytest.mark.parametrize(("product_id", "expected"), BY_PRODUCT)
def test_a_filter_finds_products_by_their_variants_and_the_other_way_round(filtered, product_id, expected):
    """S4-3, D54."""
    assert names(filtered, f"?products.id={product_id}") == expected
    only = [name for name in expected if name.endswith("variant")]
    assert names(filtered, f"?products.id={product_id}&products.matchMode=variant") == only


def test_linked_products_are_found_by_variants_too(seller):
    """S4-19, D54: on both sides."""
    address = made(seller)
    pairs = [linked(seller, address, base=base, linked=other) for base, other in (("shirt", "h-1"), ("s-1", "hat"))]
    linked(seller, address, base="s-2", linked="cap")

    def listed(query):
        return [f"{LINKED}/{item['id']}" for item in ok(seller.get(f"{LINKED}?{query}"))["items"]]

    assert listed("baseProduct.id=s-1") == pairs
    assert listed("linkedProduct.id=hat") == listed("linkedProduct.id=h-1") == pairs
    assert len(listed("baseProduct.id=shirt")) == 3
    assert listed("baseProduct.id=s-1&linkedProduct.id=cap") == []


def test_a_size_beyond_the_largest_is_served_as_that(rolf):
    """D54: and the answer says so."""
    for size in (201, 500, 2**40):
        for path in (CAMPAIGNS, LINKED):
            assert ok(rolf.get(f"{path}?size={size}"))["size"] == 200
    assert ok(rolf.get(f"{CAMPAIGNS}?size=200"))["size"] == 200


SAME = [("Påske", "PÅSKE"), ("Café", "Cafe\u0301"), ("Straße", "STRASSE"), ("Москва", "москва")]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_names_that_read_alike_are_one_name(rolf, promotions, first, second):
    """S4-9, D62: with the customer, whose key is compared as it is; a list finds them so too."""
    address = made(rolf, first, customerId="shop-1")
    other = made(rolf, "other", customerId="shop-1")
    before = everything(promotions)
    refused(rolf.post(CAMPAIGNS, json=campaign(second, customerId="shop-1")), 409, "Conflict")
    refused(rolf.put(other, json=campaign(second, customerId="shop-1")), 409, "Conflict")
    assert everything(promotions) == before
    made(rolf, second, customerId="SHOP-1")
    ok(rolf.put(address, json=campaign(second, customerId="shop-1")))
    assert len(names(rolf, f"?name=%20{first}")) == 2


BAD_TEXT = ["Spring\nSale", "Spring\rSale", "\x1b[31mSpring", "Spring\u202eelaS", "Spring\u2028Sale"]


@pytest.mark.parametrize("text", BAD_TEXT)
def test_names_are_one_line(rolf, promotions, text):
    """D62: no control characters, line breaks or direction overrides, which a link could not show."""
    before = everything(promotions)
    assert "name" in refused(rolf.post(CAMPAIGNS, json=campaign(text)), 400, "Bad Request")
    assert "customerId" in refused(rolf.post(CAMPAIGNS, json=campaign(customerId=text)), 400, "Bad Request")
    assert everything(promotions) == before


def test_a_description_has_lines_but_no_direction_overrides(rolf, promotions):
    """D62."""
    before = everything(promotions)
    refused(rolf.post(CAMPAIGNS, json=campaign(description="x\u202ey")), 400, "Bad Request")
    assert everything(promotions) == before
    assert ok(rolf.get(made(rolf, description="One\n\ttwo")))["description"] == "One\n\ttwo"


ANY_LETTERS = "a-_./:%;\\ å"


def test_a_customers_key_may_have_any_letters(rolf):
    """D60: it stands in bodies and queries, percent-encoded."""
    made(rolf, customerId=ANY_LETTERS)
    page = ok(rolf.get(CAMPAIGNS, query_string={"customerId": ANY_LETTERS}))
    assert [item["customerId"] for item in page["items"]] == [ANY_LETTERS]
