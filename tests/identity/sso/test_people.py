"""Who a person is to us, and which role they get."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.identity.conftest import ADMIN
from tests.identity.sso.conftest import (
    ANNA,
    LARS,
    SSO,
    configuration,
    is_page,
    is_signed_in,
    people,
    rows_of,
    signed_in,
)
from tests.identity.sso.provider import Browser, Person, Provider


def users(identity, tenant):
    return {user["email"]: user["id"] for user in identity.admin.get(f"{ADMIN}/{tenant}/users").json["items"]}


@pytest.mark.parametrize("roles", [[], None, "unknown", ["unknown"], [["marketing"]], {"marketing": True}])
def test_a_new_person_without_a_mapped_role_is_refused(identity, provider, slug, configured, browser, roles):
    before = rows_of(identity)
    before["sign_ins"] += 1  # that somebody was not let in, and nothing else
    provider.person["roles"] = roles
    is_page(browser.sign_in(slug), 403, "You have no role here yet")
    assert rows_of(identity) == before


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        ("guests", "SupplierViewer"),
        (["guests", "unknown"], "SupplierViewer"),
        (["guests", "marketing"], "SupplierAdmin"),
        ([7, None, "marketing"], "SupplierAdmin"),
    ],
)
def test_of_several_roles_the_one_that_may_do_most_counts(
    identity, tenant, provider, slug, configured, browser, roles, role
):
    provider.person["roles"] = roles
    is_signed_in(browser.sign_in(slug))
    assert people(identity, tenant)[LARS["email"]] == role


def test_the_claim_that_decides_is_configured(identity, tenant, provider, slug, configured, browser):
    body = configuration(provider, roleClaim="https://nordic.example/groups", roleMapping={"g": "SupplierViewer"})
    assert configured.put(SSO, json=body).status_code == 200
    provider.person["https://nordic.example/groups"] = ["g"]
    is_signed_in(browser.sign_in(slug))
    assert people(identity, tenant)[LARS["email"]] == "SupplierViewer"


def test_a_role_that_the_mapping_changes_later_is_changed(identity, tenant, provider, slug, configured, browser):
    is_signed_in(browser.sign_in(slug))
    provider.person["roles"] = ["guests"]
    is_signed_in(browser.sign_in(slug))
    assert people(identity, tenant)[LARS["email"]] == "SupplierViewer"
    (changed,) = identity.running.events("identity.UserChanged.v1")
    assert (changed["data"]["email"], changed["data"]["role"]) == (LARS["email"], "SupplierViewer")
    lars = users(identity, tenant)[LARS["email"]]
    assert lars in {entry["id"] for entry in identity.feed()["revoked"]}


def test_a_person_whom_the_mapping_no_longer_names_stays_out(identity, tenant, provider, slug, configured, browser):
    is_signed_in(browser.sign_in(slug))
    provider.person["roles"] = []
    is_page(browser.sign_in(slug), 403, "You have no role here yet")


def test_without_a_mapping_people_keep_their_roles_and_nobody_is_added(
    identity, tenant, provider, slug, configured, browser
):
    assert configured.put(SSO, json=configuration(provider, roleMapping={})).status_code == 200
    is_page(browser.sign_in(slug), 403, "You have no role here yet")
    provider.person = Person(LARS | {"sub": "anna", "email": ANNA})
    is_signed_in(browser.sign_in(slug))
    assert people(identity, tenant) == {ANNA: "SupplierAdmin"}


def test_a_person_of_another_tenant_is_refused(identity, provider, slug, configured, browser):
    other = identity.tenant("Fjord", "Retailer")
    identity.user(other, LARS["email"], "RetailerAdmin")
    before = rows_of(identity)
    before["sign_ins"] += 1  # that somebody was not let in, and nothing else
    is_page(browser.sign_in(slug), 403, "belongs to another account")
    assert rows_of(identity) == before
    assert people(identity, other) == {LARS["email"]: "RetailerAdmin"}


def test_the_operator_cannot_be_signed_in_by_a_tenants_provider(identity, provider, slug, configured, browser):
    platform = identity.running.runtime
    from services.identity.users.bootstrap import platform_admin

    platform_admin(platform, "olga@concord.example", "a long enough password")
    provider.person["email"] = "olga@concord.example"
    is_page(browser.sign_in(slug), 403, "belongs to another account")


def test_an_address_that_went_to_somebody_else_at_the_provider_opens_nothing(provider, slug, configured, browser):
    """A recycled address: it is linked to the person who had it."""
    is_signed_in(browser.sign_in(slug))
    provider.person["sub"] = "lars-2"
    is_page(browser.sign_in(slug), 403, "belongs to another account")


def test_a_removed_person_can_come_back_as_a_new_one(identity, tenant, provider, slug, configured, browser):
    is_signed_in(browser.sign_in(slug))
    first = users(identity, tenant)[LARS["email"]]
    assert identity.admin.delete(f"{ADMIN}/{tenant}/users/{first}").status_code == 204
    is_signed_in(browser.sign_in(slug))
    assert users(identity, tenant)[LARS["email"]] != first


def test_a_suspended_person_is_refused(identity, tenant, provider, slug, configured, browser, change_user):
    is_signed_in(browser.sign_in(slug))
    lars = users(identity, tenant)[LARS["email"]]
    change_user(lars, suspended=True)
    is_page(browser.sign_in(slug), 403, "This access is suspended")
    change_user(lars, suspended=False)
    is_signed_in(browser.sign_in(slug))


def test_an_invited_person_has_come_by_signing_in(identity, tenant, anna, provider, slug, configured, browser, alter):
    alter("UPDATE users SET invited_at = created_at, password_hash = NULL WHERE id = :id", anna)
    provider.person = Person(LARS | {"sub": "anna", "email": ANNA})
    is_signed_in(browser.sign_in(slug))
    joined = identity.running.events("identity.UserAdded.v1")[-1]["data"]
    assert (joined["user_id"] if "user_id" in joined else joined["userId"]) == anna
    assert identity.refresh(browser.cookies["concord_session"]).status_code == 200


def test_a_suspended_tenants_people_are_refused(identity, tenant, slug, configured, browser, alter):
    location = browser.at_provider(browser.start(slug))
    alter("UPDATE tenants SET suspended_at = created_at WHERE id = :id", tenant)
    is_page(browser.come_back(location), 403, "This access is suspended")
    is_page(browser.start(slug), 403, "This access is suspended")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Å‮sa\r\n\x00 Berg 🧑‍🎨", "Å sa Berg 🧑‍🎨"),
        ("x" * 500, "x" * 199 + "…"),
        ("", "lars"),
        (None, "lars"),
        (["Lars"], "lars"),
    ],
)
def test_a_foreign_name_is_one_line_of_ours(identity, tenant, provider, slug, configured, browser, name, shown):
    provider.person["name"] = name
    is_signed_in(browser.sign_in(slug))
    items = identity.admin.get(f"{ADMIN}/{tenant}/users").json["items"]
    assert items[-1]["name"] == shown


def test_many_first_sign_ins_at_once_make_one_user(identity, tenant, provider, slug, configured):
    browsers = [Browser(identity.nobody) for _ in range(4)]
    locations = [browser.at_provider(browser.start(slug)) for browser in browsers]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda pair: pair[0].come_back(pair[1]), zip(browsers, locations, strict=True)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 303
    assert set(statuses) <= {303, 503}  # two at a time reach one provider
    assert list(people(identity, tenant)) == [ANNA, LARS["email"]]


# Two tenants


@pytest.fixture
def fjord(identity):
    """Another tenant with a provider of its own: its admin's client, its slug and the provider."""
    tenant = identity.tenant("Fjord Retail", "Retailer")
    identity.user(tenant, "rolf@fjord.example", "RetailerAdmin")
    running = Provider(Person(LARS | {"sub": "kari", "email": "kari@fjord.example", "roles": ["staff"]}))
    admin = signed_in(identity, "rolf@fjord.example")
    body = configuration(running, roleMapping={"staff": "RetailerViewer"})
    assert admin.put(SSO, json=body).status_code == 200
    yield admin, "fjord-retail", running
    running.close()


def test_a_provider_speaks_for_its_own_tenant_alone(identity, tenant, fjord, configured, browser):
    """Its people are its tenant's, whatever it says of them."""
    _, slug, running = fjord
    running.lies = {"tenant": tenant, "tenant_id": tenant}
    is_signed_in(browser.sign_in(slug))
    claims = identity.claims(identity.refresh(browser.cookies["concord_session"]).json["access_token"])
    assert (claims["tenant_slug"], claims["role"]) == ("fjord-retail", "RetailerViewer")
    assert list(people(identity, tenant)) == [ANNA]


def test_another_tenants_provider_cannot_name_this_ones_people(identity, tenant, provider, fjord, configured, browser):
    _, slug, running = fjord
    running.person["email"] = ANNA
    is_page(browser.sign_in(slug), 403, "belongs to another account")


def test_the_state_of_one_tenant_takes_no_code_of_anothers_provider(fjord, slug, configured, browser):
    """Mixed-up tenants: the code goes to the provider that the state belongs to, which does not know it."""
    from urllib.parse import parse_qs, urlencode, urlsplit

    _, other_slug, running = fjord
    foreign = parse_qs(urlsplit(browser.at_provider(browser.start(other_slug))).query)["code"][0]
    state = parse_qs(urlsplit(browser.at_provider(browser.start(slug))).query)["state"][0]
    answer = browser.come_back("/session/sso/callback?" + urlencode({"code": foreign, "state": state}))
    is_page(answer, 403, "could not be verified")
    assert "/token" not in running.asked


def test_the_token_of_anothers_provider_opens_nothing(identity, provider, fjord, slug, configured, browser):
    _, _, running = fjord
    provider.lies = {"iss": running.url}
    is_page(browser.sign_in(slug), 403, "could not be verified")


def test_a_provider_that_was_changed_meanwhile_signs_nobody_in(provider, fjord, slug, configured, browser):
    _, _, running = fjord
    location = browser.at_provider(browser.start(slug))
    assert configured.put(SSO, json=configuration(running)).status_code == 200
    is_page(browser.come_back(location), 400, "This sign-in is over")
    assert configured.delete(SSO).status_code == 204
    is_page(browser.start(slug), 404, "no single sign-on here")


def test_people_are_known_by_their_addresses_again_when_the_provider_changes(
    identity, tenant, provider, slug, configured, browser
):
    """Another provider may call somebody else by the same subject."""
    is_signed_in(browser.sign_in(slug))
    other = Provider(Person(LARS | {"email": "eve@nordic-heating.example", "name": "Eve"}))
    try:
        assert configured.put(SSO, json=configuration(other)).status_code == 200
        is_signed_in(browser.sign_in(slug))
        assert set(people(identity, tenant)) == {ANNA, LARS["email"], "eve@nordic-heating.example"}
    finally:
        other.close()


def test_an_expired_invitation_of_another_company_is_no_obstacle(identity, tenant, slug, configured, browser):
    invited = identity.invited(identity.tenant("Other"), LARS["email"], "SupplierViewer")
    is_signed_in(browser.sign_in(slug))
    assert LARS["email"] in people(identity, tenant)
    assert identity.trail(invited)[0]["action"] == "user.invitation_expired"
