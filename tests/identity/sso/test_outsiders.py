"""Affiliates work with a merchant from outside: its identity provider and its directory have no say over them."""

import pytest

from tests.identity.conftest import ADMIN, is_oauth_error, is_problem
from tests.identity.scim.conftest import LARS as RESOURCE
from tests.identity.scim.conftest import directory_of, is_scim_error, stored
from tests.identity.sso.conftest import LARS, SSO, configuration, is_page, is_signed_in, rows_of, signed_in
from tests.identity.sso.provider import Person

MONA = "mona@boots.example"
OLE = "ole@boots.example"
BLOGGER = "blogger@elsewhere.example"
MAPPING = {"marketing": "MerchantAdmin", "guests": "MerchantViewer"}


@pytest.fixture
def boots(identity):
    return identity.tenant("Boots", "Merchant")


@pytest.fixture
def affiliate(identity, boots):
    """The id of somebody from outside."""
    return identity.user(boots, BLOGGER, "Affiliate")


@pytest.fixture
def mona(identity, boots, affiliate, provider):
    """The merchant's admin, who has configured its provider; her client."""
    identity.user(boots, MONA, "MerchantAdmin")
    admin = signed_in(identity, MONA)
    assert admin.put(SSO, json=configuration(provider, roleMapping=MAPPING)).status_code == 200
    return admin


def enforce(provider, mona, browser):
    provider.person = Person(LARS | {"sub": "mona", "email": MONA})
    is_signed_in(browser.sign_in("boots"))
    assert mona.put(SSO, json=configuration(provider, roleMapping=MAPPING, enforced=True)).status_code == 200


def test_an_enforced_provider_binds_the_merchants_own_people_only(identity, boots, provider, mona, browser):
    identity.user(boots, OLE, "MerchantViewer")
    own, foreign = identity.sign_in(OLE).json, identity.sign_in(BLOGGER).json
    enforce(provider, mona, browser)
    is_oauth_error(identity.refresh(own["refresh_token"]), 400, "invalid_grant")
    assert identity.refresh(foreign["refresh_token"]).status_code == 200
    is_oauth_error(identity.sign_in(OLE), 403, "sso_required")
    assert identity.sign_in(BLOGGER).status_code == 200


@pytest.mark.parametrize("email", [BLOGGER, BLOGGER.upper()])
def test_the_merchants_provider_cannot_sign_in_as_an_affiliate(
    identity, boots, affiliate, provider, mona, browser, email
):
    provider.person = Person(LARS | {"email": email})
    is_page(browser.sign_in("boots"), 403, "belongs to another account")
    assert stored(identity, affiliate).sso_subject is None
    assert stored(identity, affiliate).role == "Affiliate"


def test_who_has_become_an_affiliate_is_no_longer_linked(identity, boots, provider, mona, browser, alter):
    provider.person = Person(LARS | {"email": OLE})
    is_signed_in(browser.sign_in("boots"))
    users = identity.admin.get(f"{ADMIN}/{boots}/users").json["items"]
    alter("UPDATE users SET role = 'Affiliate' WHERE id = :id", next(u["id"] for u in users if u["email"] == OLE))
    is_page(browser.sign_in("boots"), 403, "belongs to another account")


def test_no_mapping_makes_an_affiliate(provider, mona):
    body = configuration(provider, roleMapping={"bloggers": "Affiliate"})
    is_problem(mona.put(SSO, json=body), 422, "role_does_not_fit")


def test_the_directory_neither_sees_nor_changes_affiliates(identity, affiliate, mona):
    directory = directory_of(identity, MONA)
    assert directory.names() == [MONA]
    assert directory.names(filter=f'userName eq "{BLOGGER}"') == []
    deactivate = {"op": "replace", "path": "active", "value": False}
    is_scim_error(directory.call("GET", f"/{affiliate}"), 404)
    is_scim_error(directory.patch({"id": affiliate}, deactivate), 404)
    is_scim_error(directory.call("PUT", f"/{affiliate}", RESOURCE), 404)
    is_scim_error(directory.call("DELETE", f"/{affiliate}"), 404)
    assert identity.sign_in(BLOGGER).status_code == 200


def test_the_directory_makes_no_affiliate(identity, mona):
    directory = directory_of(identity, MONA)
    roles = {"roles": [{"value": "Affiliate"}]}
    before = rows_of(identity)
    is_scim_error(directory.call("POST", body=RESOURCE | roles), 400, "invalidValue")
    assert rows_of(identity) == before
    person = directory.add()
    is_scim_error(
        directory.patch(person, {"op": "replace", "path": "roles", "value": "Affiliate"}), 400, "invalidValue"
    )
