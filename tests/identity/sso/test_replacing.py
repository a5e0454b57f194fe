"""A sign-in by a provider in a browser that is signed in already."""

from uuid import UUID

import pytest

from tests.identity.conftest import PASSWORD, is_oauth_error
from tests.identity.sso.conftest import ANNA, is_page, is_signed_in


@pytest.fixture
def signed_in_browser(identity, anna, browser):
    """Anna has signed in with her password in this browser; ``browser`` keeps the cookie."""
    answer = identity.nobody.post(
        "/session",
        json={"username": ANNA, "password": PASSWORD},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    (cookie,) = answer.headers.getlist("Set-Cookie")
    browser.cookies["concord_session"] = cookie.partition(";")[0].partition("=")[2]
    return browser


def is_over(identity, token):
    is_oauth_error(identity.refresh(token), 400, "invalid_grant")


@pytest.mark.parametrize("site", ["another", "the same"])
def test_a_sign_in_replaces_the_one_that_the_browser_still_has(identity, slug, configured, signed_in_browser, site):
    """As ``POST /session`` does. A browser keeps a cookie that is ``SameSite=Strict`` back on the way from another
    site, and sends it from a provider within our own."""
    browser, earlier = signed_in_browser, signed_in_browser.cookies["concord_session"]
    location = browser.at_provider(browser.start(slug))
    if site == "another":
        del browser.cookies["concord_session"]
    is_signed_in(browser.come_back(location))
    assert browser.cookies["concord_session"] != earlier
    assert identity.refresh(browser.cookies["concord_session"]).status_code == 200
    is_over(identity, earlier)


def test_what_was_renewed_meanwhile_is_replaced_too(identity, slug, configured, signed_in_browser):
    browser, ended = signed_in_browser, identity.feed()["revoked"]
    location = browser.at_provider(browser.start(slug))
    renewed = identity.refresh(browser.cookies.pop("concord_session")).json
    is_signed_in(browser.come_back(location))
    is_over(identity, renewed["refresh_token"])
    assert {entry["id"] for entry in identity.feed()["revoked"]} - {entry["id"] for entry in ended} == {
        identity.claims(renewed["access_token"])["sid"]
    }


def test_a_sign_in_that_fails_ends_nothing(identity, provider, slug, configured, signed_in_browser):
    browser = signed_in_browser
    provider.person["email_verified"] = False
    is_page(browser.sign_in(slug), 403, "not verified")
    assert identity.refresh(browser.cookies["concord_session"]).status_code == 200


def test_sessions_of_other_browsers_go_on(identity, slug, configured, signed_in_browser):
    """Nobody names sessions for a sign-in but the browser that has them."""
    other = identity.sign_in().json
    sid = UUID(identity.claims(other["access_token"])["sid"]).hex
    browser = signed_in_browser
    location = browser.at_provider(browser.start(slug))
    (name,) = [name for name in browser.cookies if name.startswith("concord_sso_")]
    browser.cookies[name] += f".{sid}"
    is_page(browser.come_back(location), 400, "began in another browser")
    is_signed_in(browser.sign_in(slug))
    assert identity.refresh(other["refresh_token"]).status_code == 200
