"""Accounts that people own, from end to end: invitation, browser session, colleagues, forgotten password (contract:
"Sign-in in a browser", "Own account", "Own tenant"). Mails come from a real server, pages are filled in as they are."""

from contextlib import closing
from uuid import uuid4

import pytest
import requests
from sqlalchemy import select

from chassis.core.principal import Principal, acting_as
from chassis.messaging.outbox import UNSENT, OutboxRow
from tests.e2e.browsers import COOKIE, SAME_ORIGIN, Browser, Form, link_in
from tests.e2e.harness import OPERATOR, PASSWORD, new_tenant, new_user, until
from tests.e2e.held_back import broker_held_back

GOOD = "correct horse battery staple"
BETTER = "a rather long sentence to sign in with"


@pytest.fixture(scope="module")
def company(platform):
    """A retailer with one admin: its id, and him."""
    operator, tag = platform.user(*OPERATOR), uuid4().hex[:8]
    tenant = new_tenant(operator, f"Fjord {tag}", "Retailer")
    return tenant, new_user(platform, operator, tenant, f"rolf-{tag}@fjord.example", "RetailerAdmin")


def invite(platform, admin, role="RetailerViewer"):
    email = f"ingrid-{uuid4().hex[:8]}@fjord.example"
    answer = admin.post("/api/v1/tenant/users", {"email": email, "name": "Ingrid", "role": role})
    assert (answer.status_code, answer.json()["status"]) == (201, "Invited"), answer.text
    return email, answer.json()["id"]


def joined(platform, admin, role="RetailerViewer"):
    """A colleague who has accepted the invitation on its page."""
    email, user_id = invite(platform, admin, role)
    link, _ = link_in(platform, email, "/account/invitation")
    form = Form(requests.get(link, timeout=20))
    assert form.send(name="Ingrid", password=GOOD).status_code in (200, 201, 303)
    return email, user_id


def test_an_invited_colleague_joins_by_the_link_of_the_mail(platform, company):
    """Once; the page works without scripts, and the password is the person's alone."""
    _, rolf = company
    email, _ = invite(platform, rolf)
    assert Browser(platform).sign_in(email, GOOD).status_code == 401
    link, mails = link_in(platform, email, "/account/invitation")
    assert "List-Unsubscribe" not in mails[0]["headers"]
    page = requests.get(link, timeout=20)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "script" not in page.headers["Content-Security-Policy"].replace("script-src 'none'", "")
    form = Form(page)
    assert form.scripts == 0
    refused = form.send(name="Ingrid", password="password1234")
    assert refused.status_code in (400, 422)
    assert form.send(name="Ingrid 🌲", password=GOOD).status_code in (200, 201, 303)
    assert form.send(name="Mallory", password=BETTER).status_code >= 400
    signed_in = Browser(platform).sign_in(email, GOOD)
    assert signed_in.status_code == 200, signed_in.text
    me = Browser(platform).get("/api/v1/me", {"Authorization": f"Bearer {signed_in.json()['access_token']}"}).json()
    assert (me["name"], me["role"], me["email"]) == ("Ingrid 🌲", "RetailerViewer", email)
    assert [mail["subject"] for mail in platform.mailbox(email)] == [mails[0]["subject"]]


def test_two_tabs_renew_at_once_and_a_page_from_elsewhere_cannot(platform, company):
    _, rolf = company
    browser = Browser(platform)
    answer = browser.sign_in(rolf.email, PASSWORD, keep=True)
    assert "refresh_token" not in answer.json()
    (cookie,) = browser.session.cookies
    assert (cookie.name, cookie.path, cookie.expires is None) == (COOKIE, "/session", False)
    assert {"HttpOnly", "SameSite"} <= set(cookie._rest)
    first = {COOKIE: cookie.value}
    tabs = [
        requests.post(f"{platform.url}/session/renew", cookies=first, headers=SAME_ORIGIN, timeout=20) for _ in range(2)
    ]
    assert [tab.status_code for tab in tabs] == [200, 200]
    assert len({tab.cookies[COOKIE] for tab in tabs}) == 1
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    stolen = requests.post(f"{platform.url}/session/renew", cookies=first, headers=foreign, timeout=20)
    assert (stolen.status_code, "access_token" in stolen.text) == (403, False)
    assert requests.post(f"{platform.url}/session/renew", headers=SAME_ORIGIN, timeout=20).status_code == 204
    caller = browser.as_caller(tabs[0])
    assert browser.get("/api/v1/me", caller).status_code == 200
    ended = requests.delete(
        f"{platform.url}/session", cookies={COOKIE: tabs[0].cookies[COOKIE]}, headers=SAME_ORIGIN, timeout=20
    )
    assert ended.status_code == 204
    until(lambda: browser.get("/api/v1/me", caller).status_code == 401, what="the end of the session")


def test_an_admin_looks_after_colleagues(platform, company):
    """Role, suspension, removal: in force within seconds; a viewer cannot; the last admin stays."""
    _, rolf = company
    email, user_id = joined(platform, rolf)
    ingrid = platform.user(email, GOOD)
    assert ingrid.get("/api/v1/tenant/users").status_code == 200
    assert (
        ingrid.post("/api/v1/tenant/users", {"email": "x@y.example", "name": "X", "role": "RetailerAdmin"}).status_code
        == 403
    )
    changed = rolf.ask("PATCH", f"/api/v1/tenant/users/{user_id}", {"role": "RetailerAdmin"})
    assert changed.status_code == 200, changed.text
    until(lambda: ingrid.get("/api/v1/me").status_code == 401, what="the end of tokens with the old role")
    ingrid.sign_in()
    assert ingrid.get("/api/v1/me").json()["role"] == "RetailerAdmin"
    assert rolf.ask("PATCH", f"/api/v1/tenant/users/{user_id}", {"suspended": True}).status_code == 200
    until(lambda: ingrid.get("/api/v1/me").status_code == 401, what="the suspension")
    assert Browser(platform).sign_in(email, GOOD).status_code in (401, 403)
    own = next(user for user in rolf.get("/api/v1/tenant/users").json()["items"] if user["email"] == rolf.email)
    for refused in (
        rolf.delete(f"/api/v1/tenant/users/{own['id']}"),
        rolf.ask("PATCH", f"/api/v1/tenant/users/{own['id']}", {"role": "RetailerViewer"}),
        rolf.ask("PATCH", f"/api/v1/tenant/users/{own['id']}", {"suspended": True}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "last_admin"), refused.text
    assert rolf.delete(f"/api/v1/tenant/users/{user_id}").status_code == 204


def test_a_forgotten_password_is_set_by_a_mail(platform, company):
    """The link is good once and ends all sessions; nobody learns whether an address has an account."""
    _, rolf = company
    email, _ = joined(platform, rolf)
    browser = Browser(platform)
    before = browser.sign_in(email, GOOD)
    answers = {
        (answer.status_code, answer.text)
        for address in (email, f"nobody-{uuid4().hex[:8]}@fjord.example")
        for answer in [browser.post("/session/recover", {"email": address})]
    }
    assert {status for status, _ in answers} == {202}
    assert len(answers) == 1
    link, _ = link_in(platform, email, "/account/password")
    form = Form(requests.get(link, timeout=20))
    assert form.send(password=BETTER).status_code in (200, 204, 303)
    assert form.send(password="another long sentence of mine").status_code >= 400
    assert browser.post("/session/renew").status_code in (204, 401)
    until(lambda: browser.get("/api/v1/me", browser.as_caller(before)).status_code == 401, what="the end of sessions")
    assert Browser(platform).sign_in(email, GOOD).status_code == 401
    assert Browser(platform).sign_in(email, BETTER).status_code == 200


def unsent_events(platform, user_id):
    """Events about somebody that identity has written and not published."""
    with (
        acting_as(Principal.system("identity")),
        closing(platform.database("identity")) as database,
        database.read() as session,
    ):
        unsent = select(OutboxRow.body).where(UNSENT)
        return [body for body in session.scalars(unsent) if user_id in body]


def test_an_invitation_is_mailed_once_though_identity_dies(platform, company):
    """Killed when the invitation is written and nobody has heard of it: the mail goes out once."""
    _, rolf = company
    with broker_held_back(platform):
        email, user_id = invite(platform, rolf)
        assert unsent_events(platform, user_id)
        platform.kill("identity")
        assert unsent_events(platform, user_id)
        assert platform.mailbox(email) == []
    platform.start("identity")
    platform.wait_until_ready("identity")
    link_in(platform, email, "/account/invitation")
    until(lambda: not unsent_events(platform, user_id), what="all events of the invitation")
    assert len(platform.mailbox(email)) == 1


def test_a_suspended_company_is_shut_out_and_comes_back(platform):
    operator, tag = platform.user(*OPERATOR), uuid4().hex[:8]
    tenant = new_tenant(operator, f"Held {tag}", "Retailer")
    admin = new_user(platform, operator, tenant, f"held-{tag}@held.example", "RetailerAdmin")
    assert admin.get("/api/v1/me").status_code == 200
    path = f"/api/v1/admin/tenants/{tenant}"
    assert operator.ask("PATCH", path, {"suspended": True}).status_code == 200
    refused = until(lambda: (answer := admin.get("/api/v1/me")).status_code == 403 and [answer], what="the suspension")
    assert refused[0].json()["code"] == "tenant_suspended"
    assert Browser(platform).sign_in(admin.email, PASSWORD).status_code == 403
    assert operator.ask("PATCH", path, {"suspended": False}).status_code == 200
    until(lambda: Browser(platform).sign_in(admin.email, PASSWORD).status_code == 200, what="the company's return")
