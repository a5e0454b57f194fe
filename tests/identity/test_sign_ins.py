"""Who signed in or tried to (http-contract, "Own tenant"): recorded, counted, read by the right people, trimmed.

And the mail on a new device."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from prometheus_client import REGISTRY
from sqlalchemy import text, update

from chassis.core.principal import Principal, acting_as
from contracts.roles import Role
from services.identity.common.clients import UNKNOWN_DEVICE, Client, device_of
from services.identity.factors import actions as factor_actions
from services.identity.factors import queries as factor_queries
from services.identity.sessions import tasks as session_tasks
from services.identity.sign_ins import actions as sign_in_actions
from services.identity.sign_ins import queries as sign_in_queries
from services.identity.sign_ins import tasks
from services.identity.sign_ins.models import SignIn
from services.identity.sign_ins.rules import How, Outcome
from services.identity.tenants.models import Tenant
from services.identity.users.models import User
from tests.identity.browsers import ANNA, SAFARI, Browser
from tests.identity.conftest import is_problem
from tests.identity.plans import plans_of
from tests.plugin import principal

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
OWN = "/api/v1/tenant/sign-ins"
ALL = "/api/v1/admin/sign-ins"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"


@pytest.fixture
def browser(identity, anna):
    return Browser(identity)


@pytest.fixture
def admin(identity, tenant, anna):
    return identity.running.client(principal(Role.SUPPLIER_ADMIN, tenant_id=UUID(tenant)))


def outcomes(client, path=OWN, **query):
    items = client.get(path, query_string=query).json["items"]
    return [(item["how"], item["outcome"]) for item in items]


def change(identity, model, **values):
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(update(model).values(**values))


# Recorded


def test_a_sign_in_says_who_when_whence_how_and_how_it_ended(admin, browser, anna):
    with time_machine.travel(NOW, tick=False):
        browser.sent["X-Concord-Client"] = "[2001:db8::7]:443"
        browser.sign_in("ANNA@nordic-heating.example")
    page = admin.get(OWN).json
    assert page["totalItems"] == 1
    [row] = page["items"]
    assert row.pop("id")
    assert row == {
        "at": "2026-04-01T12:00:00Z",
        "userId": anna,
        "account": ANNA,
        "how": "password",
        "outcome": "ok",
        "device": "Firefox on Windows",
        "address": "2001:db8::7",
    }


def test_every_failure_is_recorded_with_its_reason(identity, admin, browser, monkeypatch):
    browser.sign_in(password="not the password")
    change(identity, User, suspended_at=NOW)
    browser.sign_in()
    change(identity, User, suspended_at=None)
    change(identity, Tenant, suspended_at=NOW)
    identity.sign_in()
    change(identity, Tenant, suspended_at=None)
    monkeypatch.setattr(factor_queries, "has_factor", lambda _session, _user_id: True)
    monkeypatch.setattr(factor_actions, "use_code", lambda _session, _id, code, **_: code == "123456")
    browser.sign_in()
    browser.sign_in(code="000000")
    me = identity.as_bearer(browser.sign_in(code="123456").json["access_token"])
    me.post("/api/v1/me/step-up", json={"code": "000000"})
    assert outcomes(admin)[::-1] == [
        ("password", "wrong_password"),
        ("password", "suspended"),
        ("password", "tenant_suspended"),
        ("password", "second_factor_required"),
        ("password", "wrong_code"),
        ("password", "ok"),
        ("step_up", "wrong_code"),
    ]


def test_a_used_refresh_token_that_comes_again_is_recorded_once(identity, admin, browser):
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in()
        thief = browser.with_cookie(browser.cookie[1])
        stolen = browser.cookie[1]
        browser.renew()
        clock.shift(10)
        thief.renew()
        browser.with_cookie(stolen).renew()
    assert outcomes(admin) == [("refresh", "reused"), ("password", "ok")]


def test_what_is_throttled_is_recorded_once_a_pause(identity, admin, browser):
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(13):
            browser.sign_in(password="not the password")
        assert outcomes(admin, pageSize=50) == [("password", "throttled"), *[("password", "wrong_password")] * 10]
        clock.shift(60)
        for _ in range(3):
            browser.sign_in(password="not the password")
        assert outcomes(admin)[:3] == [
            ("password", "throttled"),
            ("password", "wrong_password"),
            ("password", "throttled"),
        ]


def test_a_machine_is_recorded_once_a_day_for_each_network(identity, tenant, admin):
    with time_machine.travel(NOW, tick=False) as clock:
        key = identity.api_key(tenant)

        def sign_in(secret=key["secret"], address="192.0.2.1"):
            form = {"grant_type": "client_credentials", "client_id": key["apiKey"], "client_secret": secret}
            return identity.token({"X-Concord-Client": address}, **form).status_code

        assert [sign_in(), sign_in(), sign_in(address="192.0.2.2")] == [200] * 3
        assert [sign_in("wrong"), sign_in("wrong")] == [401] * 2
        clock.shift(timedelta(days=1, seconds=1))
        assert sign_in() == 200
    rows = admin.get(OWN).json["items"]
    assert {(row["account"], row["userId"]) for row in rows} == {(key["apiKey"], key["id"])}
    assert [(row["how"], row["outcome"], row["address"]) for row in rows][::-1] == [
        ("api_key", "ok", "192.0.2.1"),
        ("api_key", "ok", "192.0.2.2"),
        ("api_key", "wrong_secret", "192.0.2.1"),
        ("api_key", "ok", "192.0.2.1"),
    ]


def test_nothing_is_kept_of_an_account_that_does_not_exist(identity, browser):
    """People type their password into the wrong field."""
    browser.sign_in("my-secret-password")
    [row] = identity.admin.get(ALL).json["items"]
    assert (row["outcome"], row["account"], row["userId"], row["tenantId"]) == ("unknown_account", None, None, None)
    assert "my-secret-password" not in str(identity.admin.get(ALL).json)


def test_failures_are_counted_by_reason_and_publish_nothing(identity, browser):
    def failures(reason):
        labels = {"how": "password", "reason": reason}
        return REGISTRY.get_sample_value("concord_sign_in_failures_total", labels) or 0

    before, events = failures("wrong_password"), len(identity.running.events())
    browser.sign_in(password="not the password")
    browser.sign_in()
    assert failures("wrong_password") == before + 1
    assert len(identity.running.events()) == events


# Read


def test_each_tenants_admin_reads_the_own(identity, tenant, admin, browser):
    other = identity.tenant("Other", "Retailer")
    identity.user(other, "rolf@fjord-retail.example", "RetailerAdmin")
    browser.sign_in()
    browser.sign_in("rolf@fjord-retail.example")
    browser.sign_in("nobody@x.example")
    theirs = identity.running.client(principal(Role.RETAILER_ADMIN, tenant_id=UUID(other)))
    assert [item["account"] for item in admin.get(OWN).json["items"]] == [ANNA]
    assert [item["account"] for item in theirs.get(OWN).json["items"]] == ["rolf@fjord-retail.example"]
    is_problem(admin.get(f"{OWN}?tenantId={other}"), 422, "validation_failed")
    assert admin.get(f"{OWN}?account=rolf@fjord-retail.example").json["totalItems"] == 0


def test_the_operator_reads_all_and_filters(identity, tenant, browser):
    other = identity.tenant("Other", "Retailer")
    identity.user(other, "rolf@fjord-retail.example", "RetailerAdmin")
    browser.sign_in()
    browser.sign_in(password="not the password")
    browser.sign_in("rolf@fjord-retail.example")
    browser.sign_in("nobody@x.example")

    def total(**query):
        return identity.admin.get(ALL, query_string=query).json["totalItems"]

    assert total() == 4
    assert total(tenantId=tenant) == 2
    assert total(account="Rolf@FJORD-retail.example") == 0  # the part before the @ is as it was typed
    assert total(account="rolf@FJORD-retail.example") == 1
    assert total(outcome="wrong_password") == 1
    assert total(tenantId=other, outcome="wrong_password") == 0
    page = identity.admin.get(f"{ALL}?pageSize=3&page=2").json
    assert (len(page["items"]), page["totalPages"]) == (1, 2)
    is_problem(identity.admin.get(f"{ALL}?outcome=fine"), 422, "validation_failed")
    is_problem(identity.admin.get(f"{ALL}?tenantId=1"), 422, "validation_failed")


# A new device


def warnings(identity):
    return [event["data"] | {"tenants": event["tenantids"]} for event in identity.running.events(
        "identity.AccountSecured.v2"
    )]  # fmt: skip


def test_a_new_device_is_published_once_and_for_no_tenant(identity, tenant, anna, browser):
    with time_machine.travel(NOW, tick=False):
        browser.sign_in()
        assert warnings(identity) == []  # the very first sign-in
        phone = Browser(identity, "203.0.113.9", SAFARI)
        phone.sign_in(password="not the password")
        assert warnings(identity) == []
        phone.sign_in()
        phone.sign_in()
    assert warnings(identity) == [
        {
            "userId": anna,
            "tenantId": tenant,
            "what": "new_device",
            "detail": "Safari on iPhone",
            "address": "203.0.113.9",
            "at": "2026-04-01T12:00:00Z",
            "byProvider": False,
            "tenants": "",
        }
    ]


def heard_of(identity):
    return [(warning["what"], warning["address"]) for warning in warnings(identity)]


def test_a_known_device_somewhere_else_is_told_once_a_day(identity, anna, browser):
    """The browser's name is guessed at once. A phone has another address every hour, so more would be noise."""
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in()
        Browser(identity, "192.0.2.250").sign_in()  # the same /24 as at first
        assert heard_of(identity) == []
        for address in ("198.51.100.7", "203.0.113.9", "198.51.100.8"):
            Browser(identity, address).sign_in()
        assert heard_of(identity) == [("new_network", "198.51.100.7")]
        clock.shift(timedelta(days=1))
        Browser(identity, "203.0.113.10").sign_in()  # known since yesterday, though nobody was told
        assert len(heard_of(identity)) == 1
        for address in ("2001:db8:1:2::1", "2001:db8:1:3::1", "2001:db8:2:2::1"):
            Browser(identity, address).sign_in()
        assert heard_of(identity)[1:] == [("new_network", "2001:db8:1:2::1")]


def test_what_was_not_seen_for_90_days_is_new_again(identity, anna, browser):
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in()
        clock.shift(timedelta(days=90))
        browser.sign_in()
        assert heard_of(identity) == []
        Browser(identity, "192.0.2.1", SAFARI).sign_in()
        clock.shift(timedelta(days=90, seconds=1))
        browser.sign_in()
        assert [what for what, _ in heard_of(identity)] == ["new_device"] * 2


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (SAFARI, "Safari on iPhone"),
        (CHROME, "Chrome on Linux"),
        (CHROME.replace("130", "131"), "Chrome on Linux"),
        (CHROME + " Edg/130.0.0.0", "Edge on Linux"),
        (CHROME + " OPR/116.0.0.0", "Opera on Linux"),
        (CHROME.replace("X11; Linux x86_64", "Linux; Android 14; Pixel 8"), "Chrome on Android"),
        (CHROME.replace("X11; Linux x86_64", "X11; CrOS x86_64 14541.0.0"), "Chrome on ChromeOS"),
        (CHROME.replace("X11; Linux x86_64", "Macintosh; Intel Mac OS X 10_15_7"), "Chrome on macOS"),
        (CHROME.replace("X11; Linux x86_64", "Windows NT 10.0; Win64; x64"), "Chrome on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
        ("curl/8.5.0", "curl"),
        ("python-requests/2.32", "python-requests"),
        ("x" * 300, "x" * 59 + "…"),
        ("", UNKNOWN_DEVICE),
        ("\u202egpj.exe", UNKNOWN_DEVICE),
        ("<script>", UNKNOWN_DEVICE),
    ],
)
def test_a_device_is_a_family_and_no_version(user_agent, device):
    assert device_of(user_agent) == device


# Trimmed


def test_after_a_year_they_are_gone(identity, admin, browser):
    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in(password="not the password")
        clock.shift(timedelta(days=365))
        with acting_as(Principal.system("identity")):
            assert tasks.trim(identity.running.runtime) is False
        assert admin.get(OWN).json["totalItems"] == 1
        clock.shift(1)
        with acting_as(Principal.system("identity")):
            tasks.trim(identity.running.runtime)
        assert admin.get(OWN).json["totalItems"] == 0


def test_tries_for_accounts_that_do_not_exist_are_gone_once_they_do_not_count_any_more(identity, admin, browser):
    """They belong to nobody and no tenant; a day later the operator has seen what raised an alarm."""

    def trim():
        with acting_as(Principal.system("identity")):
            session_tasks.trim(identity.running.runtime)

    with time_machine.travel(NOW, tick=False) as clock:
        browser.sign_in(username="nobody@nordic-heating.example")
        browser.sign_in(password="not the password")
        change(identity, SignIn, at=NOW)
        clock.shift(timedelta(days=1))
        trim()
        assert outcomes(identity.admin, ALL) == [("password", "wrong_password"), ("password", "unknown_account")]
        clock.shift(1)
        trim()
        assert outcomes(identity.admin, ALL) == [("password", "wrong_password")]
        change(identity, SignIn, user_id=None)
        trim()
        assert outcomes(identity.admin, ALL) == [("password", "wrong_password")], "it was at the door of a tenant"


def test_what_each_sign_in_asks_is_found_by_an_index(identity, anna):
    """However many failures there are of a person whom strangers try."""
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        for number in range(1000):
            client = Client(f"device {number}", f"192.0.{number % 256}.{number // 256}")
            outcome = Outcome.WRONG_PASSWORD if number % 10 else Outcome.OK
            person = session.get_one(User, UUID(anna))
            sign_in_actions.record(
                session, person, name=ANNA, how=How.PASSWORD, outcome=outcome, client=client, now=NOW
            )
        session.flush()
        session.execute(text("ANALYZE sign_ins"))
    with (
        plans_of(identity, "SELECT") as plans,
        acting_as(Principal.system("test")),
        identity.running.database.read() as session,
    ):
        sign_in_queries.comes_from(session, UUID(anna), "192.0.2.0/24")
        sign_in_queries.uses_device(session, UUID(anna), "Firefox on Windows", since=NOW)
        sign_in_queries.has_signed_in(session, UUID(anna))
    network, device, ever = plans
    assert "ix_sign_ins_user_id_network" in network
    assert "ix_sign_ins_user_id_device" in device
    assert "ix_sign_ins_user_id_network" in ever or "ix_sign_ins_user_id_device" in ever
