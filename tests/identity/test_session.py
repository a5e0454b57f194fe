"""Signing in from a browser (http-contract, "Sign-in in a browser"): the cookie, who may ask, and one successor for
each renewal, whatever tabs, thieves and lost answers do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from chassis.core.principal import Principal, acting_as
from services.identity.common.secrets import digest
from services.identity.factors import actions as factor_actions
from services.identity.factors import queries as factor_queries
from services.identity.sessions import actions as session_actions
from services.identity.sessions.models import RefreshToken, SignedIn
from services.identity.tenants.models import Tenant
from services.identity.users.models import User
from tests.identity.browsers import ANNA, OWN_PAGE, Browser, cookie_of, together
from tests.identity.conftest import ADMIN, LATER, PASSWORD, is_oauth_error, is_problem
from tests.plugin.matrix import generated

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
BODY = {"username": ANNA, "password": PASSWORD}


@pytest.fixture
def browser(identity, anna):
    return Browser(identity)


@pytest.fixture
def https(identity, monkeypatch):
    """The deployment's public address is https."""
    runtime = identity.running.runtime
    monkeypatch.setattr(runtime, "settings", replace(runtime.settings, public_url="https://Concord.example"))


def count(identity, model, *conditions):
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        return session.scalar(select(func.count()).select_from(model).where(*conditions))


def change(identity, model, **values):
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(update(model).values(**values))


def is_cleared(answer):
    morsel = cookie_of(answer)
    return morsel is not None and morsel.value == "" and morsel["max-age"] == "0" and morsel["path"] == "/session"


# The cookie


def test_the_refresh_token_is_in_the_cookie_alone(browser, identity, anna):
    answer = browser.sign_in()
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "expires_in"}
    assert answer.json["expires_in"] == 900
    assert answer.headers["Cache-Control"] == "no-store"
    assert identity.claims(answer.json["access_token"])["sub"] == anna
    morsel = cookie_of(answer)
    assert morsel.value not in answer.get_data(as_text=True)
    assert (morsel.key, morsel["path"], morsel["samesite"]) == ("concord_session", "/session", "Strict")
    assert (morsel["httponly"], morsel["secure"], morsel["domain"]) == (True, "", "")


def test_over_https_no_other_way_gets_the_cookie(https, browser):
    morsel = cookie_of(browser.sign_in())
    assert morsel.key == "__Secure-concord_session"
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"], morsel["path"]) == (
        True, True, "Strict", "/session",
    )  # fmt: skip
    assert browser.renew().status_code == 200
    browser.cookie = ("concord_session", browser.cookie[1])  # as a page on http could have set it
    assert browser.renew().status_code == 204


@pytest.mark.parametrize(("body", "max_age"), [({}, ""), ({"keep": False}, ""), ({"keep": True}, str(14 * 86_400))])
def test_the_browser_keeps_it_only_when_asked_to(browser, body, max_age):
    with time_machine.travel(NOW, tick=False):
        assert cookie_of(browser.sign_in(**body))["max-age"] == max_age
        assert cookie_of(browser.renew())["max-age"] == max_age


def test_the_cookie_opens_nothing_but_a_session(browser, identity):
    """Path=/session keeps it there; where it comes all the same it counts for nothing."""
    browser.sign_in()
    is_problem(browser.send("GET", "/api/v1/me"), 401, "unauthorized")
    is_problem(browser.send("GET", "/api/v1/me/sessions"), 401, "unauthorized")
    token = browser.cookie[1]
    answer = browser.send("POST", "/oauth/token", data={"grant_type": "refresh_token"})
    is_oauth_error(answer, 400, "invalid_request")
    assert browser.with_cookie(token).renew().status_code == 200


# Who may ask

OTHERS = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8080"},
    {"Sec-Fetch-Site": ""},
    {"Origin": "http://localhost:8081"},
    {"Origin": "https://localhost:8080"},
    {"Origin": "http://localhost:8080.evil.example"},
    {"Origin": "http://localhost:8080@evil.example"},
    {"Origin": "http://evil.example/http://localhost:8080"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Referer": "http://localhost:8080/"},
]


@pytest.mark.parametrize("headers", OTHERS)
def test_other_sites_are_refused_and_change_nothing(identity, browser, headers):
    browser.sign_in()
    before = identity.rows()
    browser.sent = {"X-Concord-Client": "192.0.2.1"}
    for method, path, options in (
        ("POST", "/session", {"json": BODY}),
        ("POST", "/session/renew", {}),
        ("DELETE", "/session", {}),
    ):
        answer = browser.send(method, path, headers=headers, **options)
        is_problem(answer, 403, "cross_site")
        assert cookie_of(answer) is None
    assert identity.rows() == before


@pytest.mark.parametrize("origin", ["http://localhost:8080", "HTTP://LOCALHOST:8080"])
def test_a_browser_that_does_not_say_is_judged_by_its_origin(identity, anna, origin):
    headers = {"Origin": origin}
    assert identity.nobody.post("/session", json=BODY, headers=headers).status_code == 200
    assert identity.nobody.post("/session/renew", headers=headers).status_code == 204


def test_the_origin_is_that_of_the_public_address(https, identity, anna):
    for origin, status in (
        ("https://concord.example", 200),
        ("https://concord.example:443", 200),
        ("http://concord.example", 403),
    ):
        answer = identity.nobody.post("/session", json=BODY, headers={"Origin": origin})
        assert answer.status_code == status, origin


@pytest.mark.parametrize("form", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
def test_what_a_form_can_send_is_no_sign_in(identity, anna, form):
    answer = identity.nobody.post(
        "/session", data='{"username": "a", "password": "b"}', content_type=form, headers=OWN_PAGE
    )
    is_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": ANNA},
        BODY | {"username": ""},
        BODY | {"password": ""},
        BODY | {"password": 12},
        BODY | {"keep": "yes"},
        BODY | {"code": ""},
        BODY | {"refresh_token": "x"},
    ],
)
def test_bad_bodies_are_named(identity, anna, body):
    is_problem(identity.nobody.post("/session", json=body, headers=OWN_PAGE), 422, "validation_failed")


# Signing in


def test_wrong_password_and_unknown_account_look_the_same(browser):
    wrong = is_problem(browser.sign_in(password="not the password"), 401, "invalid_credentials")
    unknown = is_problem(browser.sign_in("nobody@nordic-heating.example"), 401, "invalid_credentials")
    assert wrong | {"requestId": 0} == unknown | {"requestId": 0}
    assert browser.cookie is None


@pytest.mark.parametrize("state", [{"suspended_at": NOW}, {"invited_at": NOW, "password_hash": None}])
def test_who_may_not_sign_in_is_refused_like_a_wrong_password(browser, identity, state):
    wrong = browser.sign_in(password="not the password").json
    change(identity, User, **state)
    assert is_problem(browser.sign_in(), 401, "invalid_credentials") | {"requestId": 0} == wrong | {"requestId": 0}
    is_oauth_error(identity.sign_in(), 400, "invalid_grant")


def test_a_suspended_company_is_named_to_those_who_know_the_password_alone(browser, identity):
    browser.sign_in()
    change(identity, Tenant, suspended_at=NOW)
    is_problem(browser.renew(), 403, "tenant_suspended")
    is_problem(browser.sign_in(), 403, "tenant_suspended")
    is_oauth_error(identity.sign_in(), 403, "tenant_suspended")
    is_problem(browser.sign_in(password="not the password"), 401, "invalid_credentials")
    change(identity, Tenant, suspended_at=None)
    assert browser.renew().status_code == 200


@pytest.fixture
def code(monkeypatch):
    """Everybody has a second factor, whose code is good once."""
    good = {"123456"}

    def use_code(_session, _user_id, code, **_):
        is_good = code in good
        good.discard(code)
        return is_good

    monkeypatch.setattr(factor_queries, "has_factor", lambda _session, _user_id: True)
    monkeypatch.setattr(factor_actions, "use_code", use_code)
    return "123456"


def test_a_second_factor_is_asked_for_once_the_password_is_right(browser, code):
    is_problem(browser.sign_in(password="not the password"), 401, "invalid_credentials")
    is_problem(browser.sign_in(password="not the password", code=code), 401, "invalid_credentials")
    is_problem(browser.sign_in(), 401, "second_factor_required")
    is_problem(browser.sign_in(code="000000"), 401, "invalid_credentials")
    assert browser.sign_in(code=code).status_code == 200
    is_problem(browser.sign_in(code=code), 401, "invalid_credentials")


def test_the_token_endpoint_asks_for_it_in_its_own_words(identity, anna, code):
    form = {"grant_type": "password", **BODY}
    is_oauth_error(identity.token(**form), 400, "second_factor_required")
    is_oauth_error(identity.token(**form, code="000000"), 400, "invalid_grant")
    assert identity.token(**form, code=code).status_code == 200


# Fixation


def test_a_sign_in_never_takes_over_the_session_it_is_brought(browser, identity, tenant):
    """A cookie that an attacker planted is no longer good afterwards, and the new one is not his."""
    identity.user(tenant, "eve@nordic-heating.example", "SupplierViewer")
    eve = Browser(identity)
    eve.sign_in("eve@nordic-heating.example")
    planted = eve.cookie[1]
    browser.cookie = eve.cookie
    answer = browser.sign_in()
    assert browser.cookie[1] != planted
    assert (
        identity.claims(browser.renew().json["access_token"])["sid"]
        == (identity.claims(answer.json["access_token"])["sid"])
    )
    is_problem(eve.renew(), 401, "session_ended")


def test_of_two_cookies_neither_counts(browser, identity):
    """A page on a neighbouring host can add one, never replace ours."""
    browser.sign_in()
    own = browser.cookie[1]
    browser.cookie = ("concord_session", f"{own}; concord_session=planted")
    answer = browser.renew()
    is_problem(answer, 401, "session_ended")
    assert is_cleared(answer)
    assert browser.with_cookie(own).renew().status_code == 200


@pytest.mark.parametrize(
    "order", ["{own}; concord_session=planted", "=; concord_session=planted; concord_session={own}"]
)
@pytest.mark.parametrize("way", ["sign_out", "sign_in"])
def test_whichever_of_two_cookies_is_ours_is_ended(browser, identity, way, order):
    """A planted one cannot keep somebody signed in who signs out, or signs in as another."""
    session = identity.claims(browser.sign_in().json["access_token"])["sid"]
    own = browser.cookie[1]
    browser.cookie = ("concord_session", order.format(own=own))
    assert getattr(browser, way)().status_code in (200, 204)
    assert session in {entry["id"] for entry in identity.feed()["revoked"]}
    is_problem(browser.with_cookie(own).renew(), 401, "session_ended")


# Renewing and ending


def test_without_a_cookie_there_is_nothing_to_renew(browser):
    answer = browser.renew()
    assert (answer.status_code, answer.data, cookie_of(answer)) == (204, b"", None)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("value", ["unknown", "x" * 5000, "%F0%9F%98%80", '"quoted"'])
def test_a_cookie_that_is_none_of_ours_is_cleared(browser, value):
    browser.cookie = ("concord_session", value)
    answer = browser.renew()
    is_problem(answer, 401, "session_ended")
    assert is_cleared(answer)


def test_two_tabs_share_a_successor(browser, identity):
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in()
        tab = browser.with_cookie(browser.cookie[1])
        first = browser.renew()
        clock.shift(9.999)
        second = tab.renew()
    assert (first.status_code, second.status_code) == (200, 200)
    assert tab.cookie == browser.cookie
    assert first.json["access_token"] != second.json["access_token"]
    assert count(identity, RefreshToken) == 2


def test_a_used_cookie_that_comes_after_ten_seconds_ends_the_family(browser, identity):
    """RFC 9700, 4.14: it has been copied, and nobody can tell by whom."""
    with time_machine.travel(NOW, tick=False) as clock:
        session = identity.claims(browser.sign_in().json["access_token"])["sid"]
        thief = browser.with_cookie(browser.cookie[1])
        browser.renew()
        clock.shift(10)
        answer = thief.renew()
        is_problem(answer, 401, "session_ended")
        assert is_cleared(answer)
        is_problem(browser.renew(), 401, "session_ended")
        assert {"id": session, "at": "2026-04-01T13:00:10Z"} in identity.feed()["revoked"]


def test_signing_out_ends_the_family_and_the_access_tokens(browser, identity):
    session = identity.claims(browser.sign_in().json["access_token"])["sid"]
    tab = browser.with_cookie(browser.cookie[1])
    other = Browser(identity)
    other.sign_in()
    answer = browser.sign_out()
    assert (answer.status_code, is_cleared(answer)) == (204, True)
    is_problem(tab.renew(), 401, "session_ended")
    assert session in {entry["id"] for entry in identity.feed()["revoked"]}
    assert other.renew().status_code == 200
    assert browser.sign_out().status_code == 204


# A used cookie that comes again within ten seconds, of a sign-in that has been ended meanwhile


def sign_out(identity, browser, tenant, anna):
    assert browser.sign_out().status_code == 204


def end_all_sessions(identity, browser, tenant, anna):
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session_actions.end_all(session, UUID(anna), now=datetime.now(UTC))


def suspend_person(identity, browser, tenant, anna):
    identity.user(tenant, "bert@nordic-heating.example")
    bert = identity.as_user("bert@nordic-heating.example")
    assert bert.patch(f"/api/v1/tenant/users/{anna}", json={"suspended": True}).status_code == 200


def remove_person(identity, browser, tenant, anna):
    assert identity.admin.delete(f"{ADMIN}/{tenant}/users/{anna}").status_code == 204


def suspend_tenant(identity, browser, tenant, anna):
    assert identity.admin.patch(f"{ADMIN}/{tenant}", json={"suspended": True}).status_code == 200


ENDINGS = [
    (sign_out, 401, "session_ended"),
    (end_all_sessions, 401, "session_ended"),
    (suspend_person, 401, "session_ended"),
    (remove_person, 401, "session_ended"),
    (suspend_tenant, 403, "tenant_suspended"),
]


@pytest.mark.parametrize(("ending", "status", "code"), ENDINGS)
def test_a_used_cookie_gives_nothing_in_its_ten_seconds_once_the_sign_in_has_ended(
    browser, identity, tenant, anna, ending, status, code
):
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in()
        tab = browser.with_cookie(browser.cookie[1])
        assert browser.renew().status_code == 200
        clock.shift(1)
        ending(identity, browser, tenant, anna)
        clock.shift(1)
        tokens = count(identity, RefreshToken)
        answer = tab.renew()
        is_problem(answer, status, code)
        assert "access_token" not in answer.json
        assert is_cleared(answer) == (status == 401)
        assert count(identity, RefreshToken) == tokens


@pytest.mark.parametrize(("ending", "status", "code"), ENDINGS)
def test_a_used_refresh_token_gives_nothing_in_its_ten_seconds_once_the_sign_in_has_ended(
    browser, identity, tenant, anna, ending, status, code
):
    """The same at the token endpoint, in its own words."""
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in()
        used = browser.cookie[1]
        assert browser.renew().status_code == 200
        clock.shift(1)
        ending(identity, browser, tenant, anna)
        clock.shift(1)
        answer = identity.refresh(used)
        is_oauth_error(answer, *((400, "invalid_grant") if status == 401 else (status, code)))
        assert set(answer.json) == {"error", "error_description"}


def test_a_used_cookie_gives_its_successor_once_the_tenant_is_back(browser, identity, tenant, anna):
    """Refusing it has changed nothing."""
    with time_machine.travel(NOW, tick=False):
        browser.sign_in()
        tab = browser.with_cookie(browser.cookie[1])
        browser.renew()
        suspend_tenant(identity, browser, tenant, anna)
        is_problem(tab.renew(), 403, "tenant_suspended")
        identity.admin.patch(f"{ADMIN}/{tenant}", json={"suspended": False})
        assert tab.renew().status_code == 200
        assert tab.cookie == browser.cookie


def test_what_nobody_uses_for_two_weeks_has_ended(browser):
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in(keep=True)
        clock.shift(timedelta(days=14, seconds=-1))
        assert browser.renew().status_code == 200
        clock.shift(timedelta(days=14))
        is_problem(browser.renew(), 401, "session_ended")


def test_after_ninety_days_everybody_signs_in_again(browser):
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in(keep=True)
        for _ in range(8):
            clock.shift(timedelta(days=10))
            assert browser.renew().status_code == 200
        clock.shift(timedelta(days=10, seconds=-1))
        assert cookie_of(browser.renew())["max-age"] == "1"
        clock.shift(1)
        is_problem(browser.renew(), 401, "session_ended")


@generated(60)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from([0, 1, 4, 9.5, 10, 11]),
            st.sampled_from(["renew", "renew", "renew", "renew", "sign_out"]),
        ),
        min_size=1,
        max_size=8,
    )
)
@example(steps=[(0, 0, "renew"), (1, 1, "sign_out"), (0, 1, "renew")])
@example(steps=[(0, 0, "renew"), (0, 1, "sign_out"), (0, 1, "renew")])
def test_a_family_is_one_line_of_successors(identity, steps):
    """Whoever brings whichever cookie of a family when: it gives the newest one within ten seconds of its use, and the
    newest a new one; anything else ends all of them, and so does signing out with any of them."""
    if count(identity, User) == 0:
        identity.user(identity.tenant())
    with time_machine.travel(NOW, tick=False) as clock:
        browser = Browser(identity)
        browser.sign_in()
        line, used, alive = [browser.cookie[1]], {}, True
        for place, seconds, way in steps:
            clock.shift(seconds)
            token = line[place % len(line)]
            now = datetime.now(UTC)
            tab = browser.with_cookie(token)
            if way == "sign_out":
                alive = False
                assert tab.sign_out().status_code == 204
                continue
            answer = tab.renew()
            if alive and token == line[-1]:
                used[token] = now
                line.append(tab.cookie[1])
                assert line[-1] not in line[:-1]
            elif alive and now - used[token] < timedelta(seconds=10):
                assert tab.cookie[1] == line[-1]
            else:
                alive = False
                assert answer.status_code == 401
        tokens = count(identity, RefreshToken, RefreshToken.family == family_of(identity, line[0]))
        assert tokens == len(line)


def family_of(identity, token):
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        return session.scalar(select(RefreshToken.family).where(RefreshToken.digest == digest(token)))


def test_tabs_that_renew_at_the_same_moment_get_one_successor(browser, identity):
    browser.sign_in()
    token = browser.cookie[1]

    def renew():
        tab = browser.with_cookie(token)
        return tab.renew().status_code, tab.cookie[1]

    answers = together(renew, 8)
    assert {status for status, _ in answers} == {200}
    assert len({cookie for _, cookie in answers}) == 1
    assert count(identity, RefreshToken) == 2


def test_signing_out_while_tabs_renew_ends_them_all(browser, identity):
    browser.sign_in()
    token, turns = browser.cookie[1], iter(range(8))

    def work():
        tab = browser.with_cookie(token)
        is_last = next(turns) % 4 == 3
        return (tab.sign_out() if is_last else tab.renew()).status_code, tab.cookie

    answers = together(work, 8)
    assert {status for status, _ in answers} <= {200, 204, 401}
    cookies = {cookie[1] for _, cookie in answers if cookie}
    assert {browser.with_cookie(cookie).renew().status_code for cookie in cookies | {token}} == {401}
    assert count(identity, SignedIn, SignedIn.ended_at.is_(None), SignedIn.expires_at < LATER) == 0


def test_ending_all_sessions_while_they_are_renewed_waits_for_nobody_in_a_circle(browser, identity, tenant, anna):
    """Removing a person locks the user first, as a renewal does."""
    browser.sign_in()
    token, turns = browser.cookie[1], iter(range(6))

    def work():
        if next(turns) == 3:
            return identity.admin.delete(f"/api/v1/admin/tenants/{tenant}/users/{anna}").status_code
        return browser.with_cookie(token).renew().status_code

    assert set(together(work, 6)) <= {200, 204, 401}
    assert browser.with_cookie(token).renew().status_code == 401
    assert count(identity, SignedIn, SignedIn.user_id == UUID(anna), SignedIn.ended_at.is_(None)) == 0
