"""Uids of any letters are reachable (D60); text is one text however it was typed, and found in any case (D62)."""

from unicodedata import normalize
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugin.matrix import generated
from tests.promotions.helpers import MINE, fields_of, is_problem, ok
from tests.promotions.sales.helpers import CAMPAIGNS, LISTS, SOCKS

LETTERS = "abzAZ019-_./:%;\\ ?#&+åß語"
UIDS = st.text(LETTERS, min_size=1, max_size=40).filter(lambda uid: uid.strip() not in ("", ".", ".."))
ALL = SOCKS | {"storeUids": []}


def write(client, uid):
    """One thing of each kind with this uid, and where each is read."""
    row = {"productUid": uid, "name": "P", "price": 10, "brandUid": uid, "productGroupUid": uid, "categoryUids": [uid]}
    variants = [{"variantUid": f"{uid.strip()}/v"}]
    [result] = ok(client.post(f"{MINE}/products", json={"products": [row | {"variants": variants}]}))["results"]
    assert result["status"] != "rejected", result
    client.post(f"{MINE}/stores", json={"storeUid": uid, "name": "S"})
    client.post(f"{MINE}/customergroups", json={"customerGroupUid": uid, "name": "G"})
    entries = [{"productUid": uid, "price": 5}, {"productUid": f"{uid.strip()}/v", "price": 4}]
    client.post(LISTS, json={"pricelistUid": uid, "name": "L", "products": entries})
    campaign = {"campaignUid": uid, "storeUids": [uid], "customerGroupUid": uid}
    client.post(CAMPAIGNS, json=SOCKS | campaign)
    written = quote(uid, safe="")
    kinds = ("products", "stores", "customergroups", "pricelists", "campaigns")
    return {kind: f"{MINE}/{kind}/{written}" for kind in kinds}


KEYS = {
    "products": "productUid",
    "stores": "storeUid",
    "customergroups": "customerGroupUid",
    "pricelists": "pricelistUid",
    "campaigns": "campaignUid",
}


@generated(20)
@given(uid=UIDS)
def test_every_accepted_uid_is_reachable(rolf, uid):
    """D60: read and changed under its uid, percent-encoded, and found by it in queries; spaces around do not count."""
    addresses, taken = write(rolf, uid), uid.strip()
    for kind, address in addresses.items():
        read = ok(rolf.get(address))
        assert read[KEYS[kind]] == taken
        if kind != "products":
            assert ok(rolf.put(address, json=read)) == read
    written = quote(uid, safe="")
    for name in ("brandUid", "productGroupUid", "categoryUid"):
        assert [item["productUid"] for item in ok(rolf.get(f"{MINE}/products?{name}={written}"))["items"]] == [taken]
    kinds = ("productUids", "brandUids", "productGroupUids", "categoryUids")
    selection = {
        "create": {"include": {kind: [uid] for kind in kinds}, "exclude": {"productUids": [f"{uid.strip()}/v"]}}
    }
    selected = rolf.put(f"{CAMPAIGNS}/{written}/selections", json=selection)
    assert ok(selected)["selection"]["include"]["products"] == [{"productUid": taken, "name": "P"}]
    assert "Concord-Warnings" not in selected.headers
    for below in ("warnings", "limits"):
        assert ok(rolf.get(f"{CAMPAIGNS}/{written}/{below}"))["campaignUid"] == taken
    assert len(ok(rolf.get(f"{LISTS}/{written}/products"))["items"]) == 2
    removed = ok(rolf.put(f"{LISTS}/{written}/products", json={"remove": [uid]}))
    assert [item["productUid"] for item in removed["products"]] == [f"{uid.strip()}/v"]
    ok(rolf.put(f"{LISTS}/{written}/products", json={"add": [{"productUid": uid, "price": 5}]}))


UNREACHABLE = [".", "..", " .. ", "", " ", "a\tb", "a\nb", "a\x00b", "a\x7f", "a\u202eb", "a\u200bb", "x" * 101]


@pytest.mark.parametrize("uid", UNREACHABLE)
def test_a_uid_that_no_path_can_have_is_refused(rolf, uid):
    """D60: in every place of a uid."""
    if "\x00" in uid:
        is_problem(rolf.post(f"{MINE}/stores", json={"storeUid": uid, "name": "S"}), 400, "malformed")
        return
    row = {"productUid": "p", "name": "P", "price": 1}
    rows = [
        row | {"productUid": uid},
        row | {"brandUid": uid},
        row | {"productGroupUid": uid},
        row | {"categoryUids": [uid]},
        row | {"variants": [{"variantUid": uid}]},
    ]
    results = ok(rolf.post(f"{MINE}/products", json={"products": rows}))["results"]
    assert {item["status"] for item in results} == {"rejected"}
    bodies = [
        ("stores", {"storeUid": uid, "name": "S"}),
        ("customergroups", {"customerGroupUid": uid, "name": "G"}),
        ("pricelists", {"pricelistUid": uid, "name": "L"}),
        ("campaigns", ALL | {"campaignUid": uid}),
    ]
    for kind, body in bodies:
        problem = is_problem(rolf.post(f"{MINE}/{kind}", json=body), 422, "validation_failed")
        assert fields_of(problem) == [KEYS[kind]]


COMPOSED, DECOMPOSED = (normalize(form, "Café å") for form in ("NFC", "NFD"))


def test_two_spellings_of_a_uid_are_one_uid(rolf):
    """D62: Café is Café, in bodies and in paths."""
    assert COMPOSED != DECOMPOSED
    ok(rolf.post(f"{MINE}/stores", json={"storeUid": DECOMPOSED, "name": DECOMPOSED}), 201)
    is_problem(rolf.post(f"{MINE}/stores", json={"storeUid": COMPOSED, "name": "S"}), 409, "store_exists")
    for spelling in (COMPOSED, DECOMPOSED):
        address = f"{MINE}/stores/{quote(spelling)}"
        assert ok(rolf.get(address)) == {"storeUid": COMPOSED, "name": COMPOSED}
        assert ok(rolf.post(CAMPAIGNS, json=ALL | {"campaignUid": "c" + spelling[-1], "storeUids": [spelling]}), 201)


NAMES = {
    "ru": ("Скидки в Москве", "москве"),
    "sv": ("Årets ÄPPLEN", "äpplen"),
    "de": ("Großer Räumungsverkauf", "GROSSER RÄUMUNG"),
    "gr": ("ΕΚΠΤΏΣΕΙΣ", "εκπτώσεις"),
    "fr": (normalize("NFD", "CAFÉ crème"), normalize("NFC", "café CRÈME")),
    "percent": ("Now 100% off_", "100% OFF_"),
}


@pytest.mark.parametrize("key", NAMES)
def test_campaigns_are_found_in_any_case_for_all_letters(rolf, key):
    """D62: by query, name, display name and code, in either spelling, and nothing else is."""
    name, words = NAMES[key]
    code = name[:50]
    ok(rolf.post(CAMPAIGNS, json=ALL | {"campaignUid": "there", "name": name, "displayName": name}), 201)
    ok(rolf.post(CAMPAIGNS, json=ALL | {"campaignUid": "other", "name": "100 offs", "displayName": "Cafe"}), 201)
    ok(rolf.put(f"{CAMPAIGNS}/there", json={"campaignCode": code}))
    wholly = {"campaignCode": code.swapcase()}
    for body in ({"query": words}, {"name": words}, {"displayName": words}, wholly, {"query": words.upper()}):
        items = ok(rolf.post(f"{CAMPAIGNS}/search", json=body))["items"]
        assert [item["campaignUid"] for item in items] == ["there"], body
    listed = ok(rolf.get(f"{CAMPAIGNS}?query={quote(words)}"))["items"]
    assert [item["campaignUid"] for item in listed] == ["there"]
    ok(rolf.put(f"{CAMPAIGNS}/there", json={"name": "Renamed", "displayName": "x", "campaignCode": ""}))
    assert ok(rolf.post(f"{CAMPAIGNS}/search", json={"query": words}))["items"] == []


@pytest.mark.parametrize("key", NAMES)
def test_products_are_found_in_any_case_for_all_letters(rolf, key):
    """D62: by name and by uid, and by a new name after a change."""
    name, words = NAMES[key]
    rows = [{"productUid": "x", "name": name, "price": 1}, {"productUid": name, "name": "y", "price": 1}]
    rows.append({"productUid": "other", "name": "100 offs, Cafe", "price": 1})
    ok(rolf.post(f"{MINE}/products", json={"products": rows}))
    items = ok(rolf.get(f"{MINE}/products?q={quote(words)}"))["items"]
    assert {item["productUid"] for item in items} == {"x", normalize("NFC", name)}
    ok(rolf.post(f"{MINE}/products", json={"products": [rows[0] | {"name": "Now other"}]}))
    items = ok(rolf.get(f"{MINE}/products?q={quote(words)}"))["items"]
    assert [item["productUid"] for item in items] == [normalize("NFC", name)]
    assert [item["productUid"] for item in ok(rolf.get(f"{MINE}/products?q=NOW+OTHER"))["items"]] == ["x"]


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\x07b", "a\u202eb", "a\u2028b"])
def test_names_are_one_line_without_invisible_characters(rolf, name):
    for kind, body in (
        ("stores", {"storeUid": "s", "name": name}),
        ("customergroups", {"customerGroupUid": "g", "name": name}),
        ("pricelists", {"pricelistUid": "l", "name": name}),
        ("campaigns", ALL | {"name": name}),
        ("campaigns", ALL | {"displayName": name}),
    ):
        is_problem(rolf.post(f"{MINE}/{kind}", json=body), 422, "validation_failed")
    row = {"productUid": "p", "name": name, "price": 1}
    [result] = ok(rolf.post(f"{MINE}/products", json={"products": [row]}))["results"]
    assert result["status"] == "rejected"
