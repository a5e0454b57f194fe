"""Invitations where the tenant's provider is the only way in: they lead there, and signing in accepts them."""

import pytest

from chassis.core.clock import utcnow
from chassis.core.errors import Conflict
from chassis.core.principal import Principal, acting_as
from services.identity import settings
from services.identity.teams import invitations
from tests.identity.conftest import ADMIN, PASSWORD, is_problem
from tests.identity.sso.conftest import ANNA, LARS, SSO, configuration, is_signed_in, people, rows_of
from tests.identity.sso.provider import Browser, Person

INES = "ines@nordic-heating.example"


@pytest.fixture
def invited(identity, tenant, provider, slug, configured, browser):
    """Anna's tenant lets people in by its provider only; she has invited Ines since. The token of the mail."""
    provider.person = Person(LARS | {"sub": "anna", "email": ANNA})
    is_signed_in(browser.sign_in(slug))
    assert configured.put(SSO, json=configuration(provider, enforced=True)).status_code == 200
    body = {"email": INES, "name": "Ines", "role": "SupplierViewer"}
    assert configured.post("/api/v1/tenant/users", json=body).status_code == 201
    return identity.invitation()


def test_an_invitation_leads_to_the_provider_and_is_accepted_there(identity, tenant, provider, slug, invited, browser):
    page = identity.nobody.get(f"/account/invitation?token={invited}").get_data(as_text=True)
    assert INES in page
    assert f'href="/session/sso/{slug}"' in page
    assert "<input" not in page
    assert invited not in page
    provider.person = Person(LARS | {"sub": "ines", "email": INES, "roles": ["guests"]})
    is_signed_in(Browser(identity.nobody).sign_in(slug))
    assert people(identity, tenant)[INES] == "SupplierViewer"
    added = identity.running.events("identity.UserAdded.v1")[-1]["data"]
    assert (added["email"], added["name"]) == (INES, "Ines")
    link = identity.running.events("identity.UserInvited.v1")[-1]["data"]["linkId"]
    is_problem(identity.mailed(link), 404, "not_found")  # no mail that is still on its way goes out
    used = identity.nobody.get(f"/account/invitation?token={invited}")
    assert "no longer valid" in used.get_data(as_text=True)


def test_no_password_accepts_it(identity, tenant, slug, invited):
    """Neither by the form of a page that was opened before, nor by the API; and the link stays good."""
    before = rows_of(identity)
    problem = is_problem(identity.accept(invited), 409, "sso_required")
    assert problem["signInUrl"] == f"http://localhost:8080/session/sso/{slug}"
    is_problem(identity.accept(invited, password="kort"), 409, "sso_required")
    form = {"token": invited, "name": "Ines", "password": "a long enough one"}
    page = identity.nobody.post("/account/invitation", data=form)
    assert (page.status_code, f'href="/session/sso/{slug}"' in page.get_data(as_text=True)) == (200, True)
    assert rows_of(identity) == before
    assert identity.admin.delete(f"{ADMIN}/{tenant}/sso/enforcement").status_code == 204
    assert "New password" in identity.nobody.get(f"/account/invitation?token={invited}").get_data(as_text=True)
    assert identity.accept(invited).status_code == 201


def test_an_invitation_that_was_read_before_it_was_enforced(identity, tenant, invited):
    """The transaction looks again."""
    own = settings.of(identity.running.runtime.settings)
    with (
        acting_as(Principal.system("identity")),
        pytest.raises(Conflict) as refusal,
        identity.running.database.begin() as session,
    ):
        invitations.accept(session, invited, name="Ines", password_hash="x", settings=own, now=utcnow())
    assert refusal.value.code == "sso_required"


def test_the_operator_types_no_password_there_either(identity, tenant, invited):
    body = {"email": "bo@nordic-heating.example", "name": "Bo", "role": "SupplierViewer"}
    before = rows_of(identity)
    answer = identity.admin.post(f"{ADMIN}/{tenant}/users", json=body | {"password": PASSWORD})
    is_problem(answer, 409, "sso_required")
    assert rows_of(identity) == before
    assert identity.admin.post(f"{ADMIN}/{tenant}/users", json=body).status_code == 201


def test_an_invitation_asks_for_a_password_where_passwords_count(identity, slug, configured):
    """A provider beside passwords: the invitation asks for one as before."""
    body = {"email": INES, "name": "Ines", "role": "SupplierViewer"}
    assert configured.post("/api/v1/tenant/users", json=body).status_code == 201
    page = identity.nobody.get(f"/account/invitation?token={identity.invitation()}").get_data(as_text=True)
    assert "New password" in page
    assert identity.accept(identity.invitation()).status_code == 201
