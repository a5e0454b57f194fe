"""A tenant's own people: its admins change roles, suspend, remove and erase (http-contract, Own tenant)."""

import hashlib
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlalchemy import select

from chassis.core.clock import CLOCKS_APART, utcnow
from chassis.core.principal import Principal, acting_as
from contracts.roles import Role
from services.identity.factors.models import RecoveryCode, TotpSecret
from services.identity.links.models import Link
from services.identity.sessions.models import RefreshToken, SignedIn
from services.identity.users import bootstrap
from services.identity.users import queries as user_queries
from services.identity.users.models import User
from tests.identity.conftest import ADMIN, PASSWORD, is_oauth_error, is_problem
from tests.plugin import principal

TEAM = "/api/v1/tenant/users"
VERA = "vera@nordic-heating.example"
BERT = "bert@nordic-heating.example"
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


@pytest.fixture
def admin(identity, anna):
    """Anna, who has just signed in."""
    return identity.as_user()


@pytest.fixture
def fresh(identity, tenant, admin):
    """Another admin, whose sign-in counts as fresh whatever the time is."""
    who = principal(Role.SUPPLIER_ADMIN, tenant_id=UUID(tenant))
    return identity.running.client(identity.fresh(who))


@pytest.fixture
def vera(identity, tenant):
    """A viewer of the same tenant; the id of her user."""
    return identity.user(tenant, VERA, "SupplierViewer")


@pytest.fixture
def bert(identity, tenant):
    """A second admin of the same tenant; the id of his user."""
    return identity.user(tenant, BERT)


def stored(identity, user_id):
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        return session.scalars(select(User).where(User.id == UUID(user_id))).one()


def add_factors(identity, tenant, user_id):
    now = utcnow()
    owner = {"user_id": UUID(user_id), "tenant_id": UUID(tenant)}
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.add(TotpSecret(secret="box", confirmed_at=now, **owner))
        session.add(RecoveryCode(id=uuid4(), digest="x", **owner))


def at_once(*calls):
    """The answers of calls that are made at the same moment."""
    answers = []
    threads = [threading.Thread(target=lambda call=call: answers.append(call())) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_the_team_is_listed_with_how_each_stands(identity, tenant, admin, anna, vera):
    identity.admin.post(f"{ADMIN}/{tenant}/users", json={"email": BERT, "name": "Bert", "role": "SupplierAdmin"})
    add_factors(identity, tenant, vera)
    admin.patch(f"{TEAM}/{vera}", json={"suspended": True})
    team = admin.get(TEAM).json
    assert [(one["email"], one["status"], one["secondFactor"]) for one in team["items"]] == [
        ("anna@nordic-heating.example", "Active", False),
        (VERA, "Suspended", True),
        (BERT, "Invited", False),
    ]
    assert [one["lastSeenAt"] is None for one in team["items"]] == [False, True, True]
    assert set(team["items"][0]) == {
        *("id", "email", "name", "role", "status", "createdAt", "lastSeenAt", "secondFactor"),
    }
    assert identity.admin.get(f"{ADMIN}/{tenant}/users").json["items"] == team["items"]


def test_the_team_can_be_searched(identity, tenant, admin, vera):
    """D62: in any case of any letter, by name and by address; who has left comes only by status."""
    admin.post(TEAM, json={"email": "oe@nordic-heating.example", "name": "Åse Øye 100%", "role": "SupplierViewer"})

    def found(query):
        return [one["email"].partition("@")[0] for one in admin.get(f"{TEAM}?{query}").json["items"]]

    assert found("q=åSE øYE") == ["oe"]
    assert found("q=100%25") == ["oe"]
    assert found("q=%25") == ["oe"]
    assert found("q=VERA@") == ["vera"]
    assert found("status=Invited") == ["oe"]
    assert found("status=Suspended") == []
    assert found("pageSize=1&page=2") == ["vera"]
    admin.delete(f"{TEAM}/{vera}")
    assert found("") == ["anna", "oe"]
    assert found("status=Removed") == ["vera"]
    for bad in ("status=Gone", "q=", "sort=name"):
        is_problem(admin.get(f"{TEAM}?{bad}"), 422, "validation_failed")


def test_a_new_role_counts_at_once(identity, tenant, admin, vera):
    """Tokens that say the old role are refused; the sign-in goes on with the new one."""
    signed_in = identity.sign_in(VERA).json
    answer = admin.patch(f"{TEAM}/{vera}", json={"role": "SupplierAdmin"})
    assert (answer.status_code, answer.json["role"], answer.json["status"]) == (200, "SupplierAdmin", "Active")
    assert [entry["id"] for entry in identity.feed()["revoked"]] == [vera]
    renewed = identity.refresh(signed_in["refresh_token"]).json
    assert identity.claims(renewed["access_token"])["role"] == "SupplierAdmin"
    (event,) = identity.running.events("identity.UserChanged.v1")
    assert (event["subject"], event["sequence"], event["tenantids"]) == (vera, 2, tenant)
    assert event["data"] == {
        "userId": vera,
        "tenantId": tenant,
        "email": VERA,
        "name": "Anna",
        "role": "SupplierAdmin",
        "suspended": False,
        "locale": None,
        "timeZone": None,
    }
    entry = identity.trail(vera)[0]
    assert (entry["action"], entry["changes"]) == ("user.changed", {"role": ["SupplierViewer", "SupplierAdmin"]})


@pytest.mark.parametrize("way", ["role", "suspended", "removed", "second factor"])
def test_tokens_issued_while_a_change_waits_for_its_lock_are_refused(
    identity, tenant, admin, vera, fresh, monkeypatch, way
):
    """A renewal may hold the person for some seconds."""
    with time_machine.travel(NOW, tick=False) as clock:

        def slowly(lock):
            def wait(*args):
                clock.shift(5)
                return lock(*args)

            return wait

        name = "lock_rows" if way == "second factor" else "lock_user"
        monkeypatch.setattr(user_queries, name, slowly(getattr(user_queries, name)))
        answer = {
            "role": lambda: admin.patch(f"{TEAM}/{vera}", json={"role": "SupplierAdmin"}),
            "suspended": lambda: admin.patch(f"{TEAM}/{vera}", json={"suspended": True}),
            "removed": lambda: admin.delete(f"{TEAM}/{vera}"),
            "second factor": lambda: fresh.patch("/api/v1/tenant", json={"secondFactorRequired": True}),
        }[way]()
        assert answer.status_code < 300
        ends = [entry["at"] for entry in identity.feed()["revoked"] if entry["id"] == vera]
    assert ends == ["2026-04-01T12:00:05Z"]


def test_a_change_refuses_the_tokens_of_a_process_whose_clock_is_ahead(identity, admin, vera):
    """Another process of identity issued one two minutes in our future; what is issued after the change counts."""
    with time_machine.travel(NOW + CLOCKS_APART, tick=False) as clock:
        before = identity.sign_in(VERA).json
        clock.move_to(NOW)
        assert admin.patch(f"{TEAM}/{vera}", json={"role": "SupplierAdmin"}).status_code == 200
        [end] = [entry["at"] for entry in identity.feed()["revoked"] if entry["id"] == vera]
        renewed = identity.refresh(before["refresh_token"]).json
        clock.move_to(NOW + CLOCKS_APART + timedelta(seconds=1))
        issued = [identity.claims(answer["access_token"])["iat"] for answer in (before, renewed)]
        assert issued[0] <= datetime.fromisoformat(end).timestamp() < issued[1]


def test_what_changes_nothing_is_not_published(identity, admin, anna, vera):
    before = identity.rows()
    for body in ({"role": "SupplierViewer"}, {"suspended": False}, {}, {"role": "SupplierViewer", "name": "ignored"}):
        assert admin.patch(f"{TEAM}/{vera}", json=body).status_code == 200
    assert admin.patch(f"{TEAM}/{anna}", json={"role": "SupplierAdmin"}).status_code == 200
    assert identity.rows() == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"role": "RetailerAdmin"}, "role_does_not_fit"),
        ({"role": "PlatformAdmin"}, "role_does_not_fit"),
        ({"role": "Machine"}, "validation_failed"),
        ({"role": None}, "validation_failed"),
        ({"suspended": "yes"}, "validation_failed"),
        ({"password": "a long enough one"}, "validation_failed"),
    ],
)
def test_bad_changes_are_refused_and_nothing_is_written(identity, admin, vera, body, code):
    before = identity.rows()
    is_problem(admin.patch(f"{TEAM}/{vera}", json=body), 422, code)
    assert identity.rows() == before


def test_a_suspended_person_is_out_until_resumed(identity, admin, vera):
    signed_in = identity.sign_in(VERA).json
    session_id = identity.claims(signed_in["access_token"])["sid"]
    assert admin.patch(f"{TEAM}/{vera}", json={"suspended": True}).json["status"] == "Suspended"
    assert {entry["id"] for entry in identity.feed()["revoked"]} == {vera, session_id}
    is_oauth_error(identity.refresh(signed_in["refresh_token"]), 400, "invalid_grant")
    is_oauth_error(identity.sign_in(VERA), 400, "invalid_grant")
    assert identity.running.events("identity.UserChanged.v1")[-1]["data"]["suspended"] is True
    assert admin.patch(f"{TEAM}/{vera}", json={"suspended": False}).json["status"] == "Active"
    assert identity.running.events("identity.UserChanged.v1")[-1]["data"]["suspended"] is False
    assert identity.sign_in(VERA).status_code == 200
    is_oauth_error(identity.refresh(signed_in["refresh_token"]), 400, "invalid_grant")


def test_what_opens_an_account_goes_with_its_person(identity, tenant, admin, vera):
    """M6: the hash of the password, factors, sign-ins and links, at once."""
    identity.sign_in(VERA)
    add_factors(identity, tenant, vera)
    identity.admin.post(f"{ADMIN}/{tenant}/users/{vera}/recover")
    assert admin.delete(f"{TEAM}/{vera}").status_code == 204
    assert stored(identity, vera).password_hash is None
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        for model in (TotpSecret, RecoveryCode, Link, SignedIn, RefreshToken):
            assert session.scalars(select(model).where(model.user_id == UUID(vera))).all() == [], model
    (event,) = identity.running.events("identity.UserRemoved.v1")
    assert (event["subject"], event["data"]) == (vera, {"userId": vera, "tenantId": tenant})
    is_problem(admin.delete(f"{TEAM}/{vera}"), 404, "not_found")


LOSSES = {
    "removed": lambda client, user: client.delete(f"{TEAM}/{user}"),
    "demoted": lambda client, user: client.patch(f"{TEAM}/{user}", json={"role": "SupplierViewer"}),
    "suspended": lambda client, user: client.patch(f"{TEAM}/{user}", json={"suspended": True}),
    "erased": lambda client, user: client.post(f"{TEAM}/{user}/erase"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_last_admin_stays(identity, tenant, admin, anna, vera, bert, loss):
    """Viewers, invited and suspended admins are no admins; with a second one it can go."""
    admin.patch(f"{TEAM}/{bert}", json={"suspended": True})
    invited = {"email": "carl@nordic-heating.example", "name": "Carl", "role": "SupplierAdmin"}
    assert admin.post(TEAM, json=invited).status_code == 201
    before = identity.rows()
    is_problem(LOSSES[loss](admin, anna), 409, "last_admin")
    assert identity.rows() == before
    admin.patch(f"{TEAM}/{bert}", json={"suspended": False})
    assert LOSSES[loss](admin, anna).status_code < 300


@pytest.mark.parametrize("loss", LOSSES)
def test_of_two_admins_who_shut_each_other_out_one_stays(identity, admin, anna, bert, loss):
    other = identity.as_user(BERT)
    answers = at_once(lambda: LOSSES[loss](admin, bert), lambda: LOSSES[loss](other, anna))
    assert sorted(answer.status_code >= 400 for answer in answers) == [False, True]
    refused = next(answer for answer in answers if answer.status_code >= 400)
    # Whoever was erased a moment before has no sign-in any more that could be fresh.
    assert refused.json["code"] in {"last_admin"} | ({"step_up_required"} if loss == "erased" else set())


def test_the_operator_may_take_a_companys_last_admin(identity, tenant, anna):
    """The operator can add another one."""
    assert identity.admin.delete(f"{ADMIN}/{tenant}/users/{anna}").status_code == 204


def test_operators_look_after_their_own_colleagues_too(identity):
    bootstrap.platform_admin(identity.running.runtime, "one@concord.example", PASSWORD)
    operator = identity.as_user("one@concord.example")
    (own,) = operator.get(TEAM).json["items"]
    assert (own["email"], own["role"]) == ("one@concord.example", "PlatformAdmin")
    for answer in (
        operator.delete(f"{TEAM}/{own['id']}"),
        operator.patch(f"{TEAM}/{own['id']}", json={"suspended": True}),
        operator.post(f"{TEAM}/{own['id']}/erase"),
    ):
        is_problem(answer, 409, "last_platform_admin")
    two = {"email": "two@concord.example", "name": "Two", "role": "PlatformAdmin"}
    assert operator.post(TEAM, json=two).status_code == 201
    is_problem(operator.delete(f"{TEAM}/{own['id']}"), 409, "last_platform_admin")
    assert identity.accept(identity.invitation()).status_code == 201
    assert operator.delete(f"{TEAM}/{own['id']}").status_code == 204


def test_an_erased_person_is_a_former_user(identity, tenant, admin, vera):
    answer = admin.post(f"{TEAM}/{vera}/erase")
    assert (answer.status_code, answer.data) == (204, b"")
    user = stored(identity, vera)
    assert (user.name, user.name_folded, user.email, user.email_key) == (
        "former user",
        "former user",
        "former-user@erased.invalid",
        f"{vera}:former-user@erased.invalid",
    )
    assert (user.password_hash, user.removed_at is None, user.erased_at is None) == (None, False, False)
    removed, erased = identity.running.events()[-2:]
    assert (removed["type"], erased["type"]) == ("identity.UserRemoved.v1", "identity.PersonErased.v1")
    digest = hashlib.sha256(VERA.encode()).hexdigest()
    assert erased["tenantids"] == ""
    assert erased["data"] == {"userId": vera, "tenantId": tenant, "emailDigest": digest}
    entry = identity.trail(vera)[0]
    assert (entry["action"], entry["changes"]) == ("user.erased", {})
    assert VERA not in admin.get(f"{TEAM}?status=Removed").get_data(as_text=True)
    rows = identity.rows()
    assert admin.post(f"{TEAM}/{vera}/erase").status_code == 204, "forgotten already"
    assert identity.rows() == rows


def test_somebody_who_has_left_can_be_erased_later(identity, admin, vera):
    admin.delete(f"{TEAM}/{vera}")
    (gone,) = admin.get(f"{TEAM}?status=Removed").json["items"]
    assert admin.post(f"{TEAM}/{gone['id']}/erase").status_code == 204
    assert [event["type"] for event in identity.running.events()[-2:]] == [
        "identity.UserRemoved.v1",
        "identity.PersonErased.v1",
    ]
    assert stored(identity, vera).email == "former-user@erased.invalid"


def test_erasure_needs_a_fresh_factor(identity, tenant, admin, vera):
    before = identity.rows()
    stranger = identity.running.client(principal(Role.SUPPLIER_ADMIN, tenant_id=UUID(tenant)))
    is_problem(stranger.post(f"{TEAM}/{vera}/erase"), 403, "step_up_required")
    with time_machine.travel(utcnow() + timedelta(minutes=11)):
        is_problem(admin.post(f"{TEAM}/{vera}/erase"), 403, "step_up_required")
    assert identity.rows() == before


def test_an_admins_role_is_given_with_a_fresh_factor_only(identity, tenant, admin, bert, vera):
    """Else a stolen token would invite an admin of its own, and walk around every other step-up."""
    before = identity.rows()
    bo = {"email": "bo@nordic-heating.example", "name": "Bo", "role": "SupplierAdmin"}
    stranger = identity.running.client(principal(Role.SUPPLIER_ADMIN, tenant_id=UUID(tenant)))
    is_problem(stranger.post(TEAM, json=bo), 403, "step_up_required")
    with time_machine.travel(utcnow() + timedelta(minutes=11)):
        is_problem(admin.post(TEAM, json=bo), 403, "step_up_required")
        is_problem(admin.patch(f"{TEAM}/{vera}", json={"role": "SupplierAdmin"}), 403, "step_up_required")
        assert identity.rows() == before
        assert stored(identity, vera).role == "SupplierViewer"
        assert admin.post(TEAM, json=bo | {"role": "SupplierViewer"}).status_code == 201
        assert admin.patch(f"{TEAM}/{bert}", json={"role": "SupplierViewer"}).status_code == 200
        assert admin.patch(f"{TEAM}/{vera}", json={"suspended": True}).status_code == 200
        assert admin.post("/api/v1/me/step-up", json={"password": PASSWORD}).status_code == 204
        assert admin.patch(f"{TEAM}/{bert}", json={"role": "SupplierAdmin"}).status_code == 200


def test_a_suspended_admin_is_let_in_again_with_a_fresh_factor_only(identity, admin, bert, vera):
    """A stolen token would else give power back to somebody who was shut out; what gives no admin's power it may do."""
    for colleague in (bert, vera):
        assert admin.patch(f"{TEAM}/{colleague}", json={"suspended": True}).status_code == 200
    before = identity.rows()
    with time_machine.travel(utcnow() + timedelta(minutes=11)):
        is_problem(admin.patch(f"{TEAM}/{bert}", json={"suspended": False}), 403, "step_up_required")
        resumed = {"suspended": False, "role": "SupplierAdmin"}
        is_problem(admin.patch(f"{TEAM}/{vera}", json=resumed), 403, "step_up_required")
        assert identity.rows() == before
        assert stored(identity, bert).suspended_at
        assert admin.patch(f"{TEAM}/{vera}", json={"suspended": False}).status_code == 200
        demoted = admin.patch(f"{TEAM}/{bert}", json={"suspended": False, "role": "SupplierViewer"})
        assert demoted.json["status"] == "Active"


def test_the_operator_makes_admins_with_a_fresh_factor_only(identity, tenant, vera):
    bootstrap.platform_admin(identity.running.runtime, "one@concord.example", PASSWORD)
    operator = identity.as_user("one@concord.example")
    (own,) = operator.get(TEAM).json["items"]
    two = {"email": "two@concord.example", "name": "Two", "role": "PlatformAdmin"}
    people = f"{ADMIN}/{tenant}/users"
    before = identity.rows()
    with time_machine.travel(utcnow() + timedelta(minutes=11)):
        for refused in (
            operator.post(TEAM, json=two),
            operator.patch(f"{TEAM}/{own['id']}", json={"role": "PlatformAdmin"}),
            operator.post(people, json=two),
            operator.post(people, json=two | {"role": "SupplierAdmin", "password": PASSWORD}),
        ):
            is_problem(refused, 403, "step_up_required")
        assert identity.rows() == before
        assert operator.post(people, json=two | {"role": "SupplierViewer"}).status_code == 201


def test_people_of_another_tenant_are_404(identity, anna, vera):
    """S0-9: as if there were none."""
    other = identity.tenant("Other")
    identity.user(other, "olle@other.example")
    stranger = identity.as_user("olle@other.example")
    before = identity.rows()
    for ask in (
        lambda user: stranger.patch(f"{TEAM}/{user}", json={"suspended": True}),
        lambda user: stranger.delete(f"{TEAM}/{user}"),
        lambda user: stranger.post(f"{TEAM}/{user}/resend-invitation"),
        lambda user: stranger.post(f"{TEAM}/{user}/erase"),
    ):
        foreign, absent = ask(vera), ask(uuid4())
        is_problem(foreign, 404, "not_found")
        assert foreign.json | {"requestId": 0} == absent.json | {"requestId": 0}
    assert identity.rows() == before
    assert [one["email"] for one in stranger.get(TEAM).json["items"]] == ["olle@other.example"]


def test_viewers_see_and_change_nothing(identity):
    """But for the supplier's, which reads campaigns alone (S0-7)."""
    shop = identity.tenant("Fjord Retail", "Retailer")
    rolf = identity.user(shop, "rolf@fjord.example", "RetailerAdmin")
    rune = identity.user(shop, "rune@fjord.example", "RetailerViewer")
    viewer = identity.as_user("rune@fjord.example")
    assert viewer.get(TEAM).json["totalItems"] == 2
    before = identity.rows()
    for answer in (
        viewer.post(TEAM, json={"email": BERT, "name": "Bert", "role": "RetailerAdmin"}),
        viewer.patch(f"{TEAM}/{rune}", json={"role": "RetailerAdmin"}),
        viewer.delete(f"{TEAM}/{rolf}"),
        viewer.post(f"{TEAM}/{rune}/erase"),
        viewer.post(f"{TEAM}/{rune}/resend-invitation"),
    ):
        is_problem(answer, 403, "forbidden")
    assert identity.rows() == before
