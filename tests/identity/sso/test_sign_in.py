"""The way to a tenant's own OpenID Connect provider and back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine

from chassis.core.clock import utcnow
from services.identity.sessions.rules import Bucket
from services.identity.sso import rules
from tests.identity.sso.conftest import ANNA, LARS, SSO, configuration, is_page, is_signed_in, people, rows_of
from tests.identity.sso.provider import Browser, Person

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


def test_a_new_person_comes_in_with_the_role_that_the_mapping_names(identity, tenant, slug, configured, browser):
    cookie = is_signed_in(browser.sign_in(slug))
    assert {"HttpOnly", "SameSite=Strict", "Path=/session"} <= {part.strip() for part in cookie.split(";")}
    assert "Max-Age" not in cookie
    assert people(identity, tenant)["lars@nordic-heating.example"] == "SupplierAdmin"
    (added,) = [e for e in identity.running.events("identity.UserAdded.v1") if e["data"]["name"] == "Lars Berg"]
    assert added["data"]["email"] == "lars@nordic-heating.example"
    granted = identity.refresh(browser.cookies["concord_session"])
    claims = identity.claims(granted.json["access_token"])
    assert (claims["tenant"], claims["name"], claims["role"]) == (tenant, "Lars Berg", "SupplierAdmin")
    assert claims["sid"]


def test_the_way_there_has_pkce_state_and_nonce(provider, slug, configured, browser):
    """RFC 7636, OpenID Connect Core 3.1.2.1."""
    answer = browser.start(slug)
    target = urlsplit(answer.headers["Location"])
    query = {name: value for name, (value,) in parse_qs(target.query).items()}
    assert f"{target.scheme}://{target.netloc}{target.path}" == f"{provider.url}/authorize"
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43
    assert min(len(query["state"]), len(query["nonce"])) >= 43
    assert query["redirect_uri"] == "http://localhost:8080/session/sso/callback"
    assert set(query["scope"].split()) == {"openid", "email", "profile"}
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/session/sso", "Max-Age=600"} <= {p.strip() for p in cookie.split(";")}
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    browser.come_back(browser.at_provider(answer))
    (form,) = provider.forms
    assert len(form["code_verifier"]) >= 43
    again = parse_qs(urlsplit(browser.start(slug).headers["Location"]).query)
    assert not {query[name] for name in ("state", "nonce", "code_challenge")} & {
        again[name][0] for name in ("state", "nonce", "code_challenge")
    }


def begin_from(identity, slug, address):
    return identity.nobody.get(f"/session/sso/{slug}", headers={"X-Concord-Client": address})


def test_a_network_begins_so_many_sign_ins_and_then_waits(identity, slug, configured, monkeypatch):
    """Each is a row, and nobody has to be anybody to begin one."""
    bucket = Bucket(limit=2, forget_after=timedelta(seconds=5), first_pause=timedelta(seconds=5))
    monkeypatch.setattr(rules, "STARTS_OF_NETWORK", bucket)
    with time_machine.travel(NOW, tick=False) as clock:
        assert [begin_from(identity, slug, "192.0.2.1").status_code for _ in range(2)] == [303, 303]
        before = rows_of(identity)
        refused = begin_from(identity, slug, "192.0.2.1")
        is_page(refused, 429, "Too many visits at once")
        assert refused.headers["Retry-After"] == "5"
        own_page = {"Sec-Fetch-Site": "same-origin", "X-Concord-Client": "192.0.2.1"}
        is_page(identity.nobody.post(f"/session/sso/{slug}", headers=own_page), 429, "Too many visits at once")
        assert rows_of(identity) == before
        assert begin_from(identity, slug, "192.0.2.2").status_code == 303, "another network"
        clock.shift(5)
        assert begin_from(identity, slug, "192.0.2.1").status_code == 303


def test_noisy_networks_keep_nobody_else_out(identity, slug, configured, monkeypatch):
    """Strangers cannot shut the only door of a company that enforces single sign-on."""
    bucket = Bucket(limit=1, forget_after=timedelta(seconds=5), first_pause=timedelta(seconds=5))
    monkeypatch.setattr(rules, "STARTS_OF_NETWORK", bucket)
    with time_machine.travel(NOW, tick=False):
        for number in range(1, 21):
            noisy = [begin_from(identity, slug, f"192.0.2.{number}").status_code for _ in range(3)]
            assert noisy == [303, 429, 429]
        assert begin_from(identity, slug, "198.51.100.1").status_code == 303


def test_cookies_are_secure_where_we_are_reached_by_https(identity, slug, configured, browser, monkeypatch):
    monkeypatch.setattr(
        type(identity.running.runtime.settings), "public_url", property(lambda _self: "https://concord.example"), False
    )
    answer = browser.start(slug)
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Secure-concord_sso_")
    assert "Secure" in cookie.split("; ")
    answer = browser.come_back(browser.at_provider(answer))
    assert answer.status_code == 303
    cookie = answer.headers.getlist("Set-Cookie")[-1]
    assert cookie.startswith("__Secure-concord_session=")
    assert "Secure" in cookie.split("; ")


def test_the_tenants_id_is_as_good_as_its_slug(identity, tenant, configured, browser):
    is_signed_in(browser.sign_in(tenant))


def test_a_person_of_the_tenant_is_linked_and_known_by_the_subject_from_then_on(
    identity, tenant, provider, slug, configured, browser
):
    provider.person = Person(LARS | {"sub": "anna-1", "email": "Anna@Nordic-Heating.example"})
    is_signed_in(browser.sign_in(slug))
    assert list(people(identity, tenant)) == [ANNA]
    provider.person["email"] = "anna.berg@nordic-heating.example"
    is_signed_in(browser.sign_in(slug))
    assert list(people(identity, tenant)) == [ANNA]


@pytest.mark.parametrize(
    ("next", "target"),
    [
        ("/console/campaigns?status=Draft", "http://localhost:8080/console/campaigns?status=Draft"),
        ("", "http://localhost:8080/console/"),
        ("https://evil.example/", "http://localhost:8080/console/"),
        ("//evil.example/", "http://localhost:8080/console/"),
        ("/\\evil.example", "http://localhost:8080/console/"),
        ("/a\r\nSet-Cookie: x=y", "http://localhost:8080/console/"),
        ("javascript:alert(1)", "http://localhost:8080/console/"),
        ("/" + "a" * 2000, "http://localhost:8080/console/"),
    ],
)
def test_next_is_a_path_of_ours(slug, configured, browser, next, target):
    is_signed_in(browser.sign_in(slug, next=next), target)


def test_two_tabs_sign_in_at_once(slug, configured, browser):
    first, second = browser.start(slug), browser.start(slug)
    back = browser.at_provider(first), browser.at_provider(second)
    for location in back:
        is_signed_in(browser.come_back(location))


def test_a_thin_id_token_is_completed_by_the_userinfo_endpoint(identity, tenant, provider, slug, configured, browser):
    provider.thin = True
    is_signed_in(browser.sign_in(slug))
    assert "lars@nordic-heating.example" in people(identity, tenant)
    provider.answers["/userinfo"] = lambda: provider.person | {"sub": "somebody-else"}
    is_page(browser.sign_in(slug), 403, "could not be verified")


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic", "client_secret_post"], None])
def test_the_secret_goes_to_the_provider_as_it_wants_it(provider, slug, configured, browser, methods):
    provider.metadata["token_endpoint_auth_methods_supported"] = methods
    is_signed_in(browser.sign_in(slug))
    assert ("client_secret" in provider.forms[0]) == (methods == ["client_secret_post"])


# Replays, and who may come back


def test_a_callback_counts_once(provider, slug, configured, browser):
    location = browser.at_provider(browser.start(slug))
    cookies = dict(browser.cookies)
    is_signed_in(browser.come_back(location))
    browser.cookies = cookies
    is_page(browser.come_back(location), 400, "This sign-in is over")
    assert provider.asked.count("/token") == 1


def test_of_many_callbacks_at_once_one_counts(provider, slug, configured, browser):
    location = browser.at_provider(browser.start(slug))
    tabs = [Browser(browser.identity, dict(browser.cookies)) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda tab: tab.come_back(location), tabs))
    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 5
    assert provider.asked.count("/token") == 1


def test_a_code_counts_once_whatever_its_state(provider, slug, configured, browser):
    """Also a code that somebody else has used."""
    location = browser.at_provider(browser.start(slug))
    is_signed_in(browser.come_back(location))
    code = parse_qs(urlsplit(location).query)["code"]
    second = browser.at_provider(browser.start(slug))
    state = parse_qs(urlsplit(second).query)["state"]
    mixed = "/session/sso/callback?" + urlencode({"code": code[0], "state": state[0]})
    is_page(browser.come_back(mixed), 403, "could not be verified")


def test_a_code_of_another_sign_in_opens_nothing(provider, slug, configured, browser):
    """A code injected from the attacker's own sign-in: it was made for another verifier and nonce."""
    attacker = Browser(browser.identity)
    stolen = parse_qs(urlsplit(attacker.at_provider(attacker.start(slug))).query)["code"][0]
    state = parse_qs(urlsplit(browser.at_provider(browser.start(slug))).query)["state"][0]
    is_page(browser.come_back("/session/sso/callback?" + urlencode({"code": stolen, "state": state})), 403, "verified")


def test_another_browser_cannot_finish_a_sign_in(provider, slug, configured, browser):
    """Nobody is signed in as an attacker by a link; and the attempt still counts for its own browser."""
    location = browser.at_provider(browser.start(slug))
    other = Browser(browser.identity)
    is_page(other.come_back(location), 400, "began in another browser")
    other.start(slug)
    is_page(other.come_back(location), 400, "began in another browser")
    assert "/token" not in provider.asked
    is_signed_in(browser.come_back(location))


@pytest.mark.parametrize("query", ["", "?state=", "?state=x&code=y", "?code=y", "?error=access_denied", "?state=%00"])
def test_what_never_began_is_over(configured, browser, query):
    is_page(browser.come_back(f"/session/sso/callback{query}"), 400, "over" if query != "?state=%00" else "opened")


def test_a_sign_in_is_over_after_ten_minutes(slug, configured, browser):
    with time_machine.travel(utcnow(), tick=False) as clock:
        location = browser.at_provider(browser.start(slug))
        clock.shift(601)
        is_page(browser.come_back(location), 400, "It took too long")


def test_who_is_declined_by_the_provider_reads_a_page(slug, configured, browser):
    state = parse_qs(urlsplit(browser.start(slug).headers["Location"]).query)["state"][0]
    answer = browser.come_back(f"/session/sso/callback?error=access_denied&error_description=%3Cb%3E&state={state}")
    assert "<b>" not in is_page(answer, 403, "did not let you in")


def test_an_answer_that_names_another_issuer_is_refused(provider, slug, configured, browser):
    """RFC 9207: against a mix-up of providers."""
    location = browser.at_provider(browser.start(slug))
    is_page(browser.come_back(f"{location}&iss=https://evil.example"), 403, "could not be verified")
    assert "/token" not in provider.asked
    location = browser.at_provider(browser.start(slug))
    is_signed_in(browser.come_back(f"{location}&iss={provider.url}"))


def test_a_provider_that_names_itself_must_do_so(provider, slug, configured, browser):
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    location = browser.at_provider(browser.start(slug))
    is_page(browser.come_back(location), 403, "could not be verified")


def test_the_tenants_admins_see_that_somebody_was_not_let_in(identity, tenant, provider, slug, configured, browser):
    """Whose try it was nobody can say; how and from where, they can."""
    provider.person = Person(LARS | {"email_verified": False})
    assert browser.sign_in(slug).status_code == 403
    (row,) = identity.admin.get(f"/api/v1/admin/sign-ins?tenantId={tenant}&outcome=sso_refused").json["items"]
    assert (row["how"], row["account"]) == ("sso", None)


# Who comes from another site


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
def test_another_site_signs_nobody_in_unseen(identity, slug, configured, provider, site):
    """Login CSRF: a foreign page must not put its own account into somebody's browser."""
    before, asked = rows_of(identity), list(provider.asked)
    answer = identity.nobody.get(f"/session/sso/{slug}?next=/x%22y", headers={"Sec-Fetch-Site": site})
    page = is_page(answer, 200, "Sign in to Nordic Heating?")
    assert '<form method="post">' in page
    assert "next" not in page
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert not answer.headers.getlist("Set-Cookie")
    assert (rows_of(identity), provider.asked) == (before, asked)


def test_the_name_of_a_company_is_no_markup(identity, provider):
    tenant = identity.tenant("<b>Fjord</b>", slug="fjord")
    identity.user(tenant, "eve@fjord.example")
    assert identity.as_user("eve@fjord.example").put(SSO, json=configuration(provider)).status_code == 200
    answer = identity.nobody.get("/session/sso/fjord", headers={"Sec-Fetch-Site": "cross-site"})
    assert "<b>" not in is_page(answer, 200, "Sign in to &lt;b&gt;Fjord&lt;/b&gt;?")


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_pages_and_typed_addresses_go_on_at_once(identity, slug, configured, site):
    answer = identity.nobody.get(f"/session/sso/{slug}", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 303


def test_who_was_asked_goes_on_to_where_they_wanted(identity, slug, configured, browser):
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = identity.nobody.post(f"/session/sso/{slug}?next=/console/people", data={}, headers=headers)
    assert answer.status_code == 303
    (cookie,) = answer.headers.getlist("Set-Cookie")
    name, _, value = cookie.partition(";")[0].partition("=")
    browser.cookies[name] = value
    is_signed_in(browser.come_back(browser.at_provider(answer)), "http://localhost:8080/console/people")


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
def test_another_sites_form_does_not_answer_for_its_reader(identity, slug, configured, headers):
    answer = identity.nobody.post(f"/session/sso/{slug}", data={}, headers=headers)
    is_page(answer, 403, "cannot be opened this way")
    assert not answer.headers.getlist("Set-Cookie")
