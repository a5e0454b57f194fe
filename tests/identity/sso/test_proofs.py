"""What a provider's ID token must prove before anybody is signed in (OpenID Connect Core, 3.1.3.7)."""

import jwt
import pytest
from joserfc.jwk import KeySet, OctKey

from chassis.core.clock import utcnow
from tests.identity.sso.conftest import LARS, is_page, is_signed_in, rows_of
from tests.identity.sso.provider import CLIENT, SECRET

WRONG = {
    "another audience": {"aud": ["somebody-else"]},
    "two audiences, the other one meant": {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
    "two audiences, nobody meant": {"aud": [CLIENT, "somebody-else"]},
    "another party": {"azp": "somebody-else"},
    "another issuer": {"iss": "https://login.example"},
    "no issuer": {"iss": None},
    "another nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "an empty nonce": {"nonce": ""},
    "another access token": {"at_hash": "x" * 22},
    "no subject": {"sub": ""},
    "a long subject": {"sub": "x" * 256},
    "a subject that is no text": {"sub": 7},
    "no end": {"exp": None},
    "an end as text": {"exp": "tomorrow"},
}


@pytest.mark.parametrize("lies", WRONG.values(), ids=WRONG)
def test_an_id_token_for_somebody_else_opens_nothing(identity, provider, slug, configured, browser, lies):
    """OpenID Connect Core, 3.1.3.7."""
    before = rows_of(identity)
    before["sign_ins"] += 1  # that somebody was not let in, and nothing else
    provider.lies = lies
    is_page(browser.sign_in(slug), 403, "could not be verified")
    assert rows_of(identity) == before


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
def test_clocks_may_be_two_minutes_apart(provider, slug, configured, browser, claim):
    now = int(utcnow().timestamp())
    sign = -1 if claim == "exp" else 1
    provider.lies = {claim: now + sign * 110}
    is_signed_in(browser.sign_in(slug))
    provider.lies = {claim: now + sign * 140}
    is_page(browser.sign_in(slug), 403, "could not be verified")


@pytest.mark.parametrize("claim", [False, None, "true", 1])
def test_an_unverified_address_is_nobodys(identity, provider, slug, configured, browser, claim):
    before = rows_of(identity)
    before["sign_ins"] += 1  # that somebody was not let in, and nothing else
    provider.person["email_verified"] = claim
    is_page(browser.sign_in(slug), 403, "e-mail address is not verified")
    assert rows_of(identity) == before


@pytest.mark.parametrize("email", ["lars", "", None, 7, "lars@nordic-heating.example\nBcc: x@y.example"])
def test_what_is_no_address_is_nobodys(provider, slug, configured, browser, email):
    provider.person["email"] = email
    is_page(browser.sign_in(slug), 403, "e-mail address is not verified")


def test_a_token_that_another_key_has_signed_opens_nothing(provider, slug, configured, browser):
    honest = provider.published
    provider.rotate()
    provider.published = honest
    is_page(browser.sign_in(slug), 403, "could not be verified")


def test_a_token_signed_with_a_shared_secret_opens_nothing(provider, slug, configured, browser):
    is_signed_in(browser.sign_in(slug))
    provider.algorithm = "HS256"
    provider.signing = OctKey.import_key(SECRET + "x" * 32, {"kid": "first"})
    provider.published = KeySet([provider.signing])
    is_page(browser.sign_in(slug), 403, "could not be verified")


def test_an_unsigned_token_opens_nothing(provider, slug, configured, browser):
    def unsigned():
        (code,) = provider.codes.values()
        now = int(utcnow().timestamp())
        claims = {**LARS, "iss": provider.url, "aud": CLIENT, "nonce": code.nonce, "iat": now, "exp": now + 600}
        token = jwt.encode(claims, None, algorithm="none")
        return {"access_token": "a", "token_type": "Bearer", "id_token": token}

    provider.answers["/token"] = unsigned
    is_page(browser.sign_in(slug), 403, "could not be verified")


@pytest.mark.parametrize("token", [None, 7, "", "a.b.c", "x" * 100_000])
def test_without_an_id_token_nobody_is_signed_in(provider, slug, configured, browser, token):
    provider.answers["/token"] = lambda: {"access_token": "a", "token_type": "Bearer", "id_token": token}
    is_page(browser.sign_in(slug), 403, "could not be verified")


# Keys


def test_rotated_keys_are_fetched_once_for_a_key_that_is_not_known(provider, slug, configured, browser):
    is_signed_in(browser.sign_in(slug))
    provider.rotate("second")
    is_signed_in(browser.sign_in(slug))
    assert provider.asked.count("/keys") == 2
    is_signed_in(browser.sign_in(slug))
    assert provider.asked.count("/keys") == 2


def test_made_up_keys_do_not_make_us_ask_again_and_again(provider, slug, configured, browser):
    is_signed_in(browser.sign_in(slug))
    published = provider.published
    for number in range(4):
        provider.rotate(f"made-up-{number}")
        provider.published = published
        is_page(browser.sign_in(slug), 403, "could not be verified")
    assert provider.asked.count("/keys") == 2


def test_keys_without_a_name_can_be_rotated_too(provider, slug, configured, browser):
    provider.rotate(None)
    is_signed_in(browser.sign_in(slug))
    provider.rotate(None)
    is_signed_in(browser.sign_in(slug))


def test_an_elliptic_key_is_as_good_and_an_unknown_kind_spoils_nothing(provider, slug, configured, browser):
    provider.sign_with_elliptic_key()
    keys = [{"kty": "ML-DSA", "kid": "new"}, "x", *provider.published.as_dict(private=False)["keys"]]
    provider.answers["/keys"] = lambda: {"keys": keys}
    is_signed_in(browser.sign_in(slug))
