"""How the keys to check tokens with are fetched, kept and renewed."""

import json

import pytest

from chassis.http.client import FetchError
from gateway.jwks import KeySet
from tests.gateway.fakes import FakeIdentity, Planned, eventually

PATH = "/api/v1/campaigns"


def test_a_new_key_is_fetched_when_a_token_names_it(start_gateway, identity: FakeIdentity) -> None:
    call = start_gateway()
    assert call("GET", PATH).status_code == 200
    identity.add_key("k2")
    call.token = identity.token(kid="k2")
    assert call("GET", PATH).status_code == 200


def test_a_document_that_begins_with_a_byte_order_mark_is_read(start_gateway, identity: FakeIdentity) -> None:
    """Some issuers' servers write one."""
    identity.plan(
        "/.well-known/jwks.json", lambda _: Planned(body=b"\xef\xbb\xbf" + json.dumps(identity.jwks()).encode())
    )
    assert start_gateway()("GET", PATH).status_code == 200


def test_a_flood_of_unknown_keys_makes_one_fetch(start_gateway, identity: FakeIdentity) -> None:
    call = start_gateway()
    good = call.token
    assert call("GET", PATH).status_code == 200
    before = identity.jwks_fetches()
    for number in range(300):
        call.token = identity.token(header={"kid": f"unknown-{number}"})
        assert call("GET", PATH).status_code == 401
    call.token = good
    assert call("GET", PATH).status_code == 200
    assert identity.jwks_fetches() - before <= 1


def test_signed_in_users_go_on_while_identity_is_away(start_gateway, identity: FakeIdentity) -> None:
    call = start_gateway()
    assert call("GET", PATH).status_code == 200
    identity.stop()
    try:
        assert call("GET", PATH).status_code == 200
        call.token = identity.token(tenant=call.tenant)  # not seen before, checked with the kept keys
        assert call("GET", PATH).status_code == 200
        assert call("GET", "/api/v1/me").status_code == 503
    finally:
        identity.start()


def test_a_gateway_that_never_had_keys_says_so(start_gateway, identity: FakeIdentity) -> None:
    identity.plan("/.well-known/jwks.json", Planned(500))
    call = start_gateway()
    answer = call("GET", PATH)
    assert (answer.status_code, answer.json["code"]) == (503, "upstream_unavailable")
    identity.reset()
    assert eventually(lambda: call("GET", PATH).status_code == 200)


class Clock:
    """Stands for ``time.monotonic``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("gateway.jwks.time.monotonic", lambda: self.now)


def test_keys_live_ten_minutes_and_longer_while_the_issuer_is_away(
    monkeypatch: pytest.MonkeyPatch, identity: FakeIdentity
) -> None:
    clock, fetched = Clock(monkeypatch), []
    documents = [identity.jwks(), FetchError("away"), {"keys": "nonsense"}, {"keys": []}]

    def fetch(uri: str) -> dict:
        fetched.append(clock.now)
        document = documents[min(len(fetched), len(documents)) - 1]
        if isinstance(document, Exception):
            raise document
        return document

    keys = KeySet("http://identity", fetch)
    for second in range(0, 720, 10):
        clock.now = 1000.0 + second
        keys.refresh()
        assert keys.get("k1") is not None
    assert [int(at - 1000) for at in fetched] == [0, 600, 630, 660, 690]


def test_an_unknown_key_is_asked_for_every_thirty_seconds(
    monkeypatch: pytest.MonkeyPatch, identity: FakeIdentity
) -> None:
    clock, fetched = Clock(monkeypatch), []
    keys = KeySet("http://identity", lambda uri: fetched.append(clock.now) or identity.jwks())
    keys.refresh()
    for second in range(100):
        clock.now = 1000.0 + second
        assert keys.get("nobody") is None
    assert [int(at - 1000) for at in fetched] == [0, 0, 30, 60, 90]


def test_keys_of_other_kinds_are_left_out(identity: FakeIdentity) -> None:
    good = identity.jwks()["keys"][0]
    odd = [
        {"kty": "oct", "kid": "a", "k": "c2VjcmV0"},
        good | {"kid": "b", "use": "enc"},
        good | {"kid": 7},
        {"kty": "OKP", "kid": "c", "crv": "Ed25519", "x": "!"},
        {"kty": "new", "kid": "d"},
        "nonsense",
    ]
    keys = KeySet("http://identity", lambda uri: {"keys": [*odd, good]})
    keys.refresh()
    assert keys.get("k1") is not None
    assert [keys.get(kid) for kid in "abcd"] == [None] * 4
