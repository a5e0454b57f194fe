"""A forgotten password (contract, "Sign-in in a browser"): answers, mails and times never tell who has an account."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import select

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data.unit_of_work import savepoint
from concord import cli
from services.identity import settings
from services.identity.account import bootstrap, password_actions, tasks
from services.identity.common.clients import Client
from services.identity.identity_providers.models import IdentityProvider
from services.identity.links.models import AskedReset
from services.identity.links.rules import LinkInvalid
from services.identity.tenants.models import Tenant
from services.identity.users.bootstrap import platform_admin
from services.identity.users.models import User
from tests.identity.conftest import ADMIN, PASSWORD, is_oauth_error, is_problem

ANNA = "anna@nordic-heating.example"
NEW = "ett långt nytt lösenord"
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


def ask(identity, email=ANNA, address="192.0.2.1"):
    return identity.nobody.post("/session/recover", json={"email": email}, headers={"X-Concord-Client": address})


def answer_all(identity):
    """What the scheduler does until nothing is left; the events of links since the beginning."""
    with acting_as(Principal.system("identity")):
        while tasks.answer_asked_reset(identity.running.runtime):
            pass
    return identity.running.events("identity.PasswordResetRequested.v1")


def mailed_token(identity, event):
    notifier = identity.running.client(Principal.system("notifier"), sender="notifier")
    return notifier.get(f"/internal/links/{event['data']['linkId']}").json["token"]


def reset(identity, token, password=NEW, **headers):
    return identity.nobody.post("/session/reset", json={"token": token, "password": password}, headers=headers)


def change(identity, model, key, **values):
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        row = session.get_one(model, UUID(key))
        for name, value in values.items():
            setattr(row, name, value)


def enforce_sso(identity, tenant, enforced=True):
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.add(
            IdentityProvider(
                tenant_id=UUID(tenant),
                issuer="https://login.example",
                client_id="concord",
                client_secret="x",
                role_claim="groups",
                role_mapping={},
                enforced=enforced,
                updated_at=utcnow(),
            )
        )


def test_a_person_gets_a_link_and_sets_a_new_password(identity, tenant, anna):
    """From the form to the sign-in, as the mails go."""
    signed_in = identity.sign_in().json
    assert ask(identity).status_code == 202
    (event,) = answer_all(identity)
    assert (event["subject"], event["tenantids"], event["data"]["userId"]) == (anna, "", anna)
    assert set(event["data"]) == {"userId", "tenantId", "linkId", "expiresAt"}
    answer = reset(identity, mailed_token(identity, event), **{"User-Agent": "Firefox"})
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Set-Cookie" not in answer.headers, "a reset signs nobody in"
    is_oauth_error(identity.sign_in(), 400, "invalid_grant")
    assert identity.sign_in(password=NEW).status_code == 200
    is_oauth_error(identity.refresh(signed_in["refresh_token"]), 400, "invalid_grant")
    assert identity.claims(signed_in["access_token"])["sid"] in {entry["id"] for entry in identity.feed()["revoked"]}
    (secured,) = identity.running.events("identity.AccountSecured.v2")
    assert (secured["data"]["what"], secured["data"]["detail"], secured["tenantids"]) == (
        "password_changed",
        "Firefox",
        "",
    )
    entry = identity.trail(anna)[0]
    assert (entry["action"], entry["actorId"]) == ("user.password_changed", anna)


@pytest.mark.parametrize("spelling", ["ANNA@Nordic-Heating.example", " anna@nordic-heating.example "])
def test_an_address_is_known_in_any_case(identity, anna, spelling):
    ask(identity, spelling)
    assert len(answer_all(identity)) == 1


def test_every_address_is_answered_alike(identity, anna):
    """Also what is no address, and what is somebody's mistake."""
    change(identity, User, anna, suspended_at=utcnow())
    answers = [
        ask(identity, email) for email in (ANNA, "nobody@x.example", "no address", "a@exämple.com", "x" * 320, "😀@é")
    ]
    assert {(answer.status_code, answer.data) for answer in answers} == {(202, answers[0].data)}
    assert len({frozenset(answer.headers.keys()) for answer in answers}) == 1


def test_a_request_looks_no_account_up(identity, anna):
    """The same work for everybody is the same time: an address is stored as it came, and looked up by the scheduler."""
    counts = []
    for email in (ANNA, "nobody@x.example"):
        before = identity.rows()
        ask(identity, email)
        after = identity.rows()
        counts.append({table: after[table] - before[table] for table in after if after[table] != before[table]})
    assert counts == [{"asked_resets": 1, "login_throttle": 1}, {"asked_resets": 1}]
    answer_all(identity)
    assert identity.rows()["asked_resets"] == 0, "and forgotten when it is done"


@pytest.mark.parametrize(
    "body", [{}, {"email": ""}, {"email": None}, {"email": ["a@b.example"]}, {"email": "x" * 321}, {"mail": ANNA}]
)
def test_a_request_without_an_address_is_refused(identity, body):
    is_problem(identity.nobody.post("/session/recover", json=body), 422, "validation_failed")


def test_only_json_is_taken(identity, anna):
    """A form of a foreign page cannot send JSON."""
    token = identity.link(anna).token
    for path, form in (("recover", {"email": ANNA}), ("reset", {"token": token, "password": NEW})):
        is_problem(identity.nobody.post(f"/session/{path}", data=form), 415, "unsupported_media_type")
        plain = identity.nobody.post(f"/session/{path}", data=str(form), content_type="text/plain")
        is_problem(plain, 415, "unsupported_media_type")
    assert identity.rows()["asked_resets"] == 0
    assert reset(identity, token).status_code == 204


def test_nobody_who_may_not_set_one_gets_a_link(identity, tenant, anna):
    """Unknown, removed, suspended and invited people, and people of a suspended tenant."""
    mails = {state: f"{state}@nordic-heating.example" for state in ("removed", "suspended")}
    people = {state: identity.user(tenant, mail) for state, mail in mails.items()}
    identity.admin.delete(f"{ADMIN}/{tenant}/users/{people['removed']}")
    change(identity, User, people["suspended"], suspended_at=utcnow())
    identity.invited(tenant)
    for email in (*mails.values(), "ines@nordic-heating.example", "nobody@nordic-heating.example"):
        ask(identity, email)
    assert answer_all(identity) == []
    change(identity, Tenant, tenant, suspended_at=utcnow())
    ask(identity)
    assert answer_all(identity) == []
    assert identity.rows()["links"] == 0


@pytest.mark.parametrize(("enforced", "links"), [(True, 0), (False, 1)])
def test_where_single_sign_on_is_enforced_there_is_no_password_to_set(identity, tenant, anna, enforced, links):
    enforce_sso(identity, tenant, enforced)
    ask(identity)
    assert len(answer_all(identity)) == links


@pytest.mark.parametrize("obstacle", ["suspended", "single sign-on"])
def test_a_link_of_before_sets_no_password_where_there_is_none_to_set(identity, tenant, anna, obstacle):
    """And stays unused: it is good again when the obstacle is gone. The operator sends no other meanwhile."""
    token = identity.link(anna).token
    if obstacle == "suspended":
        change(identity, Tenant, tenant, suspended_at=utcnow())
    else:
        enforce_sso(identity, tenant)
    before = identity.rows()
    is_problem(reset(identity, token), 422, "link_invalid")
    with acting_as(Principal.system("identity")), identity.running.database.begin() as session:
        own, client = settings.of(identity.running.runtime.settings), Client("", "192.0.2.1")
        with pytest.raises(LinkInvalid), savepoint(session):
            password_actions.reset_password(session, token, "x", settings=own, client=client, now=utcnow())
    code = "tenant_suspended" if obstacle == "suspended" else "sso_required"
    is_problem(identity.admin.post(f"{ADMIN}/{tenant}/users/{anna}/recover"), 409, code)
    assert identity.rows() == before
    if obstacle == "suspended":
        change(identity, Tenant, tenant, suspended_at=None)
    else:
        identity.admin.delete(f"{ADMIN}/{tenant}/sso/enforcement")
    assert reset(identity, token).status_code == 204


def test_enforced_single_sign_on_leaves_a_merchants_affiliates_their_passwords(identity):
    merchant = identity.tenant("Boots", "Merchant")
    identity.user(merchant, "blogger@elsewhere.example", "Affiliate")
    enforce_sso(identity, merchant, True)
    ask(identity, "blogger@elsewhere.example")
    assert len(answer_all(identity)) == 1


def test_a_person_without_a_password_may_set_one(identity, anna):
    change(identity, User, anna, password_hash=None)
    ask(identity)
    (event,) = answer_all(identity)
    assert reset(identity, mailed_token(identity, event)).status_code == 204
    assert identity.sign_in(password=NEW).status_code == 200


def test_a_token_is_good_once(identity, anna):
    token = identity.link(anna).token
    assert reset(identity, token).status_code == 204
    is_problem(reset(identity, token, "ett annat lösenord"), 422, "link_invalid")
    assert identity.sign_in(password=NEW).status_code == 200


def test_a_refused_password_does_not_use_the_token_up(identity, anna):
    token = identity.link(anna).token
    for weak in ("kort", "password1234", ANNA, "nordic heating", " " * 20):
        answer = reset(identity, token, weak)
        assert is_problem(answer, 422, "weak_password")["errors"][0]["field"] == "password"
    assert reset(identity, token).status_code == 204


def test_bad_tokens_are_answered_alike(identity, tenant, anna):
    """Unknown, tampered, used, replaced, expired, of another purpose, of people who are gone: the same words, and the
    policy is not looked at, because it knows the person's address."""
    bo, cy, di = (identity.user(tenant, f"{name}@nordic-heating.example") for name in ("bo", "cy", "di"))
    used = identity.link(bo).token
    reset(identity, used)
    replaced = identity.link(anna).token
    good = identity.link(anna).token
    removed, suspended = identity.link(cy).token, identity.link(di).token
    identity.admin.delete(f"{ADMIN}/{tenant}/users/{cy}")
    change(identity, User, di, suspended_at=utcnow())
    over = identity.link(bo, now=utcnow() - timedelta(hours=1)).token
    invitation = identity.link(bo, "invitation").token
    tokens = ["x", good[:-1], good.swapcase(), used, replaced, over, removed, suspended, invitation]
    for password in (NEW, "kort"):
        problems = [is_problem(reset(identity, token, password), 422, "link_invalid") for token in tokens]
        assert len({str(problem | {"requestId": 0}) for problem in problems}) == 1
    assert reset(identity, good).status_code == 204


def test_a_link_is_good_for_an_hour(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        ask(identity)
        (event,) = answer_all(identity)
        assert event["data"]["expiresAt"] == "2026-04-01T13:00:00Z"
        token = mailed_token(identity, event)
        clock.shift(timedelta(hours=1))
        is_problem(reset(identity, token), 422, "link_invalid")


def test_nobody_gets_more_than_three_mails_an_hour(identity, anna):
    """However many addresses ask; and whoever asks in somebody's name cannot take the last link away."""
    with time_machine.travel(NOW, tick=False) as clock:
        for index in range(10):
            ask(identity, address=f"192.0.2.{index}")
            answer_all(identity)
            clock.shift(timedelta(minutes=2))
        events = answer_all(identity)
        assert len(events) == 3
        assert reset(identity, mailed_token(identity, events[-1])).status_code == 204
        clock.move_to(NOW + timedelta(minutes=61))
        ask(identity)
        assert len(answer_all(identity)) == 4


def test_asking_twice_at_once_sends_one_mail(identity, anna):
    for _ in range(5):
        ask(identity)
    assert len(answer_all(identity)) == 1


def test_who_has_used_a_link_gets_another_at_once(identity, anna):
    """Somebody who forgets the new password within the minute, too."""
    ask(identity)
    (event,) = answer_all(identity)
    reset(identity, mailed_token(identity, event))
    ask(identity)
    assert len(answer_all(identity)) == 2


def test_one_address_asks_so_often_and_no_more(identity, anna):
    """The answer stays the same, and what is too much is dropped; another address still asks."""
    with time_machine.travel(NOW, tick=False) as clock:
        answers = [ask(identity, f"{index}@x.example") for index in range(25)]
        assert {answer.status_code for answer in answers} == {202}
        assert identity.rows()["asked_resets"] == 20
        ask(identity, address="192.0.2.2")
        assert identity.rows()["asked_resets"] == 21
        clock.shift(timedelta(minutes=10))
        ask(identity)
        assert identity.rows()["asked_resets"] == 22


def test_what_has_waited_too_long_is_dropped(identity, anna):
    """A scheduler that was away does not send yesterday's mails."""
    with time_machine.travel(NOW, tick=False) as clock:
        ask(identity)
        clock.shift(timedelta(hours=1))
        assert answer_all(identity) == []
        assert identity.rows()["asked_resets"] == 0


def test_what_was_asked_is_stored_as_it_came_and_nowhere_else(identity, anna):
    ask(identity, "Nobody@X.example")
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        (row,) = session.scalars(select(AskedReset))
    assert (row.email, row.address) == ("Nobody@X.example", "192.0.2.1")
    answer_all(identity)
    assert "nobody@x" not in (str(identity.running.events()) + str(identity.trail())).lower()


def test_an_operator_who_is_locked_out_gets_a_link_on_the_machine(identity, tenant, anna):
    """For operators alone: this is no way into a tenant's account."""
    runtime = identity.running.runtime
    platform_admin(runtime, "admin@concord.example", PASSWORD)
    link = bootstrap.operator_link(runtime, "Admin@concord.example")
    page, _, token = link.partition("?token=")
    assert page == f"{runtime.settings.public_url}/account/password"
    assert reset(identity, token).status_code == 204
    assert identity.sign_in("admin@concord.example", NEW).status_code == 200
    assert bootstrap.operator_link(runtime, ANNA) is None
    assert bootstrap.operator_link(runtime, "nobody@concord.example") is None


def test_the_commands_say_what_was_done(identity, monkeypatch):
    """``concord operator`` keeps to the policy and says why it refuses; ``--recover`` prints the link."""
    runtime = identity.running.runtime
    monkeypatch.setattr(cli.service, "Runtime", lambda *_: runtime)
    monkeypatch.setattr(type(runtime), "close", lambda _self: None)

    def run(*arguments):
        return CliRunner().invoke(cli.main, arguments)

    weak = run("operator", "admin@concord.example", "--password", "password1234")
    assert (weak.exit_code, "Many people use" in weak.output) == (1, True)
    assert "password1234" not in weak.output
    assert run("operator", "no address", "--password", PASSWORD).exit_code == 1
    made = CliRunner().invoke(cli.main, ["operator", "admin@concord.example"], input=f"{PASSWORD}\n{PASSWORD}\n")
    assert (made.exit_code, "admin@concord.example can sign in." in made.output) == (0, True)
    again = run("operator", "admin@concord.example", "--password", PASSWORD)
    assert (again.exit_code, "Nothing was changed" in again.output) == (0, True)
    assert "/account/password?token=" in run("operator", "admin@concord.example", "--recover").output
    assert run("operator", "nobody@concord.example", "--recover").exit_code == 1
