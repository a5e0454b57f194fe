"""``/api/v1/tenant/sso``: a tenant's admins configure its identity provider."""

import threading
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import delete

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from contracts.roles import Role
from services.identity import settings
from services.identity.identity_providers import queries as provider_queries
from services.identity.sessions.models import SignedIn
from tests.gateway.fakes import eventually
from tests.identity.conftest import ADMIN, PASSWORD, is_oauth_error, is_problem
from tests.identity.sso.conftest import (
    ANNA,
    LARS,
    SSO,
    configuration,
    is_page,
    is_signed_in,
    rows_of,
    signed_in,
    stored,
)
from tests.identity.sso.provider import CLIENT, SECRET, Browser, Person
from tests.plugin import principal

BERIT = "berit@nordic-heating.example"


@pytest.fixture
def proven(provider, slug, configured, browser):
    """Anna has signed in by the provider once; her client."""
    provider.person = Person(LARS | {"sub": "anna", "email": ANNA})
    is_signed_in(browser.sign_in(slug))
    return configured


@pytest.fixture
def enforced(provider, proven):
    assert proven.put(SSO, json=configuration(provider, enforced=True)).status_code == 200
    return proven


def test_what_is_configured_is_shown_without_the_secret(identity, tenant, provider, slug, configured):
    shown = configured.get(SSO).json
    assert shown == {
        "issuer": provider.url,
        "clientId": CLIENT,
        "roleClaim": "roles",
        "roleMapping": {"marketing": "SupplierAdmin", "guests": "SupplierViewer"},
        "enforced": False,
        "tried": False,
        "redirectUri": "http://localhost:8080/session/sso/callback",
        "signInUrl": f"http://localhost:8080/session/sso/{slug}",
        "updatedAt": shown["updatedAt"],
    }


def test_the_secret_is_kept_encrypted_and_never_audited(identity, tenant, configured):
    provider = stored(identity, tenant)
    assert SECRET not in provider.client_secret
    assert settings.of(identity.running.runtime.settings).secret_box.decrypt(provider.client_secret) == SECRET
    (entry,) = identity.trail(tenant)[:1]
    assert (entry["action"], entry["changes"]["clientSecret"]) == ("sso.configured", [None, "replaced"])
    assert entry["changes"]["issuer"] == [None, provider.issuer]
    everything = str(identity.trail()) + str(identity.running.events())
    assert SECRET not in everything
    assert provider.client_secret not in everything


def test_the_secret_left_out_stays(identity, tenant, provider, slug, configured, browser):
    body = configuration(provider, roleClaim="groups")
    del body["clientSecret"]
    assert configured.put(SSO, json=body).json["roleClaim"] == "groups"
    assert "clientSecret" not in identity.trail(tenant)[0]["changes"]
    provider.person["groups"] = "marketing"
    is_signed_in(browser.sign_in(slug))


@pytest.mark.parametrize("change", [{"clientId": "another"}, {"issuer": "https://login.example"}])
def test_another_client_needs_its_secret(provider, configured, change):
    body = configuration(provider, **change)
    del body["clientSecret"]
    problem = is_problem(configured.put(SSO, json=body), 422, "validation_failed")
    assert problem["errors"][0]["field"] == "clientSecret"


def test_what_was_read_can_be_written_back(configured):
    read = configured.get(SSO)
    answer = configured.put(SSO, json=read.json, headers={"If-Match": read.headers["ETag"]})
    assert answer.status_code == 200
    assert {**answer.json, "updatedAt": ""} == {**read.json, "updatedAt": ""}


def test_if_match(provider, configured):
    stale = configured.get(SSO).headers["ETag"]
    assert configured.put(SSO, json=configuration(provider, roleClaim="groups")).status_code == 200
    for answer in (
        configured.put(SSO, json=configuration(provider), headers={"If-Match": stale}),
        configured.delete(SSO, headers={"If-Match": stale}),
    ):
        is_problem(answer, 412, "stale_version")
    assert configured.get(SSO).json["roleClaim"] == "groups"
    assert configured.delete(SSO, headers={"If-Match": configured.get(SSO).headers["ETag"]}).status_code == 204
    is_problem(configured.put(SSO, json=configuration(provider), headers={"If-Match": stale}), 412, "stale_version")


def test_without_a_provider_404(identity, anna):
    admin = signed_in(identity)
    is_problem(admin.get(SSO), 404, "not_found")
    is_problem(admin.delete(SSO), 404, "not_found")


def test_a_removed_provider_signs_nobody_in(identity, tenant, slug, configured, browser):
    location = browser.at_provider(browser.start(slug))
    assert configured.delete(SSO).status_code == 204
    is_page(browser.come_back(location), 400, "This sign-in is over")
    is_page(browser.start(slug), 404, "no single sign-on here")
    assert identity.trail(tenant)[0]["action"] == "sso.removed"


BAD = {
    "no issuer": {"issuer": ""},
    "http elsewhere": {"issuer": "http://login.example"},
    "our own network": {"issuer": "https://10.0.0.1"},
    "a cloud's own address": {"issuer": "http://169.254.169.254/latest"},
    "no address": {"issuer": "login.example"},
    "another scheme": {"issuer": "file:///etc/passwd"},
    "a user": {"issuer": "https://me:pw@login.example"},
    "a query": {"issuer": "https://login.example/?tenant=1"},
    "a fragment": {"issuer": "https://login.example/#x"},
    "no client": {"clientId": " "},
    "an empty secret": {"clientSecret": ""},
    "a client with an override": {"clientId": "a\u202eb"},
    "a mapping that is a list": {"roleMapping": ["SupplierAdmin"]},
    "a role that nobody knows": {"roleMapping": {"a": "Boss"}},
    "the operator's role": {"roleMapping": {"a": "PlatformAdmin"}},
    "a machine's role": {"roleMapping": {"a": "Machine"}},
    "too many roles": {"roleMapping": {str(number): "SupplierAdmin" for number in range(101)}},
    "a word for yes": {"enforced": "yes"},
    "something unknown": {"scopes": "openid"},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_bad_settings_are_refused_and_nothing_is_written(identity, provider, anna, change):
    admin = signed_in(identity)
    before = rows_of(identity)
    answer = admin.put(SSO, json=configuration(provider, **change))
    assert answer.status_code == 422, answer.json
    assert answer.json["code"] in ("validation_failed", "role_does_not_fit")
    assert SECRET not in str(answer.json)
    assert rows_of(identity) == before


def test_a_role_of_another_kind_of_tenant_does_not_fit(provider, identity, anna):
    body = configuration(provider, roleMapping={"a": "RetailerAdmin"})
    is_problem(signed_in(identity).put(SSO, json=body), 422, "role_does_not_fit")


def test_in_production_a_provider_beside_us_is_refused(identity, provider, anna, production):
    """SSRF: our own network is not to be asked."""
    admin = signed_in(identity)
    for issuer in (provider.url, "https://127.0.0.1:8443", "https://[::1]"):
        answer = admin.put(SSO, json=configuration(provider, issuer=issuer))
        assert answer.status_code == 422, issuer


def test_only_a_fresh_sign_in_may_change_it(identity, provider, configured):
    """Step-up: a stolen access token is not enough."""
    with time_machine.travel(utcnow(), tick=False) as clock:
        clock.shift(601)
        is_problem(configured.put(SSO, json=configuration(provider)), 403, "step_up_required")
        is_problem(configured.delete(SSO), 403, "step_up_required")
        assert configured.get(SSO).status_code == 200


def test_another_tenants_admin_sees_and_changes_nothing_of_it(identity, provider, configured):
    other = identity.tenant("Other")
    identity.user(other, "eve@other.example")
    eve = signed_in(identity, "eve@other.example")
    is_problem(eve.get(SSO), 404, "not_found")
    is_problem(eve.delete(SSO), 404, "not_found")
    forged = identity.running.client(principal(Role.SUPPLIER_ADMIN, tenant_id=uuid4()))
    is_problem(forged.get(SSO), 404, "not_found")
    assert configured.get(SSO).json["issuer"] == provider.url


# The only way in


def test_it_cannot_be_the_only_way_before_it_has_worked(identity, provider, anna, slug, browser):
    admin = signed_in(identity)
    is_problem(admin.put(SSO, json=configuration(provider, enforced=True)), 409, "sso_untried")
    is_problem(admin.get(SSO), 404, "not_found")
    assert admin.put(SSO, json=configuration(provider)).status_code == 200
    is_problem(admin.put(SSO, json=configuration(provider, enforced=True)), 409, "sso_untried")
    is_signed_in(browser.sign_in(slug))
    assert admin.get(SSO).json["tried"] is True
    assert admin.put(SSO, json=configuration(provider, enforced=True)).json["enforced"] is True


def test_another_client_has_to_work_first(identity, provider, enforced):
    is_problem(enforced.put(SSO, json=configuration(provider, clientId="another", enforced=True)), 409, "sso_untried")
    assert enforced.get(SSO).json["enforced"] is True
    assert enforced.put(SSO, json=configuration(provider, clientId="another")).json["tried"] is False


def test_where_it_is_the_only_way_no_password_counts(identity, slug, enforced, browser):
    refused = is_oauth_error(identity.sign_in(), 403, "sso_required")
    assert "company" in refused.json["error_description"]
    wrong = is_oauth_error(identity.sign_in(password="wrong password"), 400, "invalid_grant")
    assert "company" not in wrong.json["error_description"]
    form = {"username": ANNA, "password": PASSWORD}
    page = {"Sec-Fetch-Site": "same-origin"}
    problem = is_problem(identity.nobody.post("/session", json=form, headers=page), 403, "sso_required")
    assert problem["signInUrl"] == enforced.get(SSO).json["signInUrl"]
    problem = is_problem(
        identity.nobody.post("/session", json=form | {"password": "wrong password"}, headers=page),
        401,
        "invalid_credentials",
    )
    assert "signInUrl" not in problem
    is_signed_in(browser.sign_in(slug))


def test_warnings_say_where_no_new_password_helps(identity, slug, enforced, browser):
    target = urlsplit(browser.at_provider(browser.start(slug)))
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"Cookie": cookies, "User-Agent": "curl/8.5.0"}
    is_signed_in(identity.nobody.get(f"{target.path}?{target.query}", headers=headers))
    warning = identity.running.events("identity.AccountSecured.v2")[-1]["data"]
    assert (warning["what"], warning["byProvider"]) == ("new_device", True)


def test_rooms_below_can_ask_whether_it_is(identity, tenant, provider, enforced, reading):
    with reading() as session:
        assert provider_queries.is_enforced(session, stored(identity, tenant).tenant_id, Role.SUPPLIER_ADMIN)
        assert not provider_queries.is_enforced(session, uuid4(), Role.SUPPLIER_ADMIN)
    assert enforced.put(SSO, json=configuration(provider)).status_code == 200
    with reading() as session:
        assert not provider_queries.is_enforced(session, stored(identity, tenant).tenant_id, Role.SUPPLIER_ADMIN)


def test_sessions_that_began_in_another_way_end_but_the_admins_own(identity, tenant, provider, proven, browser):
    identity.user(tenant, BERIT, "SupplierViewer")
    berit, anna = identity.sign_in(BERIT).json, identity.sign_in().json
    other = identity.tenant("Other")
    identity.user(other, "eve@other.example")
    eve = identity.sign_in("eve@other.example").json
    admin = identity.as_bearer(anna["access_token"])
    assert admin.put(SSO, json=configuration(provider, enforced=True)).status_code == 200
    is_oauth_error(identity.refresh(berit["refresh_token"]), 400, "invalid_grant")
    assert identity.claims(berit["access_token"])["sid"] in {entry["id"] for entry in identity.feed()["revoked"]}
    for token in (anna["refresh_token"], eve["refresh_token"], browser.cookies["concord_session"]):
        assert identity.refresh(token).status_code == 200


def test_a_sign_in_from_before_there_were_sessions_ends_too(identity, tenant, provider, proven):
    """A rolling upgrade: the release before wrote refresh tokens and no sessions."""
    identity.user(tenant, BERIT, "SupplierViewer")
    tokens = [identity.sign_in(BERIT).json["refresh_token"] for _ in range(2)]
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(delete(SignedIn).where(SignedIn.how == "password"))
    assert identity.refresh(tokens[0]).status_code == 200
    assert signed_in(identity, ANNA).put(SSO, json=configuration(provider, enforced=True)).status_code == 200
    is_oauth_error(identity.refresh(tokens[1]), 400, "invalid_grant")


@pytest.mark.parametrize("change", [{"clientId": "another"}, {"issuer": "https://login.example"}, None])
def test_sessions_that_a_provider_has_begun_end_with_it(identity, provider, slug, configured, browser, change):
    is_signed_in(browser.sign_in(slug))
    by_provider = identity.refresh(browser.cookies["concord_session"]).json
    by_password = identity.sign_in().json
    answer = configured.put(SSO, json=configuration(provider, **change)) if change else configured.delete(SSO)
    assert answer.status_code in (200, 204), answer.json
    is_oauth_error(identity.refresh(by_provider["refresh_token"]), 400, "invalid_grant")
    assert identity.claims(by_provider["access_token"])["sid"] in {entry["id"] for entry in identity.feed()["revoked"]}
    assert identity.refresh(by_password["refresh_token"]).status_code == 200


def test_sessions_stay_where_the_provider_stays_the_same(identity, provider, slug, configured, browser):
    is_signed_in(browser.sign_in(slug))
    assert configured.put(SSO, json=configuration(provider, clientSecret="another")).status_code == 200
    assert identity.refresh(browser.cookies["concord_session"]).status_code == 200


def test_other_tenants_sign_in_as_before(identity, enforced):
    other = identity.tenant("Other")
    identity.user(other, "eve@other.example")
    assert identity.sign_in("eve@other.example").status_code == 200


def test_the_operator_lets_people_back_in(identity, tenant, enforced):
    """The last admin is never locked out for good."""
    path = f"{ADMIN}/{tenant}/sso/enforcement"
    is_problem(enforced.delete(path), 403, "forbidden")
    stale = identity.running.client(principal(Role.PLATFORM_ADMIN))
    is_problem(stale.delete(path), 403, "step_up_required")
    is_oauth_error(identity.sign_in(password=PASSWORD), 403, "sso_required")
    assert identity.admin.delete(path).status_code == 204
    assert identity.sign_in(password=PASSWORD).status_code == 200
    entry = identity.trail(tenant)[0]
    assert (entry["action"], entry["changes"], entry["actorName"]) == (
        "sso.released",
        {"enforced": [True, False]},
        "Olga Operator",
    )
    assert identity.admin.delete(path).status_code == 204
    assert identity.trail(tenant)[0] == entry
    is_problem(identity.admin.delete(f"{ADMIN}/{uuid4()}/sso/enforcement"), 404, "not_found")


# The provider is away


def test_a_provider_that_is_away_leaves_the_password(identity, provider, slug, configured, browser):
    location = browser.at_provider(browser.start(slug))
    provider.answers = dict.fromkeys(["/token", "/.well-known/openid-configuration"], lambda: ("down", 503))
    page = browser.come_back(location)
    assert "password" in is_page(page, 503, "cannot be reached")
    assert page.headers["Retry-After"]
    assert identity.sign_in().status_code == 200


def test_where_it_is_the_only_way_the_page_says_no_other(provider, slug, enforced, browser, forget_providers):
    provider.close()
    forget_providers()
    assert "password" not in is_page(browser.start(slug), 503, "cannot be reached")


ODD = {
    "not found": lambda: ("", 404),
    "a redirect": lambda: ("", 302, {"Location": "/keys"}),
    "a redirect into our network": lambda: ("", 307, {"Location": "http://169.254.169.254/"}),
    "no JSON": lambda: "<html>",
    "a list": list,
    "another issuer's": lambda: {"issuer": "https://login.example"},
    "too long": lambda: "x" * 600_000,
    "nested": lambda: "[" * 100_000,
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_metadata_that_is_none_is_a_provider_that_is_away(provider, slug, configured, browser, answer):
    provider.answers["/.well-known/openid-configuration"] = answer
    is_page(browser.start(slug), 503, "cannot be reached")
    assert provider.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("address", [None, 7, "javascript:alert(1)", "file:///etc/passwd", "http://10.0.0.1/keys"])
def test_metadata_cannot_send_us_or_the_browser_anywhere(provider, slug, configured, browser, endpoint, address):
    """SSRF by the document of an honest-looking issuer."""
    provider.metadata[endpoint] = address
    is_page(browser.start(slug), 503, "cannot be reached")


@pytest.mark.parametrize("path", ["/token", "/keys"])
@pytest.mark.parametrize("answer", [lambda: ("", 500), lambda: "no JSON", list, lambda: ("", 302)])
def test_odd_answers_on_the_way_back(provider, slug, configured, browser, path, answer):
    location = browser.at_provider(browser.start(slug))
    provider.answers[path] = answer
    answered = browser.come_back(location)
    assert answered.status_code in (403, 503)
    is_page(answered, answered.status_code, "Please")


def test_in_production_nothing_beside_us_is_asked(provider, slug, configured, browser, production, forget_providers):
    """Also where the address came into the database before."""
    forget_providers()
    asked = len(provider.asked)
    is_page(browser.start(slug), 503, "cannot be reached")
    assert len(provider.asked) == asked


def test_unknown_companies_and_those_without_a_provider_look_alike(identity, tenant, slug, browser):
    texts = {is_page(browser.start(address), 404, "no single sign-on here") for address in (slug, tenant, "nobody")}
    texts.add(is_page(browser.start(str(uuid4())), 404, "no single sign-on here"))
    assert len(texts) == 1


def test_no_code_and_no_secret_is_logged(provider, slug, configured, browser, caplog):
    caplog.set_level("DEBUG")
    location = browser.at_provider(browser.start(slug))
    provider.lies = {"aud": "somebody-else"}
    browser.come_back(location)
    location = browser.at_provider(browser.start(slug))
    provider.answers["/token"] = lambda: ({"error": "invalid_grant", "error_description": location}, 400)
    browser.come_back(location)
    logged = "\n".join(str(record.__dict__) for record in caplog.records)
    assert "proves nothing" in logged
    code, state = location.partition("code=")[2].split("&state=")
    for secret in (code, state, SECRET, "eyJ"):
        assert secret not in logged


def test_a_provider_that_hangs_holds_up_two_threads_at_most(identity, provider, slug, configured, monkeypatch):
    """Whoever else has the address is told at once, and passwords go on."""
    over = threading.Event()
    provider.answers["/.well-known/openid-configuration"] = lambda: (over.wait(30), ("", 503))[1]
    visits = []
    visitors = [
        threading.Thread(target=lambda: visits.append(Browser(identity.nobody).start(slug).status_code)) for _ in "12"
    ]
    for visitor in visitors:
        visitor.start()
    assert eventually(lambda: len(provider.asked) == 2)
    is_page(Browser(identity.nobody).start(slug), 503, "cannot be reached")
    assert identity.sign_in().status_code == 200
    assert len(provider.asked) == 2
    over.set()
    for visitor in visitors:
        visitor.join(10)
    assert visits == [503, 503]
