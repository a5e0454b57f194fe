"""Whoever has not accepted in time blocks their address nowhere else: it is free when somebody needs it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine

from tests.identity.browsers import together
from tests.identity.conftest import ADMIN, PASSWORD, is_problem
from tests.identity.test_affiliates import BINA, INVITED, REFUSED, asked
from tests.plugin import principal

TEAM = "/api/v1/tenant/users"
BO = {"email": "bo@example.com", "name": "Bo", "role": "SupplierViewer"}
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
EXPIRED = timedelta(days=7)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as travel:
        yield travel


@pytest.fixture
def admin(identity, clock, tenant):
    return identity.running.client(principal(tenant_id=UUID(tenant)))


@pytest.fixture
def other(identity, clock):
    """An admin of another company."""
    return identity.running.client(principal(tenant_id=UUID(identity.tenant("Other"))))


@pytest.fixture
def bo(identity, admin):
    """Somebody invited; the id of the user."""
    answer = admin.post(TEAM, json=BO)
    assert answer.status_code == 201, answer.json
    return answer.json["id"]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "bo"}])
def test_another_company_invites_whom_an_expired_invitation_was_for(identity, tenant, admin, bo, other, clock, headers):
    token = identity.invitation()
    clock.shift(EXPIRED)
    answer = other.post(TEAM, json=BO | {"email": "BO@Example.com"}, headers=headers)
    assert (answer.status_code, answer.json["status"]) == (201, "Invited")
    is_problem(identity.accept(token), 422, "link_invalid")
    assert identity.accept(identity.invitation()).status_code == 201
    assert admin.get(TEAM).json["items"] == []
    is_problem(admin.post(f"{TEAM}/{bo}/resend-invitation"), 404, "not_found")
    [removed] = identity.running.events("identity.UserRemoved.v1")
    assert (removed["subject"], removed["tenantids"]) == (bo, tenant)
    entry = identity.trail(bo)[0]
    assert (entry["action"], entry["actorName"]) == ("user.invitation_expired", "identity")


def test_an_invitation_whose_link_is_good_keeps_its_address(identity, admin, bo, other, clock):
    clock.shift(EXPIRED - timedelta(seconds=1))
    before = identity.rows()
    is_problem(other.post(TEAM, json=BO), 409, "email_taken")
    assert identity.rows() == before | {"audit": before["audit"] + 1}, "the refusal counts (ADR 30)"
    assert admin.post(f"{TEAM}/{bo}/resend-invitation").status_code == 204
    clock.shift(EXPIRED - timedelta(seconds=1))
    is_problem(other.post(TEAM, json=BO), 409, "email_taken")


def test_an_expired_invitation_is_still_sent_again_by_who_sent_it(identity, admin, bo, other, clock):
    clock.shift(3 * EXPIRED)
    assert admin.post(f"{TEAM}/{bo}/resend-invitation").status_code == 204
    is_problem(other.post(TEAM, json=BO), 409, "email_taken")
    assert identity.accept(identity.invitation()).json["id"] == bo


def test_the_same_company_invites_anew(admin, bo, clock):
    is_problem(admin.post(TEAM, json=BO), 409, "email_taken")
    clock.shift(EXPIRED)
    again = admin.post(TEAM, json=BO)
    assert again.status_code == 201
    assert [item["id"] for item in admin.get(TEAM).json["items"]] == [again.json["id"]] != [bo]


def test_who_has_joined_keeps_the_address(identity, bo, other, clock):
    identity.accept(identity.invitation())
    clock.shift(2 * EXPIRED)
    is_problem(other.post(TEAM, json=BO), 409, "email_taken")


def test_a_refused_request_frees_nothing(identity, admin, bo, other, clock):
    clock.shift(EXPIRED)
    before = identity.rows()
    is_problem(other.post(TEAM, json=BO | {"role": "RetailerViewer"}), 422, "role_does_not_fit")
    assert identity.rows() == before
    assert [item["id"] for item in admin.get(TEAM).json["items"]] == [bo]


def test_the_operator_adds_somebody_with_a_password(identity, bo, clock):
    clock.shift(EXPIRED)
    user = identity.user(identity.tenant("Third"), BO["email"])
    assert identity.sign_in(BO["email"], PASSWORD).status_code == 200
    assert user != bo


def test_of_two_companies_that_want_the_address_at_once_one_gets_it(identity, tenant):
    identity.invited(tenant, BO["email"])
    admins = [identity.running.client(principal(tenant_id=UUID(identity.tenant(name)))) for name in "ABCD"]
    clients = iter(admins)
    answers = together(lambda: next(clients).post(TEAM, json=BO), len(admins))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(identity.running.events("identity.UserRemoved.v1")) == 1


def test_a_merchant_invites_an_affiliate_whose_invitation_elsewhere_has_expired(identity, clock):
    merchant, other = (identity.tenant(name, "Merchant", features=["affiliates"]) for name in ("A", "B"))
    identity.running.deliver(asked(merchant), asked(other))
    assert len(identity.running.events(REFUSED)) == 1
    clock.shift(EXPIRED)
    identity.running.deliver(asked(other))
    assert len(identity.running.events(REFUSED)) == 1
    newest = identity.running.events(INVITED)[-1]["data"]
    assert (newest["tenantId"], newest["email"]) == (other, BINA)


# So many for a company


@pytest.fixture
def three_a_day(identity, monkeypatch):
    monkeypatch.setenv("CONCORD_INVITATIONS_PER_DAY", "3")
    identity.running.runtime.settings.own.clear()
    yield
    identity.running.runtime.settings.own.clear()


def person(number):
    return BO | {"email": f"p{number}@example.com"}


def test_a_company_sends_so_many_invitations_a_day(identity, three_a_day, admin, other, clock):
    """M10: to whomever, the first time or again; the answer says when the next may go."""
    users = []
    for number in range(2):
        users.append(admin.post(TEAM, json=person(number)).json["id"])
        clock.shift(HOUR)
    assert admin.post(f"{TEAM}/{users[0]}/resend-invitation").status_code == 204
    before = identity.rows()
    for refused in (admin.post(TEAM, json=person(3)), admin.post(f"{TEAM}/{users[1]}/resend-invitation")):
        is_problem(refused, 429, "too_many_invitations")
        assert refused.headers["Retry-After"] == str(22 * 3600)
    assert identity.rows() == before
    assert other.post(TEAM, json=person(3)).status_code == 201, "another company has its own"
    clock.shift(22 * HOUR - timedelta(seconds=1))
    assert admin.post(TEAM, json=person(4)).headers["Retry-After"] == "1"
    clock.shift(1)
    assert admin.post(TEAM, json=person(4)).status_code == 201
    is_problem(admin.post(TEAM, json=person(5)), 429, "too_many_invitations")


@pytest.mark.parametrize("headers", [False, True], ids=["plain", "idempotent"])
def test_whether_an_address_has_an_account_elsewhere_is_told_so_often_a_day(
    identity, three_a_day, tenant, admin, clock, headers
):
    """ADR 30: a refusal counts as an invitation does, once for each address, and stays though the request fails."""
    elsewhere = identity.tenant("Other")
    for number in range(4):
        identity.user(elsewhere, person(number)["email"])

    def ask(number, **change):
        key = {"Idempotency-Key": str(uuid4())} if headers else {}
        return admin.post(TEAM, json=person(number) | change, headers=key)

    before = identity.rows()
    is_problem(ask(0, role="RetailerViewer"), 422, "role_does_not_fit")
    assert identity.rows() == before, "nothing was told"
    is_problem(ask(1), 409, "email_taken")
    clock.shift(HOUR)
    is_problem(ask(1), 409, "email_taken")
    assert identity.rows() == before | {"audit": before["audit"] + 1}
    [entry] = [entry for entry in identity.trail(tenant) if entry["action"] == "tenant.address_refused"]
    assert person(1)["email"] not in str(entry)
    is_problem(ask(2), 409, "email_taken")
    assert ask(5).status_code == 201
    before = identity.rows()
    for number in (3, 6):
        refused = ask(number)
        is_problem(refused, 429, "too_many_invitations")
        assert refused.headers["Retry-After"] == str(23 * 3600), "taken or not"
    assert identity.rows() == before
    clock.shift(23 * HOUR)
    is_problem(ask(3), 409, "email_taken")


def test_a_colleagues_address_is_no_secret(identity, three_a_day, admin, anna):
    before = identity.rows()
    for _ in range(4):
        is_problem(admin.post(TEAM, json=BO | {"email": "anna@nordic-heating.example"}), 409, "email_taken")
    assert identity.rows() == before


def test_addresses_asked_for_at_the_same_moment_are_no_more_than_allowed(identity, three_a_day, tenant):
    elsewhere = identity.tenant("Other")
    for number in range(8):
        identity.user(elsewhere, person(number)["email"])
    client = identity.running.client(principal(tenant_id=UUID(tenant)))
    numbers = iter(range(8))
    answers = together(lambda: client.post(TEAM, json=person(next(numbers))).status_code, 8)
    assert sorted(answers) == [409] * 3 + [429] * 5


def test_neither_withdrawing_nor_the_operator_is_a_way_round(identity, three_a_day, tenant, admin, clock):
    for number in range(3):
        user = admin.post(TEAM, json=person(number)).json["id"]
        assert admin.delete(f"{TEAM}/{user}").status_code == 204
    is_problem(admin.post(TEAM, json=person(4)), 429, "too_many_invitations")
    is_problem(identity.admin.post(f"{ADMIN}/{tenant}/users", json=person(4)), 429, "too_many_invitations")


def test_invitations_at_the_same_moment_are_no_more_than_allowed(identity, three_a_day, tenant):
    client = identity.running.client(principal(tenant_id=UUID(tenant)))
    numbers = iter(range(8))
    answers = together(lambda: client.post(TEAM, json=person(next(numbers))).status_code, 8)
    assert sorted(answers) == [201] * 3 + [429] * 5


def test_an_affiliate_too_many_is_refused_with_a_reason(identity, three_a_day, clock):
    merchant = identity.tenant("Dashain Market", "Merchant", features=["affiliates"])
    identity.running.deliver(*(asked(merchant, f"p{number}@blog.example") for number in range(4)))
    [refused] = identity.running.events(REFUSED)
    assert refused["data"]["reason"] == "too_many_invitations"
    assert len(identity.running.events(INVITED)) == 3
