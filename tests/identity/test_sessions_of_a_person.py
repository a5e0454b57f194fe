"""The own sessions (http-contract, "Own account"): where one is signed in, ending one, and step-up."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlalchemy import func, select, update

from chassis.core.errors import Forbidden
from chassis.core.principal import Principal, acting_as
from contracts.roles import Role
from services.identity.factors import actions as factor_actions
from services.identity.factors import queries as factor_queries
from services.identity.sessions import tasks
from services.identity.sessions.freshness import require_fresh
from services.identity.sessions.models import LoginThrottle, RefreshToken, Revocation, SignedIn
from services.identity.signing_keys.rules import MARGIN
from tests.identity.browsers import SAFARI, Browser
from tests.identity.conftest import LATER, PASSWORD, is_problem
from tests.identity.plans import plans_of
from tests.plugin import principal

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
PATH = "/api/v1/me/sessions"
STEP_UP = "/api/v1/me/step-up"


@pytest.fixture
def browser(identity, anna):
    return Browser(identity)


def signed_in(identity, browser):
    """A client with the access token of this browser."""
    return identity.as_bearer(browser.sign_in().json["access_token"])


def test_a_person_sees_where_they_are_signed_in(identity, browser):
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in()
        clock.shift(60)
        phone = Browser(identity, "2001:db8::7", SAFARI)
        me = signed_in(identity, phone)
        clock.shift(60)
        browser.sent["X-Concord-Client"] = "198.51.100.7"
        browser.renew()
        page = me.get(PATH).json
    assert (page["page"], page["totalItems"]) == (1, 2)
    newest, oldest = page["items"]
    assert newest.pop("id") == str(me.who.session_id)
    assert newest == {
        "device": "Safari on iPhone",
        "address": "2001:db8::7",
        "how": "password",
        "since": "2026-04-01T12:01:00Z",
        "lastSeen": "2026-04-01T12:01:00Z",
        "current": True,
    }
    assert oldest.pop("id")
    assert oldest == {
        "device": "Firefox on Windows",
        "address": "198.51.100.7",
        "how": "password",
        "since": "2026-04-01T12:00:00Z",
        "lastSeen": "2026-04-01T12:02:00Z",
        "current": False,
    }


def test_what_has_ended_is_not_listed(identity, browser):
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in()
        other = Browser(identity)
        other.sign_in()
        other.sign_out()
        clock.shift(timedelta(days=14))
        me = signed_in(identity, Browser(identity))
        assert [item["current"] for item in me.get(PATH).json["items"]] == [True]
        is_problem(me.get(f"{PATH}?pageSize=0"), 422, "validation_failed")


def test_a_person_ends_a_session(identity, tenant, anna, browser):
    me = signed_in(identity, browser)
    lost = Browser(identity, device=SAFARI)
    lost_id = signed_in(identity, lost).who.session_id
    assert me.delete(f"{PATH}/{lost_id}").status_code == 204
    is_problem(lost.renew(), 401, "session_ended")
    assert str(lost_id) in {entry["id"] for entry in identity.feed()["revoked"]}
    assert browser.renew().status_code == 200
    is_problem(me.delete(f"{PATH}/{lost_id}"), 404, "not_found")
    row = identity.trail(str(lost_id))[0]
    assert (row["action"], row["actorId"], row["tenantId"]) == ("session.ended", anna, tenant)


def test_a_person_ends_the_session_that_asks(identity, browser):
    me = signed_in(identity, browser)
    assert me.delete(f"{PATH}/{me.who.session_id}").status_code == 204
    is_problem(browser.renew(), 401, "session_ended")


def test_nobody_sees_or_ends_anothers_sessions(identity, tenant, anna, browser):
    """Not a colleague, nor the operator, nor somebody of another company."""
    browser.sign_in()
    session_id = signed_in(identity, Browser(identity)).who.session_id
    identity.user(tenant, "vera@nordic-heating.example", "SupplierAdmin")
    colleague = Browser(identity).sign_in("vera@nordic-heating.example").json["access_token"]
    other = principal(Role.RETAILER_ADMIN, tenant_id=UUID(identity.tenant("Other", "Retailer")))
    for client in (identity.as_bearer(colleague), identity.admin, identity.running.client(other)):
        assert session_id not in {UUID(item["id"]) for item in client.get(PATH).json["items"]}
        is_problem(client.delete(f"{PATH}/{session_id}"), 404, "not_found")
        is_problem(client.delete(f"{PATH}/{uuid4()}"), 404, "not_found")
    assert browser.renew().status_code == 200


# Step-up


def is_fresh(identity, who, now):
    with (
        acting_as(Principal.system("test")),
        identity.running.database.read() as session,
        suppress(Forbidden),
    ):
        require_fresh(session, who, now)
        return True
    return False


def test_a_password_counts_for_ten_minutes(identity, browser):
    with time_machine.travel(NOW, tick=False) as clock:
        me = signed_in(identity, browser)
        other = signed_in(identity, Browser(identity))
        clock.shift(timedelta(minutes=10))
        assert not is_fresh(identity, me.who, datetime.now(UTC))
        browser.renew()
        assert not is_fresh(identity, me.who, datetime.now(UTC))
        is_problem(me.post(STEP_UP, json={"password": "not the password"}), 403, "invalid_credentials")
        assert not is_fresh(identity, me.who, datetime.now(UTC))
        answer = me.post(STEP_UP, json={"password": PASSWORD})
        assert (answer.status_code, answer.data) == (204, b"")
        assert is_fresh(identity, me.who, datetime.now(UTC) + timedelta(minutes=9, seconds=59))
        assert not is_fresh(identity, me.who, datetime.now(UTC) + timedelta(minutes=10))
        assert not is_fresh(identity, other.who, datetime.now(UTC))


def test_who_has_a_second_factor_shows_that(identity, browser, monkeypatch):
    me = signed_in(identity, browser)
    monkeypatch.setattr(factor_queries, "has_factor", lambda _session, _user_id: True)
    monkeypatch.setattr(factor_actions, "use_code", lambda _session, _id, code, **_: code == "123456")
    is_problem(me.post(STEP_UP, json={"password": PASSWORD}), 403, "second_factor_required")
    is_problem(me.post(STEP_UP, json={"code": "000000"}), 403, "invalid_credentials")
    assert me.post(STEP_UP, json={"code": "123456"}).status_code == 204


@pytest.mark.parametrize(
    "body", [{}, {"password": ""}, {"password": PASSWORD, "code": "123456"}, {"code": 1}, {"pin": "1"}]
)
def test_either_is_sent(identity, browser, body):
    is_problem(signed_in(identity, browser).post(STEP_UP, json=body), 422, "validation_failed")


def test_who_has_not_signed_in_here_cannot_show_anything(identity, tenant, anna, browser):
    """A machine, a caller of another issuer, somebody with another's session, one that has ended."""
    me = signed_in(identity, browser)
    machine = principal(Role.MACHINE, tenant_id=UUID(tenant))
    foreign = principal(Role.SUPPLIER_ADMIN, tenant_id=UUID(tenant), user_id=UUID(anna))
    thief = principal(Role.SUPPLIER_ADMIN, tenant_id=UUID(tenant), session_id=me.who.session_id)
    for who in (machine, foreign, thief):
        client = identity.running.client(who)
        is_problem(client.post(STEP_UP, json={"password": PASSWORD}), 403, "step_up_impossible")
    browser.sign_out()
    is_problem(me.post(STEP_UP, json={"password": PASSWORD}), 403, "step_up_impossible")


# What has ended is cleared away


def counts(identity):
    models = (RefreshToken, Revocation, LoginThrottle)
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        signed_in = session.scalar(select(func.count()).where(SignedIn.expires_at < LATER))  # the operator's stays
        return [signed_in, *(session.scalar(select(func.count()).select_from(model)) for model in models)]


def trim(identity):
    with acting_as(Principal.system("identity")):
        while tasks.trim(identity.running.runtime):
            pass


def test_ended_sessions_and_spent_revocations_are_trimmed(identity, browser):
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in()
        browser.sign_out()
        other = Browser(identity)
        other.sign_in()
        other.sign_in(password="not the password")
        trim(identity)
        assert counts(identity)[:3] == [2, 2, 1]
        clock.shift(timedelta(minutes=15))
        trim(identity)
        assert counts(identity)[2] == 1  # an access token of then may still be alive
        clock.shift(MARGIN + timedelta(seconds=1))
        trim(identity)
        assert counts(identity)[2] == 0
        clock.shift(timedelta(days=1))
        trim(identity)
        assert counts(identity) == [1, 1, 0, 0]
        assert other.renew().status_code == 200
        clock.shift(timedelta(days=14))
        trim(identity)
        assert counts(identity)[1] == 1  # the one that was used, as long as it would have been good
        clock.shift(timedelta(days=1, seconds=1))
        trim(identity)
        assert counts(identity) == [0, 0, 0, 0]


def test_what_has_ended_is_found_by_indexes(identity, anna):
    """Each deletion reads what it deletes, and not all that is still alive."""
    with plans_of(identity, "DELETE") as plans:
        trim(identity)
    indexes = (
        "refresh_tokens_expires_at",
        "refresh_tokens_revoked_at",
        "sessions_ended_at",
        "sessions_expires_at",
        "sessions_seen_at",
        "revocations_noted_at",
        "login_throttle_window_start",
        "sign_ins_",  # any: nobody's rows come first in those by user and by tenant
    )
    assert len(plans) == len(indexes)
    for index, plan in zip(indexes, plans, strict=True):
        assert f"ix_{index}" in plan, plan


def test_a_throttle_that_still_counts_is_not_trimmed(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(11):
            identity.sign_in(password="not the password")
        clock.shift(30)
        trim(identity)
        assert identity.sign_in(password="not the password").status_code == 429
        clock.shift(timedelta(hours=2))
        trim(identity)
        assert counts(identity)[3] > 0


def test_a_refresh_token_from_before_sessions_gets_one(identity, browser):
    """A rolling upgrade: code of before writes tokens without a session."""
    browser.sign_in()
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(SignedIn.__table__.delete())
    assert browser.renew().status_code == 200
    assert counts(identity)[:2] == [1, 2]
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(update(SignedIn).values(ended_at=NOW))
    is_problem(browser.renew(), 401, "session_ended")
