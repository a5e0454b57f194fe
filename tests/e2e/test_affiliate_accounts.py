"""An affiliate's own account from end to end (S2-22): the merchant invites, the link of the mail opens the account, and
behind it an affiliate sees what is its own and nothing else. Mails come from a real server."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import requests
from sqlalchemy import update

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.affiliates.affiliates.models import Affiliate
from tests.e2e.browsers import Browser, Form, link_in
from tests.e2e.harness import build_merchant, until
from tests.e2e.test_affiliates import API, SHOP, done, follow, refused, weighed

PAGE, PORTAL = "/account/invitation", "/affiliate/api/v1"
GOOD, BETTER = "correct horse battery staple", "a rather long sentence to sign in with"


class Programme:
    """A new merchant with an active campaign, whose affiliates need no approval."""

    def __init__(self, platform):
        self.platform, self.merchant = platform, build_merchant(platform)
        self.software, self.tag = self.merchant.software, uuid4().hex[:8]
        settings = {"affiliateApprovalRequired": False, "allowedHosts": ["shop.example"]}
        done(self.software.ask("PUT", f"{API}/settings", settings))
        sale = {"title": "Tihar", "defaultCommissionType": "PERCENTAGE", "defaultCommissionValue": "10"}
        self.campaign = done(self.software.post(f"{API}/campaigns", sale), 201)["id"]
        done(self.software.post(f"{API}/campaigns/{self.campaign}/activate"))

    def affiliate(self, name):
        """Its id and address."""
        email = f"{name.lower()}-{self.tag}@blog.example"
        return done(self.software.post(f"{API}/affiliates", {"name": name, "email": email}), 201)["id"], email

    def link(self, affiliate):
        body = {"affiliateId": affiliate, "destination": f"{SHOP}/lights"}
        return done(self.software.post(f"{API}/campaigns/{self.campaign}/links", body), 201)["code"]

    def sell(self, code, number, amount):
        """Somebody follows the link and buys; the order is confirmed, so that its commission is approved."""
        _, click_id, _ = follow(self.platform, code)
        order = {"externalOrderId": number, "orderAmount": amount, "currency": "NPR", "clickId": click_id}
        done(self.software.post(f"{API}/conversions", order), 202)
        assert weighed(self.software, number)["status"] == "CREDITED"
        done(self.software.post(f"{API}/conversions/{number}/status", {"status": "confirmed"}))

    def invite(self, affiliate):
        assert done(self.software.post(f"{API}/affiliates/{affiliate}/invite"))["account"] == "INVITED"

    def has_account(self, affiliate):
        return done(self.software.get(f"{API}/affiliates/{affiliate}"))["account"] == "ACTIVE"


def wait_a_minute(platform, affiliate):
    """Let the invitation have been sent two minutes ago."""
    earlier = (
        update(Affiliate).where(Affiliate.id == UUID(affiliate)).values(invited_at=utcnow() - timedelta(minutes=2))
    )
    with (
        closing(platform.database("affiliates")) as database,
        acting_as(Principal.system("test")),
        database.begin() as session,
    ):
        session.execute(earlier)


@pytest.fixture
def programme(platform):
    return Programme(platform)


def page_at(link):
    return requests.get(link, timeout=20)


def test_an_affiliate_joins_by_the_mail_and_sees_its_own(platform, programme):
    """Campaigns, links, clicks, conversions, balance, statements; never another affiliate's, nor the merchant's."""
    bina, email = programme.affiliate("Bina")
    chandra, chandras_email = programme.affiliate("Chandra")
    code, chandras_code = programme.link(bina), programme.link(chandra)
    programme.sell(code, "ORDER-OF-BINA", "1000.00")
    programme.sell(chandras_code, "ORDER-OF-CHANDRA", "7000.00")

    programme.invite(bina)
    link, (mail,) = link_in(platform, email, PAGE)
    name = done(programme.merchant.admin.get(f"{API}/me"))["tenant"]["name"]
    assert (mail["subject"], name in mail["text"]) == (f"Your invitation to {name} on Concord", True)
    form = Form(page_at(link))
    assert (form.scripts, form.fields["name"]) == (0, "Bina")
    assert form.send(password="password1234").status_code == 422
    assert form.send(password=GOOD).status_code == 200
    assert form.send(password=BETTER).status_code == page_at(link).status_code == 422
    until(lambda: programme.has_account(bina), what="the claim of the enrolment")

    browser = Browser(platform)
    assert browser.sign_in(email, BETTER).status_code == 401
    done(browser.sign_in(email, GOOD))
    assert done(browser.get("/api/v1/me"))["role"] == "Affiliate"
    me = done(browser.get(f"{PORTAL}/me"))
    assert (me["id"], me["email"], me["merchant"]["name"]) == (bina, email, name)
    [campaign] = done(browser.get(f"{PORTAL}/campaigns"))["items"]
    assert (campaign["id"], campaign["links"]) == (programme.campaign, 1)
    assert [item["code"] for item in done(browser.get(f"{PORTAL}/links"))["items"]] == [code]
    assert sum(day["clicks"] for day in done(browser.get(f"{PORTAL}/clicks"))["items"]) == 1
    [order] = done(browser.get(f"{PORTAL}/conversions"))["items"]
    assert (order["externalOrderId"], order["commission"]) == ("ORDER-OF-BINA", "100.00")
    [balance] = done(browser.get(f"{PORTAL}/balance"))["items"]
    assert (balance["held"], balance["approved"]) == ("0.00", "100.00")
    [statement] = done(browser.get(f"{PORTAL}/statements"))["items"]
    assert (statement["earned"], statement["closing"]) == ("100.00", "100.00")

    lists = ("me", "campaigns", "links", "clicks", "conversions", "balance", "statements")
    for path in (*lists, f"campaigns/{programme.campaign}"):
        text = browser.get(f"{PORTAL}/{path}").text
        for secret in (chandra, chandras_email, chandras_code, "ORDER-OF-CHANDRA", "700.00", "Chandra"):
            assert secret not in text, path
    for path in ("affiliates", "reports", "ledger", "statements", "conversions/ORDER-OF-BINA", "campaigns", "settings"):
        refused(browser.get(f"/merchant{API}/{path}"), 403)
    elsewhere = Programme(platform)
    assert browser.get(f"{PORTAL}/campaigns/{elsewhere.campaign}").status_code == 404
    assert browser.get("/api/v1/tenant/users").status_code == 403


def test_of_two_who_open_the_link_at_once_one_gets_the_account(platform, programme):
    bina, email = programme.affiliate("Bina")
    programme.invite(bina)
    link, _ = link_in(platform, email, PAGE)
    passwords = [GOOD, BETTER]
    forms = [Form(page_at(link)) for _ in passwords]
    with ThreadPoolExecutor(len(passwords)) as threads:
        tries = [threads.submit(form.send, password=word) for form, word in zip(forms, passwords, strict=True)]
        statuses = [attempt.result().status_code for attempt in tries]
    assert sorted(statuses) == [200, 422]
    opens = [Browser(platform).sign_in(email, password).status_code for password in passwords]
    assert opens == [200 if status == 200 else 401 for status in statuses]
    until(lambda: programme.has_account(bina), what="the claim of the enrolment")


def test_a_mail_that_never_came_is_sent_again(platform, programme):
    """Not twice within a minute; only the last mail's link is good."""
    bina, email = programme.affiliate("Bina")
    programme.invite(bina)
    first, _ = link_in(platform, email, PAGE)
    programme.invite(bina)
    wait_a_minute(platform, bina)
    programme.invite(bina)
    second, mails = link_in(platform, email, PAGE, count=2)
    assert (len(mails), first == second) == (2, False)
    assert page_at(first).status_code == 422
    assert Form(page_at(second)).send(password=GOOD).status_code == 200
    done(Browser(platform).sign_in(email, GOOD))
    until(lambda: programme.has_account(bina), what="the claim of the enrolment")
    refused(programme.software.post(f"{API}/affiliates/{bina}/invite"), 409)
    assert len(link_in(platform, email, PAGE)[1]) == 2
