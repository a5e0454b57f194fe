"""Rules of links: where they may lead, and their codes, without a database."""

from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from chassis.core.addresses import encoded
from services.affiliates.links.rules import clean_code, link_code, may_lead_to, merchant_of_code, with_click
from services.affiliates.merchants.rules import slug


@given(st.text(max_size=30))
def test_a_host_is_read_in_one_way_only(text):
    """No redirect is open: what we take for an allowed host, nobody takes for another."""
    for address in (text, f"https://{text}", f"https://shop.example{text}", f"https://{text}shop.example/"):
        if may_lead_to(address, ["shop.example"]):
            host = urlsplit(encoded(address)).hostname
            rest = encoded(address).partition("://")[2]
            authority = rest.split("/")[0].split("?")[0].split("#")[0]
            assert authority.lower().startswith(host)
            assert host == "shop.example" or host.endswith(".shop.example")
            assert not set(authority) & set("@\\ \t\n")


def test_the_click_goes_into_the_query():
    assert with_click("https://shop.example/?a=1#b", "7") == "https://shop.example/?a=1&clickId=7#b"


@given(st.text(max_size=20), st.sampled_from(["dashain-market.bina-sale-abcde", "a-b.c-d-e2345"]))
def test_a_code_is_found_in_the_text_around_it(around, code):
    """D64: whatever stands there but letters and digits."""
    quotes = "".join(character for character in around if not (character.isascii() and character.isalnum()))
    for written in (f"{quotes}{code}{quotes}", f"{code.upper()}{quotes}", code):
        assert clean_code(written) == code
    assert clean_code(quotes) == ""
    assert clean_code("." * 100_000 + "a") == "a"


def test_codes_can_be_read_and_say_whose_they_are():
    assert (
        link_code("dashain-market", "Bína G.", "Dashain: 50 % off!", "abcde")
        == "dashain-market.bina-g-dashain-50-off-abcde"
    )
    assert merchant_of_code("dashain-market.x-y-abcde") == "dashain-market"
    assert (slug("दशैं"), slug("-a--b-"), len(slug("x" * 99))) == ("x", "a-b", 24)
