"""A company's directory from end to end (SCIM 2.0): whom it adds, changes and suspends through the gateway, and what
its people notice of it in their browsers and mailboxes."""

from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.e2e.cross_site import OTHER_SITE, Browser, Page, is_page
from tests.e2e.harness import OPERATOR, PASSWORD, new_tenant, new_user, until
from tests.identity.sso.provider import CLIENT, SECRET, Person, Provider

TOKEN = "/api/v1/tenant/scim-token"
TEAM = "/api/v1/tenant/users"
USERS = "/scim/v2/Users"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
RESET = "Set a new password for Concord"
PASSWORD_CHANGED = "Your Concord password was changed"
ADDRESS_CHANGED = "The e-mail address of your Concord account was changed"
CHOSEN = "a rather long sentence to sign in with"


class Directory:
    """A directory at the gateway, with the token that an admin has made for it."""

    def __init__(self, admin) -> None:
        issued = admin.post(TOKEN)
        assert issued.status_code == 201, issued.text
        self.url = admin.base
        self.token = issued.json()["token"]

    def ask(self, method: str, path: str = "", body: Any = None, **query: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        answer = requests.request(method, self.url + USERS + path, params=query, json=body, headers=headers, timeout=20)
        if answer.content:
            assert answer.headers["Content-Type"] == "application/scim+json", answer.text
        return answer

    def add(self, email: str, **more: Any) -> dict[str, Any]:
        answer = self.ask("POST", body={"schemas": [USER], "userName": email, "active": True} | more)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def patch(self, person: dict[str, Any], **values: Any) -> dict[str, Any]:
        """Replace attributes, as Entra ID writes it."""
        operations = [{"op": "Replace", "path": path, "value": value} for path, value in values.items()]
        answer = self.ask("PATCH", f"/{person['id']}", {"schemas": [PATCH], "Operations": operations})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def found(self, filter: str) -> list[str]:
        answer = self.ask("GET", filter=filter)
        assert answer.status_code == 200, answer.text
        return [person["userName"] for person in answer.json()["Resources"]]


@pytest.fixture
def tag():
    return uuid4().hex[:8]


@pytest.fixture
def rolf(platform, tag):
    """The admin of a retailer."""
    operator = platform.user(*OPERATOR)
    tenant = new_tenant(operator, f"Fjord {tag}", "Retailer")
    return new_user(platform, operator, tenant, f"rolf-{tag}@fjord.example", "RetailerAdmin")


def subjects(platform, email):
    return [mail["subject"] for mail in platform.mailbox(email)]


def is_scim_error(answer, status, scim_type=None):
    """RFC 7644, 3.12."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert (body["schemas"], body["status"], body.get("scimType")) == ([ERROR], str(status), scim_type)


def set_password(platform, email):
    """By the mail that "forgotten" sends; the browser that has done so, signed in."""
    browser = Browser(platform)
    page = Page(browser.send("GET", "/account/recover"))
    assert browser.send("POST", page.action, data=page.fields | {"email": email}).status_code == 200
    (mail,) = until(lambda: platform.mailbox(email), what=f"a link to {email}")
    link = next(word for word in mail["text"].split() if "/account/password" in word)
    page = Page(browser.send("GET", link, site=OTHER_SITE))
    is_page(browser.send("POST", page.action, data=page.fields | {"password": CHOSEN}), 200, "Your password is set")
    assert browser.sign_in(email, CHOSEN).status_code == 200
    return browser


def is_signed_out(browser):
    """Within seconds everywhere, and for good."""
    until(lambda: browser.send("GET", "/api/v1/me").status_code == 401, within=5, what="the end of the session")
    assert browser.renew().status_code == 401


def test_a_directory_looks_after_a_person_from_the_first_day_to_the_last(platform, rolf, tag):
    """Added without a mail, found, renamed, suspended and let back in, given another address, removed."""
    directory = Directory(rolf)
    ines, later = f"ines-{tag}@fjord.example", f"ines.berg-{tag}@fjord.example"
    person = directory.add(ines, externalId=f"ext-{tag}", name={"givenName": "Ines", "familyName": "Ek"})
    assert (person["active"], person["roles"][0]["value"]) == (True, "RetailerViewer")
    assert directory.found(f'userName eq "{ines.upper()}"') == [ines]
    assert directory.found(f'externalId eq "ext-{tag}" and active eq true') == [ines]
    assert directory.found(f'externalId eq "ext-{tag}" and active eq false') == []
    assert directory.patch(person, **{"name.familyName": "Berg"})["displayName"] == "Ines Berg"
    assert {(user["email"], user["name"], user["status"]) for user in rolf.get(TEAM).json()["items"]} >= {
        (ines, "Ines Berg", "Active")
    }

    browser = set_password(platform, ines)
    until(lambda: PASSWORD_CHANGED in subjects(platform, ines), what="the mail about the password")
    assert (browser.me()["name"], browser.me()["role"]) == ("Ines Berg", "RetailerViewer")
    assert directory.patch(person, active="False")["active"] is False
    is_signed_out(browser)
    assert browser.sign_in(ines, CHOSEN).status_code == 401
    assert directory.found("active eq false") == [ines]
    assert directory.patch(person, active=True)["active"] is True
    assert browser.sign_in(ines, CHOSEN).status_code == 200

    assert directory.patch(person, userName=later)["userName"] == later
    is_signed_out(browser)
    assert browser.sign_in(ines, CHOSEN).status_code == 401
    assert browser.sign_in(later, CHOSEN).status_code == 200
    until(lambda: ADDRESS_CHANGED in subjects(platform, ines), what="the mail to the former address")
    assert sorted(subjects(platform, ines)) == sorted([RESET, PASSWORD_CHANGED, ADDRESS_CHANGED])

    assert directory.ask("DELETE", f"/{person['id']}").status_code == 204
    is_signed_out(browser)
    is_scim_error(directory.ask("GET", f"/{person['id']}"), 404)
    assert browser.sign_in(later, CHOSEN).status_code == 401
    assert later not in {user["email"] for user in rolf.get(TEAM).json()["items"]}


def test_whom_a_directory_adds_comes_in_by_the_companys_own_sign_in(platform, rolf, tag):
    """With the role that the mapping names, and no longer than the directory wants."""
    ines = f"ines-{tag}@fjord.example"
    claims = {"sub": "ines", "email": ines, "email_verified": True, "name": "Ines", "roles": ["staff"]}
    with closing(Provider(Person(claims))) as provider:
        settings = {"issuer": provider.url, "clientId": CLIENT, "clientSecret": SECRET}
        configured = rolf.put("/api/v1/tenant/sso", settings | {"roleMapping": {"staff": "RetailerAdmin"}})
        assert configured.status_code == 200, configured.text
        sign_in_url, directory = configured.json()["signInUrl"], Directory(rolf)
        person = directory.add(ines, displayName="Ines", roles=[{"value": "staff"}])
        assert person["roles"][0]["value"] == "RetailerAdmin"
        browser = Browser(platform)
        assert browser.sign_in_by_provider(sign_in_url).status_code == 303
        assert (browser.me()["userId"], browser.me()["role"]) == (person["id"], "RetailerAdmin")
        directory.patch(person, active=False)
        is_signed_out(browser)
        is_page(browser.sign_in_by_provider(sign_in_url), 403, "This access is suspended")
        directory.patch(person, active=True)
        assert browser.sign_in_by_provider(sign_in_url).status_code == 303
    assert subjects(platform, ines) == []


def test_who_is_only_invited_is_taken_over_by_the_directory(platform, rolf, tag):
    """It finds the person, whom it need not add again; shut out, the invitation opens nothing."""
    directory, nils = Directory(rolf), f"nils-{tag}@fjord.example"
    invited = rolf.post(TEAM, {"email": nils, "name": "Nils", "role": "RetailerViewer"}).json()
    (mail,) = until(lambda: platform.mailbox(nils), what="the invitation")
    link = next(word for word in mail["text"].split() if "/account/invitation" in word)
    is_scim_error(directory.ask("POST", body={"userName": nils}), 409, "uniqueness")
    (person,) = directory.ask("GET", filter=f'userName eq "{nils}"').json()["Resources"]
    assert person["id"] == invited["id"]
    directory.patch(person, active=False)
    is_page(Browser(platform).send("GET", link, site=OTHER_SITE), 422, "no longer valid")


def test_a_directory_is_its_own_companys_and_as_good_as_its_token(platform, rolf, tag):
    operator = platform.user(*OPERATOR)
    other_tenant = new_tenant(operator, f"Other {tag}", "Retailer")
    other = Directory(new_user(platform, operator, other_tenant, f"eve-{tag}@other.example", "RetailerAdmin"))
    directory = Directory(rolf)
    person = directory.add(f"ines-{tag}@fjord.example")
    is_scim_error(other.ask("GET", f"/{person['id']}"), 404)
    is_scim_error(other.ask("DELETE", f"/{person['id']}"), 404)
    assert other.found(f'userName eq "{person["userName"]}"') == []
    is_scim_error(other.ask("POST", body={"userName": person["userName"]}), 409, "uniqueness")
    is_scim_error(directory.ask("PATCH", f"/{person['id']}", {"Operations": "all"}), 400, "invalidSyntax")
    is_scim_error(directory.ask("GET", filter='userName co "ines"'), 400, "invalidFilter")

    used = rolf.get(TOKEN).json()
    assert used["lastUsedAt"]
    newer = Directory(rolf)
    is_scim_error(directory.ask("GET"), 401)
    assert newer.found("active eq true") == [rolf.email, person["userName"]]
    assert rolf.delete(TOKEN).status_code == 204
    is_scim_error(newer.ask("GET"), 401)
    for bearer in (rolf.session.headers["Authorization"].removeprefix("Bearer "), "", "x" * 43):
        newer.token = bearer
        is_scim_error(newer.ask("GET"), 401)
    as_directory = requests.get(
        f"{platform.url}/api/v1/me", headers={"Authorization": f"Bearer {other.token}"}, timeout=9
    )
    assert as_directory.status_code == 401
    path = f"/api/v1/admin/tenants/{other_tenant}"
    assert operator.ask("PATCH", path, {"suspended": True}).status_code == 200
    is_scim_error(other.ask("GET"), 403)


def test_the_last_admin_stays_whatever_a_directory_says(platform, rolf):
    directory = Directory(rolf)
    (own,) = directory.ask("GET", filter=f'userName eq "{rolf.email}"').json()["Resources"]
    for body in ({"op": "replace", "path": "active", "value": False}, {"op": "replace", "path": "roles", "value": []}):
        answer = directory.ask("PATCH", f"/{own['id']}", {"schemas": [PATCH], "Operations": [body]})
        is_scim_error(answer, 409)
    is_scim_error(directory.ask("DELETE", f"/{own['id']}"), 409)
    assert platform.user(rolf.email, PASSWORD).get("/api/v1/me").status_code == 200
