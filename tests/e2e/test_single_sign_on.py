"""Single sign-on from end to end: a company's own OpenID Connect provider, browsers at the gateway, and mails.

Contract: "Sign-in in a browser", "Own tenant"."""

import time
from contextlib import closing, suppress
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest

from tests.e2e.cross_site import TYPED, Browser, is_page
from tests.e2e.harness import OPERATOR, PASSWORD, Platform, User, new_tenant, new_user, until
from tests.identity.sso.provider import CLIENT, SECRET, Person, Provider

SSO = "/api/v1/tenant/sso"
TEAM = "/api/v1/tenant/users"
STEP_UP = "/api/v1/me/step-up"
CALLBACK = "/session/sso/callback"
MAPPING = {"leaders": "RetailerAdmin", "staff": "RetailerViewer"}


class Company:
    """A retailer with an admin, Rolf, and a provider that its people sign in by."""

    def __init__(self, platform: Platform) -> None:
        operator, self.tag = platform.user(*OPERATOR), uuid4().hex[:8]
        self.platform = platform
        self.tenant = new_tenant(operator, f"Fjord {self.tag}", "Retailer")
        self.rolf: User = new_user(platform, operator, self.tenant, self.address("rolf"), "RetailerAdmin")
        self.provider = Provider(self.person("rolf", "leaders"))
        self.sign_in_url = ""

    def address(self, name: str) -> str:
        return f"{name}-{self.tag}@fjord.example"

    def person(self, name: str, *roles: str) -> Person:
        """Somebody as the provider knows them."""
        claims = {"sub": f"{name}-1", "email": self.address(name), "email_verified": True, "name": name.title()}
        return Person(claims | {"roles": list(roles)})

    def settings(self, **change):
        client = {"issuer": self.provider.url, "clientId": CLIENT, "clientSecret": SECRET}
        return client | {"roleMapping": MAPPING} | change

    def configure(self, **change) -> None:
        answer = self.rolf.put(SSO, self.settings(**change))
        assert answer.status_code == 200, answer.text
        self.sign_in_url = answer.json()["signInUrl"]

    def enforce(self) -> None:
        """Rolf tries the provider, and makes it the only way in."""
        self.provider.person = self.person("rolf", "leaders")
        assert Browser(self.platform).sign_in_by_provider(self.sign_in_url).status_code == 303
        self.configure(enforced=True)

    def browser_of(self, name: str, *roles: str) -> Browser:
        """The browser of somebody who has signed in by the provider."""
        self.provider.person = self.person(name, *roles)
        browser = Browser(self.platform)
        assert browser.sign_in_by_provider(self.sign_in_url).status_code == 303
        return browser

    def close(self) -> None:
        with suppress(OSError):
            self.provider.close()


@pytest.fixture
def company(platform):
    with closing(Company(platform)) as made:
        yield made


@pytest.fixture
def configured(company):
    company.configure()
    return company


def is_shut_out(browser):
    """The browser was given no session."""
    assert "concord_session" not in browser.cookies
    assert browser.renew().status_code == 204


def test_a_company_brings_its_own_sign_in(platform, company):
    """Its admin configures it and shows a password again to enforce it; a colleague comes in, works, and is what the
    provider says she is."""
    rolf = Browser(platform)
    assert rolf.sign_in(company.rolf.email, PASSWORD).status_code == 200
    by_password = dict(rolf.bearer)
    configured = rolf.send("PUT", SSO, json=company.settings())
    assert configured.status_code == 200, configured.text
    assert SECRET not in rolf.send("GET", SSO).text
    untried = rolf.send("PUT", SSO, json=company.settings(enforced=True))
    assert (untried.status_code, untried.json()["code"]) == (409, "sso_untried")

    sign_in_url = configured.json()["signInUrl"]
    company.provider.lies = {"auth_time": int(time.time()) - 3600}  # he still had a session there
    answer = rolf.sign_in_by_provider(sign_in_url)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{rolf.base}/console/")
    assert rolf.me()["email"] == company.rolf.email
    until(lambda: _me(rolf, by_password) == 401, within=5, what="the end of the browser's earlier session")
    stale = rolf.send("PUT", SSO, json=company.settings(enforced=True))
    assert (stale.status_code, stale.json()["code"]) == (403, "step_up_required")
    assert rolf.send("POST", STEP_UP, json={"password": PASSWORD}).status_code in (200, 204)
    assert rolf.send("PUT", SSO, json=company.settings(enforced=True)).json()["enforced"] is True

    company.provider.lies = {}
    company.sign_in_url = sign_in_url
    ingrid = company.browser_of("ingrid", "staff")
    assert ingrid.me()["role"] == "RetailerViewer"
    assert ingrid.send("GET", "/api/v1/campaigns/invites").status_code == 200
    assert ingrid.send("GET", TEAM).json()["totalItems"] == 2
    invitation = {"email": company.address("kari"), "name": "Kari", "role": "RetailerViewer"}
    assert ingrid.send("POST", TEAM, json=invitation).status_code == 403
    before = dict(ingrid.bearer)
    company.provider.person = company.person("ingrid", "leaders", "staff")
    assert ingrid.sign_in_by_provider(sign_in_url).status_code == 303
    assert ingrid.me()["role"] == "RetailerAdmin"
    assert ingrid.send("POST", TEAM, json=invitation).status_code == 201
    until(lambda: _me(ingrid, before) == 401, within=5, what="the end of tokens with the old role")
    company.provider.person = company.person("ingrid")
    is_page(Browser(platform).come_back(_location(ingrid, sign_in_url)), 400, "began in another browser")
    is_page(ingrid.sign_in_by_provider(sign_in_url), 403, "You have no role here yet")


def _location(browser, sign_in_url):
    return browser.at_provider(browser.start_sso(sign_in_url))


def _me(browser, bearer):
    """The status that an access token gets."""
    before, browser.bearer = browser.bearer, bearer
    status = browser.send("GET", "/api/v1/me").status_code
    browser.bearer = before
    return status


def test_where_it_is_the_only_way_a_password_leads_to_it(platform, configured):
    """And so does an invitation: no page asks for a password that opens nothing."""
    operator = platform.user(*OPERATOR)
    ola = new_user(platform, operator, configured.tenant, configured.address("ola"), "RetailerViewer")
    assert ola.get("/api/v1/me").status_code == 200
    configured.enforce()
    until(lambda: ola.get("/api/v1/me").status_code == 401, within=5, what="the end of a password's session")
    browser = Browser(platform)
    refused = browser.sign_in(ola.email, PASSWORD)
    assert (refused.status_code, refused.json()["code"]) == (403, "sso_required")
    assert browser.sign_in(ola.email, "not the password").json()["code"] == "invalid_credentials"
    configured.provider.person = configured.person("ola", "staff")
    assert browser.sign_in_by_provider(refused.json()["signInUrl"]).status_code == 303
    assert browser.me()["email"] == ola.email

    invitation = {"email": configured.address("ines"), "name": "Ines", "role": "RetailerViewer"}
    assert configured.rolf.post(TEAM, invitation).status_code == 201
    (mail,) = until(lambda: platform.mailbox(configured.address("ines")), what="the invitation")
    assert "password" not in mail["text"]
    link = next(word for word in mail["text"].split() if "/account/invitation" in word)
    ines = Browser(platform)
    page = is_page(ines.send("GET", link, site="cross-site"), 200, "Join Fjord")
    assert (page.fields, page.links) == ({}, [urlsplit(configured.sign_in_url).path])
    token = parse_qs(urlsplit(link).query)["token"][0]
    body = {"token": token, "name": "Ines", "password": "a rather long sentence"}
    accepted = ines.send("POST", "/session/accept-invitation", json=body)
    assert (accepted.status_code, accepted.json()["code"]) == (409, "sso_required")
    configured.provider.person = configured.person("ines", "staff")
    started = ines.send("GET", page.links[0])
    assert ines.come_back(ines.at_provider(started)).status_code == 303
    assert ines.renew().status_code == 200
    assert (ines.me()["email"], ines.me()["name"]) == (configured.address("ines"), "Ines")
    is_page(ines.send("GET", link, site=TYPED), 422, "no longer valid")


def test_a_provider_that_is_away(platform, company):
    """A clear page; passwords go on where they count. A provider that never answered is not asked at every click."""
    company.configure(issuer="http://localhost:9")
    browser = Browser(platform)
    away = browser.start_sso(company.sign_in_url)
    assert "e-mail address and password" in is_page(away, 503, "cannot be reached").text
    assert away.headers["Retry-After"]
    assert browser.sign_in(company.rolf.email, PASSWORD).status_code == 200

    company.configure()
    company.enforce()
    location = _location(browser, company.sign_in_url)
    company.close()
    gone = is_page(browser.come_back(location), 503, "cannot be reached")
    assert "password" not in gone.text
    refused = browser.sign_in(company.rolf.email, PASSWORD)
    assert (refused.status_code, refused.json()["code"]) == (403, "sso_required")
    operator = platform.user(*OPERATOR)
    released = operator.delete(f"/api/v1/admin/tenants/{company.tenant}/sso/enforcement")
    assert released.status_code == 204, released.text
    assert browser.sign_in(company.rolf.email, PASSWORD).status_code == 200


def test_a_provider_opens_nothing_of_another_company(platform, configured):
    """Whomever it names: not another company's people, not the operator; and no code or state of one helps with the
    other."""
    with closing(Company(platform)) as other:
        other.configure()
        for email in (configured.rolf.email, OPERATOR[0]):
            stranger = Browser(platform)
            other.provider.person = Person(other.person("eve", "leaders") | {"email": email})
            is_page(stranger.sign_in_by_provider(other.sign_in_url), 403, "belongs to another account")
            is_shut_out(stranger)

        other.provider.person = other.person("eve", "leaders")
        other.provider.lies = {"tenant": configured.tenant, "tenant_slug": f"fjord-{configured.tag}"}
        eve = Browser(platform)
        assert eve.sign_in_by_provider(other.sign_in_url).status_code == 303
        assert eve.me()["tenant"]["id"] == other.tenant
        assert eve.send("GET", SSO).json()["issuer"] == other.provider.url
        own = configured.rolf.get(TEAM).json()["items"]
        assert [person["email"] for person in own] == [configured.rolf.email]

        mixed = Browser(platform)
        code = parse_qs(urlsplit(_location(mixed, other.sign_in_url)).query)["code"][0]
        state = parse_qs(urlsplit(_location(mixed, configured.sign_in_url)).query)["state"][0]
        answer = mixed.come_back(f"{CALLBACK}?{urlencode({'code': code, 'state': state})}")
        is_page(answer, 403, "could not be verified")
        is_shut_out(mixed)


def test_nothing_that_was_used_or_made_up_signs_anybody_in(platform, configured):
    """A callback and a code count once and in their own browser, a token for its own sign-in; the company's admin sees
    who was not let in."""
    company, browser = configured, Browser(platform)
    location = _location(browser, company.sign_in_url)
    thief = Browser(platform)
    is_page(thief.come_back(location), 400, "began in another browser")
    binding = dict(browser.cookies)
    assert browser.come_back(location).status_code == 303
    thief.cookies = binding
    is_page(thief.come_back(location), 400, "was used already")
    is_shut_out(thief)

    used = parse_qs(urlsplit(location).query)["code"][0]
    state = parse_qs(urlsplit(_location(thief, company.sign_in_url)).query)["state"][0]
    is_page(thief.come_back(f"{CALLBACK}?{urlencode({'code': used, 'state': state})}"), 403, "could not be verified")
    for lies in ({"nonce": "x" * 43}, {"aud": ["somebody-else"]}, {"iss": "https://login.example"}, {"exp": 1}):
        company.provider.lies = lies
        is_page(thief.sign_in_by_provider(company.sign_in_url), 403, "could not be verified")
    company.provider.lies = {}
    company.provider.person["email_verified"] = False
    is_page(thief.sign_in_by_provider(company.sign_in_url), 403, "not verified")
    is_shut_out(thief)
    assert browser.renew().status_code == 200
    refused = company.rolf.get("/api/v1/tenant/sign-ins?outcome=sso_refused").json()
    assert refused["totalItems"] == 6
