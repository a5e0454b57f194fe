"""Second factors from end to end, as a browser and its devices use them: authenticators, recovery codes, passkeys, a
company that requires one, and step-up (contract: "Sign-in in a browser", "Own account", "Own tenant"). Mails come from
a real server."""

from contextlib import closing
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.identity.sessions.models import SignedIn
from tests.e2e.browsers import Browser
from tests.e2e.harness import OPERATOR, PASSWORD, User, new_tenant, new_user, until
from tests.identity.authenticator import Authenticator
from tests.identity.factors import CONFIRM, PASSKEYS, RECOVERY, TOTP, code_of

STEP_UP = "/api/v1/me/step-up"
ADDED = "A second factor was added to your Concord account"
REMOVED = "A second factor was removed from your Concord account"
CODE_USED = "A recovery code was used for your Concord account"
SSO = {"issuer": "https://login.fjord.example", "clientId": "concord", "clientSecret": "between us"}


class Company:
    """A new retailer with one admin."""

    def __init__(self, platform):
        self.platform, self.operator, self.tag = platform, platform.user(*OPERATOR), uuid4().hex[:8]
        self.id = new_tenant(self.operator, f"Fjord {self.tag}", "Retailer")
        self.admin = self.person("rolf", "RetailerAdmin")

    def person(self, name, role="RetailerViewer") -> User:
        return new_user(self.platform, self.operator, self.id, f"{name}-{self.tag}@fjord.example", role)


@pytest.fixture
def company(platform):
    return Company(platform)


def done(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def refused(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == code


def signed_in(platform, person, **more):
    browser = Browser(platform)
    done(browser.sign_in(person.email, PASSWORD, **more))
    return browser


def with_authenticator(browser):
    """Set one up; its secret, the moment whose code it has shown, and the recovery codes."""
    started = done(browser.ask("POST", TOTP), 201)
    assert started["secret"] in started["otpauth"]
    at = utcnow()
    confirmed = done(browser.ask("POST", CONFIRM, {"code": code_of(started["secret"], at)}))
    return started["secret"], at, confirmed["recoveryCodes"]


def with_passkey(browser, name, **device):
    """A device whose passkey has been added, and the passkey's id."""
    device = Authenticator(f"http://localhost:{browser.platform.port}", **device)
    options = done(browser.ask("POST", f"{PASSKEYS}/options"))
    passkey = done(browser.ask("POST", PASSKEYS, {"name": name, "credential": device.create(options)}), 201)
    return device, passkey["id"]


def grow_old(browser):
    """Let the last password or factor of this sign-in be shown eleven minutes ago."""
    with closing(browser.platform.database("identity")) as database, acting_as(Principal.system("test")):
        own = next(item for item in done(browser.get("/api/v1/me/sessions"))["items"] if item["current"])
        with database.begin() as session:
            aged = update(SignedIn).where(SignedIn.id == UUID(own["id"]))
            session.execute(aged.values(proved_at=utcnow() - timedelta(minutes=11)))


def mail_about(platform, person, subject, *parts):
    """Wait for a mail to somebody with this subject that says all of this."""

    def is_there():
        mails = [mail for mail in platform.mailbox(person.email) if mail["subject"] == subject]
        return [mail for mail in mails if all(part in mail["text"] for part in parts)]

    (mail,) = until(is_there, what=f"the mail {subject!r} {parts}")
    return mail


def test_an_authenticator_from_setting_it_up_to_taking_it_away(platform, company):
    """Each code opens once, at whatever door; recovery codes too; the owner hears of every change by mail."""
    person = company.admin
    browser = signed_in(platform, person)
    refused(browser.ask("POST", CONFIRM, {"code": "123456"}), 409, "totp_not_started")
    secret, at, recovery = with_authenticator(browser)
    refused(browser.ask("POST", CONFIRM, {"code": code_of(secret, at)}), 409, "totp_not_started")
    assert len(set(recovery)) == 10

    elsewhere = Browser(platform)
    first, second = code_of(secret, at), code_of(secret, at, steps=1)
    refused(elsewhere.sign_in(person.email, PASSWORD), 401, "second_factor_required")
    refused(elsewhere.sign_in(person.email, PASSWORD, code=first), 401, "invalid_credentials")
    refused(elsewhere.sign_in(person.email, "not the password", code=second), 401, "invalid_credentials")
    done(elsewhere.sign_in(person.email, PASSWORD, code=second))
    refused(Browser(platform).sign_in(person.email, PASSWORD, code=second), 401, "invalid_credentials")
    refused(elsewhere.ask("POST", STEP_UP, {"code": second}), 403, "invalid_credentials")

    done(elsewhere.sign_in(person.email, PASSWORD, code=recovery[0].upper().replace("-", " ")))
    refused(elsewhere.sign_in(person.email, PASSWORD, code=recovery[0]), 401, "invalid_credentials")
    assert done(browser.get(TOTP))["recoveryCodesLeft"] == 9
    renewed = done(browser.ask("POST", RECOVERY), 201)["recoveryCodes"]
    refused(elsewhere.sign_in(person.email, PASSWORD, code=recovery[1]), 401, "invalid_credentials")
    done(elsewhere.sign_in(person.email, PASSWORD, code=renewed[1]))

    done(browser.ask("DELETE", TOTP), 204)
    done(Browser(platform).sign_in(person.email, PASSWORD))
    subjects = [CODE_USED, CODE_USED, ADDED, ADDED, REMOVED]  # in the order of their letters
    until(lambda: sorted(mail["subject"] for mail in platform.mailbox(person.email)) == subjects, what="five mails")
    added = mail_about(platform, person, ADDED, "authenticator app", "127.0.0.1")
    assert "List-Unsubscribe" not in added["headers"]
    mail_about(platform, person, ADDED, "recovery codes")
    mail_about(platform, person, REMOVED, "authenticator app", f"{platform.port}/account/recover")


def test_a_passkey_opens_alone_or_beside_the_password(platform, company):
    """A device that checks who holds it needs no password; what it has signed is good once."""
    person = company.admin
    browser = signed_in(platform, person)
    phone, phone_id = with_passkey(browser, "Rolf's phone", counts=False)
    key, key_id = with_passkey(browser, "A key on a ring", verifies=False)

    elsewhere = Browser(platform)
    refused(elsewhere.sign_in(person.email, PASSWORD), 401, "second_factor_required")
    shown = phone.get(elsewhere.passkey_options())
    done(elsewhere.show_passkey(shown))
    assert done(elsewhere.get("/api/v1/me"))["email"] == person.email
    refused(Browser(platform).show_passkey(shown), 401, "passkey_refused")
    assert elsewhere.renew().status_code == 200

    def show_key(**more):
        return elsewhere.show_passkey(key.get(elsewhere.passkey_options(username=person.email)), **more)

    refused(show_key(), 401, "second_factor_required")
    refused(show_key(password="not the password"), 401, "passkey_refused")
    done(show_key(password=PASSWORD))
    foreign = elsewhere.post("/session/passkey/options", {}, {"Sec-Fetch-Site": "cross-site"})
    refused(foreign, 403, "cross_site")

    grow_old(elsewhere)
    refused(elsewhere.ask("DELETE", f"{PASSKEYS}/{key_id}"), 403, "step_up_required")
    refused(elsewhere.ask("POST", STEP_UP, {"password": PASSWORD}), 403, "second_factor_required")
    options = done(elsewhere.ask("POST", f"{STEP_UP}/passkey/options"))
    done(elsewhere.ask("POST", f"{STEP_UP}/passkey", {"credential": phone.get(options)}), 204)
    done(elsewhere.ask("DELETE", f"{PASSKEYS}/{key_id}"), 204)
    refused(show_key(password=PASSWORD), 401, "passkey_refused")
    done(elsewhere.ask("DELETE", f"{PASSKEYS}/{phone_id}"), 204)
    refused(elsewhere.show_passkey(phone.get(elsewhere.passkey_options())), 401, "passkey_refused")
    done(Browser(platform).sign_in(person.email, PASSWORD))
    for name in ("Rolf's phone", "A key on a ring"):
        mail_about(platform, person, ADDED, name)
        mail_about(platform, person, REMOVED, name)


def test_a_company_that_requires_a_factor_lets_nobody_work_without_one(platform, company):
    """In every service, from the moment that it is required; the last factor stays then."""
    person, campaigns = company.person("ingrid"), "/api/v1/campaigns/invites"
    admin, browser = signed_in(platform, company.admin), signed_in(platform, person)
    assert browser.get(campaigns).status_code == 200
    with_authenticator(admin)
    assert done(admin.ask("PATCH", "/api/v1/tenant", {"secondFactorRequired": True}))["secondFactorRequired"] is True
    until(lambda: browser.get(campaigns).status_code == 401, within=5, what="the end of tokens of before")
    assert admin.get(campaigns).status_code == 200

    done(browser.renew())
    for path in (campaigns, "/api/v1/prm/relationships", "/api/v1/notifications/preferences", "/api/v1/tenant"):
        refused(browser.get(path), 403, "second_factor_setup_required")
    refused(platform.user(person.email).get(campaigns), 403, "second_factor_setup_required")
    assert done(browser.get(TOTP))["required"] is True
    secret, at, _ = with_authenticator(browser)
    done(browser.renew())
    assert browser.get(campaigns).status_code == 200
    refused(browser.ask("DELETE", TOTP), 409, "second_factor_required")
    done(signed_in(platform, person, code=code_of(secret, at, steps=1)).get(campaigns))


def guarded_calls(key_id, passkey_id, colleague_id):
    """What a stolen access token must not be enough for: each call, and how it is answered to somebody fresh."""
    keys, sso, scim = "/api/v1/tenant/api-keys", "/api/v1/tenant/sso", "/api/v1/tenant/scim-token"
    return [
        ("POST", keys, {"name": "ERP"}, 201),
        ("DELETE", f"{keys}/{key_id}", None, 204),
        ("PUT", sso, SSO, 200),
        ("DELETE", sso, None, 204),
        ("POST", scim, None, 201),
        ("DELETE", scim, None, 204),
        ("PATCH", "/api/v1/tenant", {"secondFactorRequired": False}, 200),
        ("POST", TOTP, None, 201),
        ("DELETE", f"{PASSKEYS}/{passkey_id}", None, 204),
        ("POST", f"{PASSKEYS}/options", None, 200),
        ("PATCH", f"/api/v1/tenant/users/{colleague_id}", {"role": "RetailerAdmin"}, 200),
        ("POST", f"/api/v1/tenant/users/{colleague_id}/erase", None, 204),
    ]


def test_a_sign_in_that_is_not_fresh_shows_a_factor_first(platform, company):
    """API keys, single sign-on, second factors, admins, erasure: refused without an effect, done after step-up."""
    browser, other = signed_in(platform, company.admin), signed_in(platform, company.admin)
    company.person("ingrid")
    key_id = done(browser.ask("POST", "/api/v1/tenant/api-keys", {"name": "till"}), 201)["id"]
    device, passkey_id = with_passkey(browser, "Rolf's phone")
    team = done(browser.get("/api/v1/tenant/users"))["items"]
    colleague_id = next(person["id"] for person in team if person["email"].startswith("ingrid"))
    calls = guarded_calls(key_id, passkey_id, colleague_id)
    grow_old(browser)
    grow_old(other)
    for method, path, body, _status in calls:
        refused(browser.ask(method, path, body), 403, "step_up_required")
    assert [key["name"] for key in done(browser.get("/api/v1/tenant/api-keys"))["items"]] == ["till"]
    assert done(browser.get("/api/v1/tenant/users"))["items"] == team
    assert browser.get("/api/v1/tenant/sso").status_code == 404
    assert done(browser.get(PASSKEYS))["totalItems"] == 1

    refused(browser.ask("POST", STEP_UP, {"password": PASSWORD}), 403, "second_factor_required")
    done(browser.renew())
    refused(browser.ask("POST", TOTP), 403, "step_up_required")
    options = done(browser.ask("POST", f"{STEP_UP}/passkey/options"))
    done(browser.ask("POST", f"{STEP_UP}/passkey", {"credential": device.get(options)}), 204)
    for method, path, body, status in calls:
        done(browser.ask(method, path, body), status)
    refused(other.ask("POST", TOTP), 403, "step_up_required")
    refused(other.ask("POST", STEP_UP, {"password": "not the password"}), 403, "invalid_credentials")
    done(other.ask("POST", STEP_UP, {"password": PASSWORD}), 204)
    done(other.ask("POST", TOTP), 201)


def test_the_operator_too_shows_a_factor_for_what_opens_or_ends_a_company(platform, company):
    browser = Browser(platform)
    done(browser.sign_in(*OPERATOR))
    address = f"/api/v1/admin/tenants/{company.id}"
    key_id = done(browser.ask("POST", f"{address}/api-keys", {"name": "till"}), 201)["id"]
    bo = {"email": f"bo-{uuid4().hex[:8]}@fjord-retail.example", "name": "Bo", "role": "RetailerAdmin"}
    calls = [
        ("POST", f"{address}/users", bo, 201),
        ("POST", f"{address}/api-keys", {"name": "ERP"}, 201),
        ("DELETE", f"{address}/api-keys/{key_id}", None, 204),
        ("DELETE", f"{address}/sso/enforcement", None, 204),
        ("DELETE", f"{address}?exported=true", None, 202),
    ]
    grow_old(browser)
    for method, path, body, _status in calls:
        refused(browser.ask(method, path, body), 403, "step_up_required")
    assert done(browser.get(address))["suspended"] is False
    done(browser.ask("POST", STEP_UP, {"password": OPERATOR[1]}), 204)
    for method, path, body, status in calls:
        done(browser.ask(method, path, body), status)
