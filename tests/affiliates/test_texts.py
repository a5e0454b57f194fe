"""Names, addresses and terms that merchants write (D62)."""

import pytest

from tests.affiliates.helpers import (
    AFFILIATES,
    CAMPAIGNS,
    CONVERSIONS,
    KEYED,
    activated,
    linked,
    ok,
    refused,
    reported,
    settled,
    without_links_in_memory,
)


def apply(client, email, name="Bina"):
    return client.post(AFFILIATES, json={"name": name, "email": email})


@pytest.mark.parametrize(
    "again",
    ["bina@exämple.example", "BINA@EXÄMPLE.example", "bina@exa\u0308mple.example", "bina@xn--exmple-cua.example",
     " Bina@XN--EXMPLE-CUA.example "],
)  # fmt: skip
def test_a_mailbox_applies_once_however_it_is_written(shop, again):
    """D62: without case, with its domain as DNS knows it."""
    first = ok(apply(shop, "Bina@Exämple.example"), 201)
    assert first["email"] == "Bina@xn--exmple-cua.example"
    refused(apply(shop, again), 409, "already")
    ok(apply(shop, "bina2@exämple.example"), 201)


def test_a_buyer_is_the_affiliate_however_the_address_is_written(shop, affiliates):
    """D62: self-referral."""
    without_links_in_memory(affiliates)
    bina = ok(apply(shop, "bina@exämple.example"), 201)["id"]
    ok(shop.post(f"{AFFILIATES}/{bina}/approve"))
    code = linked(shop, activated(shop), bina)
    click_id = affiliates.client(None).get(f"/r/{code}").headers["Location"].partition("clickId=")[2]
    reported(shop, "A-1", clickId=click_id, customerEmail=" BINA@exa\u0308mple.example")
    settled(affiliates)
    assert [flag["code"] for flag in ok(shop.get(f"{CONVERSIONS}/A-1"))["flags"]] == ["self_referral"]


@pytest.mark.parametrize("bad", ["A\nB", "A\rB", "A\tB", "A\x00B", "A\u202eB", "A\u2028B", "A\x85B", "\u200b", " "])
def test_names_are_one_line(shop, bad):
    """D62: of affiliates, campaigns and products."""
    assert apply(shop, "bina@blog.example", name=bad).status_code == 400
    assert shop.post(CAMPAIGNS, json={"title": bad}).status_code == 400
    product = {"externalId": "A", "name": bad, "price": 1}
    answer = shop.post(f"{KEYED}/products", json={"products": [product]})
    assert answer.status_code == 400 or answer.json["results"][0]["status"] == "rejected"


@pytest.mark.parametrize("name", ["Björk & Söner", "Zoë\u00a0B", "👩\u200d🎤 Mia", "दशैं बजार", "O\u2019Hara"])
def test_names_in_all_letters_are_taken(shop, name):
    """D62."""
    assert ok(apply(shop, "bina@blog.example", name=name), 201)["name"] == name


def test_terms_may_have_several_lines(shop):
    """D62: but no overrides."""
    for field in ("description", "termsAndConditions"):
        text = "First.\n\n\t- Second.\r\nThird."
        created = ok(shop.post(CAMPAIGNS, json={"title": "Sale", field: text}), 201)
        assert ok(shop.get(f"{CAMPAIGNS}/{created['id']}"))[field] == text
        for bad in ("a\x07b", "a\u202eb"):
            refused(shop.post(CAMPAIGNS, json={"title": "Sale", field: bad}), 400, field)
        ok(shop.post(CAMPAIGNS, json={"title": "Sale", field: ""}), 201)
