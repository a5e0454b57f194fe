"""What the UserInfo endpoint adds to an ID token that says too little (OpenID Connect Core, 5.3)."""

import pytest

from tests.identity.sso.conftest import LARS, is_page, is_signed_in, people


def without(provider, *claims):
    """The ID token leaves these out, and the UserInfo endpoint has them."""
    shown = dict(provider.person)
    provider.answers["/userinfo"] = lambda: shown
    for claim in claims:
        provider.person.pop(claim)
    return shown


@pytest.mark.parametrize("claims", [["email_verified"], ["roles"], ["email"], ["email", "email_verified", "roles"]])
def test_it_is_asked_for_what_the_id_token_leaves_out(identity, tenant, provider, slug, configured, browser, claims):
    without(provider, *claims)
    is_signed_in(browser.sign_in(slug))
    assert people(identity, tenant)[LARS["email"]] == "SupplierAdmin"


def test_it_is_not_asked_where_the_id_token_says_all(provider, slug, configured, browser):
    is_signed_in(browser.sign_in(slug))
    assert "/userinfo" not in provider.asked


def test_it_verifies_no_address_but_its_own(provider, slug, configured, browser):
    without(provider, "email_verified")["email"] = "else@nordic-heating.example"
    is_page(browser.sign_in(slug), 403, "e-mail address is not verified")


def test_its_unverified_address_is_not_verified_by_the_id_token(provider, slug, configured, browser):
    without(provider, "email")["email_verified"] = False
    is_page(browser.sign_in(slug), 403, "e-mail address is not verified")


def test_what_the_id_token_says_counts(identity, tenant, provider, slug, configured, browser):
    without(provider, "email")["roles"] = ["marketing"]
    provider.person["roles"] = ["guests"]
    is_signed_in(browser.sign_in(slug))
    assert people(identity, tenant)[LARS["email"]] == "SupplierViewer"
