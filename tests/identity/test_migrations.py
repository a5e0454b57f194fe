"""What was there before a migration of identity's keeps its meaning, and nobody is locked out."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from alembic import command
from sqlalchemy import create_engine, select, text

from chassis.core.clock import utcnow
from chassis.data import migrate
from chassis.process.service import Runtime
from contracts.roles import Role
from services.identity import service
from services.identity.passwords.hashing import hash_password
from services.identity.tenants.models import Tenant
from services.identity.users.models import User
from tests.identity.conftest import ADMIN, PASSWORD, Identity
from tests.older import insert, move
from tests.plugin import ServiceUnderTest, principal

BEFORE = "identity_0002"


@pytest.fixture
def old(empty_database):
    """The database as code of the schema before left it."""
    engine = create_engine(empty_database)
    move(service, engine, BEFORE)
    yield engine
    engine.dispose()


@pytest.fixture
def upgraded(old, empty_database, test_settings):
    """Call it to migrate: identity as it runs then."""
    running = []

    def upgrade():
        migrate.upgrade(service, old)
        runtime = Runtime(service, replace(test_settings, database_url=empty_database))
        running.append(runtime)
        return Identity(ServiceUnderTest(runtime), principal(Role.PLATFORM_ADMIN))

    yield upgrade
    for runtime in running:
        runtime.close()


def write_as_before(engine, table, **row):
    row = {"id": uuid4(), "created_at": utcnow(), "event_sequence": 0, **row}
    insert(engine, table, **row)
    return str(row["id"])


def tenant_of_before(engine, name):
    more = {"kind": "Supplier", "time_zone": "Europe/Oslo", "features": "[]", "version": 1, "updated_at": utcnow()}
    return write_as_before(engine, "tenants", name=name, slug=f"tenant-{uuid4().hex}", **more)


def user_of_before(engine, tenant, email, password, removed_at=None):
    row = {"email": email, "email_key": email.casefold(), "password_hash": hash_password(password)}
    row |= {"name": email, "role": "SupplierAdmin", "removed_at": removed_at}
    return write_as_before(engine, "users", tenant_id=UUID(tenant), **row)


def test_tenants_of_before_are_found_in_any_case(old, upgraded):
    tenant_of_before(old, "Москва Тепло")
    tenant_of_before(old, "Cafe\u0301")
    identity = upgraded()
    for q in ("москва", "café"):
        assert identity.admin.get(ADMIN, query_string={"q": q}).json["totalItems"] == 1


def test_users_of_before_sign_in_by_any_spelling_of_their_domain(old, upgraded):
    user_of_before(old, tenant_of_before(old, "Nordic"), "Anna@Exämple.com", PASSWORD)
    identity = upgraded()
    for spelling in ("anna@exämple.com", "anna@exa\u0308mple.com", "anna@xn--exmple-cua.com"):
        assert identity.sign_in(spelling).status_code == 200


def test_users_who_turn_out_to_share_a_mailbox_both_stay(old, upgraded):
    tenant = tenant_of_before(old, "Nordic")
    passwords = {
        "a@exämple.com": "password-one",
        "a@xn--exmple-cua.com": "password-two",
        "a@exa\u0308mple.com": "password-three",
    }
    for email, password in passwords.items():
        user_of_before(old, tenant, email, password)
    user_of_before(old, tenant, "b@exämple.com", PASSWORD, removed_at=utcnow())
    identity = upgraded()
    names = []
    for email, password in passwords.items():
        answer = identity.sign_in(email, password)
        assert answer.status_code == 200, email
        names.append(identity.claims(answer.json["access_token"])["name"])
    assert names == list(passwords)


def test_code_of_before_goes_on_with_the_new_schema(old, upgraded):
    upgraded()
    tenant = tenant_of_before(old, "Later")
    user_of_before(old, tenant, "c@x.example", PASSWORD)
    with old.connect() as connection:
        assert connection.execute(select(Tenant.name_folded)).all() == [(None,)]
        assert connection.execute(select(User.email)).all() == [("c@x.example",)]


def test_there_is_a_way_back(old, upgraded):
    tenant_of_before(old, "Nordic")
    upgraded()
    move(service, old, BEFORE, how=command.downgrade)
    with old.connect() as connection:
        assert connection.execute(text("SELECT name FROM tenants")).all() == [("Nordic",)]
