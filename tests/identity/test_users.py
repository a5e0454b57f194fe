"""Administration of a tenant's users: roles that fit, one address one person, and removing them for good."""

import threading
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from chassis.core.errors import Invalid
from chassis.core.principal import acting_as
from chassis.data.errors import is_taken
from contracts.roles import Role
from services.identity.passwords.hashing import is_password
from services.identity.sessions.models import RefreshToken
from services.identity.users import bootstrap
from services.identity.users.models import ONE_ADDRESS, User
from tests.identity.conftest import ADMIN, PASSWORD, is_oauth_error, is_problem
from tests.plugin import principal

GOOD = {"email": "Rolf@Fjord-Retail.example", "name": "Rolf", "role": "RetailerAdmin", "password": PASSWORD}


@pytest.fixture
def retailer(identity):
    return identity.tenant("Fjord Retail", "Retailer")


def test_a_user_is_added_as_the_contract_shows(identity, retailer):
    answer = identity.admin.post(f"{ADMIN}/{retailer}/users", json=GOOD)
    assert answer.status_code == 201
    user = answer.json
    assert user == {
        "id": user["id"],
        "email": "Rolf@fjord-retail.example",
        "name": "Rolf",
        "role": "RetailerAdmin",
        "status": "Active",
        "createdAt": user["createdAt"],
    }
    (listed,) = identity.admin.get(f"{ADMIN}/{retailer}/users").json["items"]
    assert listed == user | {"lastSeenAt": None, "secondFactor": False}
    event = identity.running.events("identity.UserAdded.v1")[0]
    assert (event["subject"], event["sequence"], event["tenantids"]) == (user["id"], 1, retailer)
    assert event["data"] == {
        "userId": user["id"],
        "tenantId": retailer,
        "email": "Rolf@fjord-retail.example",
        "name": "Rolf",
        "role": "RetailerAdmin",
    }
    (entry,) = identity.trail(user["id"])
    assert (entry["action"], entry["changes"]["role"]) == ("user.added", [None, "RetailerAdmin"])


def test_passwords_are_kept_as_argon2_hashes_only(identity, retailer):
    user_id = identity.user(retailer, role="RetailerAdmin")
    with acting_as(identity.operator), identity.running.database.read() as session:
        user = session.query(User).one()
    assert str(user.id) == user_id
    assert user.password_hash.startswith("$argon2id$")
    assert is_password(PASSWORD, user.password_hash)
    written = str(identity.running.events()) + str(identity.trail())
    assert PASSWORD not in written
    assert "argon2" not in written


ALLOWED = {
    "Supplier": {"SupplierAdmin", "SupplierViewer"},
    "Retailer": {"RetailerAdmin", "RetailerViewer"},
    "Merchant": {"MerchantAdmin", "MerchantViewer", "Affiliate"},
}
ROLES = [*(role for roles in ALLOWED.values() for role in sorted(roles)), "PlatformAdmin"]


@pytest.mark.parametrize("kind", list(ALLOWED))
def test_roles_fit_the_kind_of_tenant(identity, kind):
    tenant = identity.tenant(kind=kind)
    for role in ROLES:
        body = GOOD | {"email": f"{role}@x.example", "role": role}
        answer = identity.admin.post(f"{ADMIN}/{tenant}/users", json=body)
        if role in ALLOWED[kind]:
            assert answer.status_code == 201
        else:
            assert is_problem(answer, 422, "role_does_not_fit")["errors"][0]["field"] == "role"
    assert identity.rows()["users"] == len(ALLOWED[kind])


BAD = [
    {"email": "no address"},
    {"email": "\u00e9@x.example"},
    {"email": "a@[127.0.0.1]"},
    {"email": "a@b\r\nBcc: c@d.example"},
    {"email": ""},
    {"email": None},
    {"email": 7},
    {"email": f"{'x' * 250}@y.example"},
    {"name": " "},
    {"name": "x" * 201},
    {"name": "Rolf\r\nBcc: x"},
    {"name": "Rolf\u202e"},
    {"email": "a@localhost"},
    {"email": '"a b"@x.example'},
    {"role": "Machine"},
    {"role": "System"},
    {"role": "supplieradmin"},
    {"role": None},
    {"password": None},
    {"password": ["concord-demo"]},
    {"passwordHash": "x"},
    {"tenantId": str(UUID(int=1))},
    {"id": str(UUID(int=1))},
]


@pytest.mark.parametrize("change", BAD, ids=lambda change: str(change)[:40])
def test_bad_users_are_refused_and_nothing_is_written(identity, retailer, change):
    before = identity.rows()
    answer = identity.admin.post(f"{ADMIN}/{retailer}/users", json=GOOD | change)
    problem = is_problem(answer, 422, "validation_failed")
    assert {error["field"] for error in problem["errors"]} == set(change)
    assert identity.rows() == before


@pytest.mark.parametrize(
    "password", ["ser ön ännu", "ser ön " * 20, "Rolf@Fjord-Retail.example", "FJORD retail", " " * 12]
)
def test_weak_passwords_are_refused_and_nothing_is_written(identity, retailer, password):
    before = identity.rows()
    answer = identity.admin.post(f"{ADMIN}/{retailer}/users", json=GOOD | {"password": password})
    assert is_problem(answer, 422, "weak_password")["errors"][0]["field"] == "password"
    assert identity.rows() == before


@pytest.mark.parametrize("missing", ["email", "name", "role"])
def test_every_field_is_needed(identity, retailer, missing):
    body = {name: value for name, value in GOOD.items() if name != missing}
    is_problem(identity.admin.post(f"{ADMIN}/{retailer}/users", json=body), 422, "validation_failed")


@pytest.mark.parametrize("length", [12, 128])
def test_passwords_of_12_to_128_characters(identity, retailer, length):
    password = ("å ser ön " * 20)[: length - 1] + "!"
    body = GOOD | {"password": password}
    assert identity.admin.post(f"{ADMIN}/{retailer}/users", json=body).status_code == 201
    assert identity.sign_in(GOOD["email"], password).status_code == 200


@pytest.mark.parametrize("password", ["å" * 11, "å" * 129, "password1234", "FJORD retail", " " * 12])
def test_a_weak_password_is_refused_and_nothing_is_written(identity, retailer, password):
    """M5: the operator's first passwords follow the policy too."""
    before = identity.rows()
    answer = identity.admin.post(f"{ADMIN}/{retailer}/users", json=GOOD | {"password": password})
    assert is_problem(answer, 422, "weak_password")["errors"][0]["field"] == "password"
    assert identity.rows() == before


def test_an_address_is_one_persons_in_any_case_and_tenant(identity, tenant, anna):
    other = identity.tenant("Other")
    before = identity.rows()
    for place in (tenant, other):
        body = GOOD | {"email": "ANNA@Nordic-Heating.example", "role": "SupplierAdmin"}
        is_problem(identity.admin.post(f"{ADMIN}/{place}/users", json=body), 409, "email_taken")
    assert identity.rows() == before


def test_of_many_who_want_one_address_at_once_one_gets_it(identity, retailer):
    answers = []

    def add():
        answers.append(identity.admin.post(f"{ADMIN}/{retailer}/users", json=GOOD))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = sorted((answer.status_code, answer.json.get("code")) for answer in answers)
    assert codes == [(201, None)] + [(409, "email_taken")] * 5
    assert len(identity.running.events("identity.UserAdded.v1")) == 1


def test_a_removed_user_is_out_everywhere(identity, tenant, anna):
    """No sign-in, no refresh, no profile, and the gateway is told to refuse the tokens still alive."""
    signed_in = identity.sign_in().json
    me = identity.as_bearer(signed_in["access_token"])
    assert identity.feed()["revoked"] == []
    answer = identity.admin.delete(f"{ADMIN}/{tenant}/users/{anna}")
    assert (answer.status_code, answer.data) == (204, b"")
    is_oauth_error(identity.sign_in(), 400, "invalid_grant")
    is_oauth_error(identity.refresh(signed_in["refresh_token"]), 400, "invalid_grant")
    with acting_as(identity.operator), identity.running.database.read() as session:
        assert session.query(RefreshToken).all() == []
    is_problem(me.get("/api/v1/me"), 401, "unauthorized")
    assert anna in {entry["id"] for entry in identity.feed()["revoked"]}
    assert identity.admin.get(f"{ADMIN}/{tenant}/users").json["totalItems"] == 0
    event = identity.running.events("identity.UserRemoved.v1")[0]
    assert (event["subject"], event["sequence"], event["tenantids"]) == (anna, 2, tenant)
    assert event["data"] == {"userId": anna, "tenantId": tenant}
    assert identity.trail(anna)[0]["action"] == "user.removed"
    is_problem(identity.admin.delete(f"{ADMIN}/{tenant}/users/{anna}"), 404, "not_found")


def test_the_address_of_a_removed_user_is_free_again(identity, tenant, anna):
    identity.admin.delete(f"{ADMIN}/{tenant}/users/{anna}")
    assert identity.user(tenant) != anna
    assert identity.sign_in().status_code == 200


def test_a_user_is_removed_under_the_own_tenant_only(identity, anna):
    before = identity.rows()
    other = identity.tenant("Other")
    foreign = identity.admin.delete(f"{ADMIN}/{other}/users/{anna}")
    absent = identity.admin.delete(f"{ADMIN}/{other}/users/{uuid4()}")
    is_problem(foreign, 404, "not_found")
    assert foreign.json | {"requestId": 0} == absent.json | {"requestId": 0}
    assert identity.rows()["users"] == before["users"]
    assert identity.sign_in().status_code == 200


def test_the_first_platform_admin_is_made_once(identity):
    assert bootstrap.platform_admin(identity.running.runtime, "Admin@Concord.example", PASSWORD) is True
    rows = identity.rows()
    assert bootstrap.platform_admin(identity.running.runtime, "admin@concord.example", "another password") is False
    assert identity.rows() == rows
    assert (rows["tenants"], rows["users"], rows["audit"], rows["events"]) == (1, 1, 2, 2)
    claims = identity.claims(identity.sign_in("admin@concord.example").json["access_token"])
    assert (claims["role"], claims["tenant_kind"]) == ("PlatformAdmin", "Platform")
    assert bootstrap.platform_admin(identity.running.runtime, "two@concord.example", PASSWORD) is False
    assert [identity.rows()[table] for table in ("tenants", "users", "audit", "events")] == [1, 1, 2, 2]


def test_the_first_platform_admin_is_spelled_as_everybody_is(identity):
    """D62: these texts come from a command line."""
    admin, password = "admin@exa\u0308mple.com", "A\u030ase-pa\u030a-bla\u030a-isen"
    assert bootstrap.platform_admin(identity.running.runtime, admin, password, name="A\u030ase") is True
    answer = identity.sign_in("admin@exämple.com", "Åse-på-blå-isen")
    assert identity.claims(answer.json["access_token"])["name"] == "Åse"


def test_the_first_platform_admin_follows_the_same_rules(identity, anna):
    with pytest.raises(Exception, match="e-mail address already"):
        bootstrap.platform_admin(identity.running.runtime, "anna@nordic-heating.example", PASSWORD)
    with pytest.raises(Invalid) as refused:
        bootstrap.platform_admin(identity.running.runtime, "admin@concord.example", "short")
    assert refused.value.errors[0]["field"] == "password"
    assert [item["kind"] for item in identity.admin.get(ADMIN).json["items"]] == ["Supplier"]


def test_the_last_platform_admin_stays_even_when_two_remove_each_other(identity):
    runtime = identity.running.runtime
    bootstrap.platform_admin(runtime, "one@concord.example", PASSWORD)
    platform = identity.admin.get(f"{ADMIN}?kind=Platform").json["items"][0]["id"]
    two = GOOD | {"email": "two@concord.example", "role": "PlatformAdmin"}
    assert identity.admin.post(f"{ADMIN}/{platform}/users", json=two).status_code == 201
    ids = [item["id"] for item in identity.admin.get(f"{ADMIN}/{platform}/users").json["items"]]
    answers = []

    def remove(user_id):
        admin = identity.running.client(principal(Role.PLATFORM_ADMIN))
        answers.append(admin.delete(f"{ADMIN}/{platform}/users/{user_id}"))

    threads = [threading.Thread(target=remove, args=(user_id,)) for user_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    is_problem(refused, 409, "last_platform_admin")


@pytest.mark.parametrize(("same", "taken"), [("email_key", True), ("id", False)])
def test_only_a_taken_address_counts_as_one(identity, anna, same, taken):
    """What else the database refuses is a mistake of ours and must not be told as somebody's address."""
    with acting_as(identity.operator), identity.running.database.begin() as session:
        first = session.scalars(select(User)).one()
        copy = {column.key: getattr(first, column.key) for column in User.__table__.columns}
        differing = copy | {"id": uuid4(), "email_key": "x"} | {same: copy[same]}
        with pytest.raises(IntegrityError) as refused, session.begin_nested():
            session.execute(insert(User.__table__).values(differing))
    assert is_taken(refused.value, ONE_ADDRESS) is taken


def test_users_are_added_once_with_an_idempotency_key(identity, retailer):
    """D7."""
    key = {"Idempotency-Key": "rolf"}
    first = identity.admin.post(f"{ADMIN}/{retailer}/users", json=GOOD, headers=key)
    again = identity.admin.post(f"{ADMIN}/{retailer}/users", json=GOOD, headers=key)
    assert (again.status_code, again.json) == (201, first.json)
    assert identity.rows()["users"] == 1
