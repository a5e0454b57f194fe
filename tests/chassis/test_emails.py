"""Addresses of e-mail (D62): one mailbox has one spelling, in letters that every mail server takes."""

import unicodedata

import pytest

from chassis.core.emails import address_key, normal_address

EXAMPLE = "anna@xn--exmple-cua.com"


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("anna@exämple.com", EXAMPLE),
        (unicodedata.normalize("NFD", "anna@exämple.com"), EXAMPLE),
        (" anna@EXÄMPLE.COM ", EXAMPLE),
        ("anna@XN--EXMPLE-CUA.com", EXAMPLE),
        ("anna@ｅxämple.com", EXAMPLE),
        ("anna@exämple。com", EXAMPLE),
        ("Anna.B+x@Nordic.Example", "Anna.B+x@nordic.example"),
        ("o'brien@x.test", "o'brien@x.test"),
        ("a@straße.example", "a@xn--strae-oqa.example"),  # another domain than strasse.example
        ("a@пример.рф", "a@xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_an_address_is_written_one_way(typed, written):
    assert normal_address(typed) == written
    assert normal_address(written) == written
    assert address_key(typed) == address_key(written.upper().replace("XN--", "xn--")) == written.casefold()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "@x.com",
        "anna@",
        "anna@localhost",
        "anna@[127.0.0.1]",
        "anna@127.0.0.1",
        "änna@x.com",
        '"an na"@x.com',
        "an na@x.com",
        "anna@x.com\r\nBcc: b@x.com",
        "anna@x.com, b@x.com",
        "Anna <anna@x.com>",
        "\u202eanna@x.com",
        "anna@x.com\u200d",
        "anna@xn--a.com",
        "anna@-x.com",
        "anna@x..com",
        "a" * 65 + "@x.com",
        "anna@" + ".".join(["x" * 60] * 5) + ".com",
        "anna@x.com" * 100_000,
    ],
)
def test_what_is_no_address_is_none(text):
    assert normal_address(text) is None


def test_what_is_no_address_is_compared_as_text():
    """Those of before stay one user each, and can sign in."""
    assert address_key(" Anna@LocalHost ") == "anna@localhost"
    assert address_key("ÄNNA@x.com") == address_key(unicodedata.normalize("NFD", "änna@x.com"))
