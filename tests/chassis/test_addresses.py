"""Web addresses: accepted as people write them, stored as every reader understands them alike."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.addresses import encoded, encoded_host
from chassis.core.text import normal


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("https://shop.example/shoes?size=42#top", "https://shop.example/shoes?size=42#top"),
        ("https://shop.example/søk?q=blå", "https://shop.example/s%C3%B8k?q=bl%C3%A5"),
        ("https://shop.example/so\u0308k", "https://shop.example/s%C3%B6k"),
        ("https://søk.example/", "https://xn--sk-lka.example/"),
        ("https://BLÅBÆR.example", "https://xn--blbr-roah.example"),
        ("https://日本語。example/", "https://xn--wgv71a119e.example/"),
        ("HTTPS://Shop.Example/Path", "https://shop.example/Path"),
        ("  https://shop.example/  ", "https://shop.example/"),
        ("https://shop.example:8443/a", "https://shop.example:8443/a"),
        ("https://shop.example/%C3%A9?q=a%20b", "https://shop.example/%C3%A9?q=a%20b"),
        ("https://shop.example/50%", "https://shop.example/50%25"),
        ('https://shop.example/"<a>"|{b}', "https://shop.example/%22%3Ca%3E%22%7C%7Bb%7D"),
        ("https://shop.example?filter[a]=1&b=2;3", "https://shop.example?filter[a]=1&b=2;3"),
        ("https://shop.example/👩\u200d🎤", "https://shop.example/%F0%9F%91%A9%E2%80%8D%F0%9F%8E%A4"),
        ("http://r3---sn-4g5e.video.example/", "http://r3---sn-4g5e.video.example/"),
    ],
)
def test_addresses_are_stored_in_encoded_form(written, stored):
    assert encoded(written) == stored
    assert encoded(stored) == stored


@pytest.mark.parametrize(
    "bad",
    ["", "shop.example", "javascript:alert(1)", "//shop.example/", "https:/shop.example", "https:shop.example",
     "https://", "https:///path", "ftp://shop.example/", "https://user@shop.example/", "https://user:x@shop.example/",
     "https://shop.example@evil.example/", "https://shop.example\\@evil.example/", "https://shop.example/a\\b",
     "https://shop.example/a b", "https://shop .example/", "https://shop.example\t/", "https://shop.example/\u200b",
     "https://shop.example/\u202egnp.exe", "https://shop.example/\u00a0x", "https://shop\u2028.example/",
     "http://[::1]/", "https://shop.example:99999/", "https://shop.example:0/", "https://shop.example:x/",
     "https://sh%6Fp.example/", "https://-shop.example/", "https://shop..example/", "https://shop.example./",
     "https://a\uff0fb.example/", "https://i\u2764.example/", "https://shop_1.example/", "https://xn--a.\u0301/"],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(bad):
    assert encoded(bad) is None


@given(st.text(max_size=40))
def test_an_encoded_address_stays_as_it_is_and_is_plain(text):
    for address in (text, f"https://{text}", f"https://shop.example/{text}", f"https://{text}.example/?{text}#{text}"):
        stored = encoded(address)
        if stored is not None:
            assert encoded(stored) == stored
            assert stored.isascii()
            assert stored.isprintable()
            assert not set(stored) & set(' "<>\\^`{|}')
            assert urlsplit(stored).hostname


@given(st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=20))
def test_letters_of_a_path_mean_the_same_afterwards(name):
    stored = encoded(f"https://shop.example/{name}")
    assert stored is not None
    assert unquote(urlsplit(stored).path) == f"/{normal(name)}"


def test_hosts_by_themselves():
    """As an allow-list names them."""
    assert encoded_host("Søk.Example") == "xn--sk-lka.example"
    for bad in ("", "a b", "a/b", "a@b", "*.example", "x" * 64 + ".example"):
        assert encoded_host(bad) is None
