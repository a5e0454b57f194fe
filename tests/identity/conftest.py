"""The identity service on both databases, with an operator and short ways to make tenants, users and sign-ins."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data.audit import AuditRow
from contracts.roles import Role
from services.identity import service, settings
from services.identity.common.models import Base
from services.identity.links import actions as link_actions
from services.identity.links.rules import token_of
from services.identity.passwords import hashing
from services.identity.sessions.models import SignedIn
from services.identity.users.models import User
from tests.plugin import CallerClient, ServiceUnderTest, principal

PASSWORD = "concord-demo"
ADMIN = "/api/v1/admin/tenants"
HASHER, NOBODYS_HASH = hashing.HASHER, hashing.NOBODYS_HASH  # those of production
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
LATER = datetime(2200, 1, 1, tzinfo=UTC)  # whatever the time is in a test


@dataclass(frozen=True)
class MadeLink:
    """A link's id, which events tell, and its token, which only the mail has."""

    id: UUID
    token: str


@dataclass
class Identity:
    """The service under test as its operator and its clients use it."""

    running: ServiceUnderTest
    operator: Principal
    strangers: int = 0  # sign-ins of people without an account

    @property
    def admin(self) -> CallerClient:
        return self.running.client(self.operator)

    @property
    def nobody(self) -> CallerClient:
        return self.running.client(None)

    def tenant(self, name: str = "Nordic Heating", kind: str = "Supplier", **more: Any) -> str:
        answer = self.admin.post(ADMIN, json={"name": name, "kind": kind, **more})
        assert answer.status_code == 201, answer.json
        return answer.json["id"]

    def user(self, tenant: str, email: str = "anna@nordic-heating.example", role: str = "SupplierAdmin") -> str:
        body = {"email": email, "name": "Anna", "role": role, "password": PASSWORD}
        answer = self.admin.post(f"{ADMIN}/{tenant}/users", json=body)
        assert answer.status_code == 201, answer.json
        return answer.json["id"]

    def api_key(self, tenant: str) -> dict[str, str]:
        answer = self.admin.post(f"{ADMIN}/{tenant}/api-keys", json={"name": "till"})
        assert answer.status_code == 201, answer.json
        return answer.json

    def link(
        self,
        user: str,
        purpose: str = "reset",
        *,
        lifetime: timedelta = timedelta(hours=1),
        now: datetime | None = None,
    ) -> "MadeLink":
        """A link as its mail has it."""
        own = settings.of(self.running.runtime.settings)
        with acting_as(Principal.system("test")), self.running.database.begin() as session:
            person = session.get_one(User, UUID(user))
            link = link_actions.make_link(
                session, person, purpose, lifetime=lifetime, settings=own, now=now or utcnow()
            )
        return MadeLink(link.id, token_of(link.id, own.derive("links")))

    def invited(self, tenant: str, email: str = "ines@nordic-heating.example", role: str = "SupplierViewer") -> str:
        """Somebody who has been invited and has not answered; the id of the user."""
        user = self.user(tenant, email, role)
        with acting_as(Principal.system("test")), self.running.database.begin() as session:
            person = session.get_one(User, UUID(user))
            person.invited_at, person.password_hash = utcnow(), None
        return user

    def token(self, headers: dict[str, str] | None = None, **form: str) -> Any:
        return self.nobody.post("/oauth/token", data=form, headers=headers)

    def sign_in(self, username: str = "anna@nordic-heating.example", password: str = PASSWORD, **headers: str) -> Any:
        return self.token(headers, grant_type="password", username=username, password=password)

    def refresh(self, token: str) -> Any:
        return self.token(grant_type="refresh_token", refresh_token=token)

    def claims(self, token: str) -> dict[str, Any]:
        """What a client makes of a token that knows our JWKS and nothing else."""
        jwks = jwt.PyJWKSet.from_dict(self.nobody.get("/.well-known/jwks.json").json)
        key = jwks[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=["EdDSA"], audience="concord", issuer="concord")

    def as_bearer(self, token: str) -> CallerClient:
        """A client as the gateway passes it on after it has checked the token."""
        return self.running.client(Principal.from_claims(self.claims(token)))

    def as_user(self, email: str = "anna@nordic-heating.example", password: str = PASSWORD) -> CallerClient:
        """A client of somebody who has just signed in."""
        answer = self.sign_in(email, password)
        assert answer.status_code == 200, answer.json
        return self.as_bearer(answer.json["access_token"])

    def fresh(self, who: Principal) -> Principal:
        """Somebody without an account, with a sign-in that counts as fresh whatever the time is."""
        row = {
            "id": uuid4(),
            "tenant_id": who.tenant_id,
            "user_id": who.user_id,
            "how": "password",
            "device": "",
            "address": "",
            "keep": True,
            "created_at": LATER,
            "seen_at": LATER,
            "proved_at": LATER,
            "expires_at": LATER,
        }
        database = self.running.database
        with database.engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            if database.dialect == "postgresql":
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            else:
                driver.execute("PRAGMA foreign_keys = OFF")
            connection.execute(SignedIn.__table__.insert(), row)
            connection.commit()
            if database.dialect == "sqlite":
                driver.execute("PRAGMA foreign_keys = ON")
        self.strangers += 1
        return replace(who, session_id=row["id"])

    def mailed(self, link_id: str) -> Any:
        """What the notifier is told of a link before it writes the mail."""
        return self.running.client(Principal.system("notifier"), sender="notifier").get(f"/internal/links/{link_id}")

    def invitation(self) -> str:
        """The token in the mail that was asked for last."""
        event = self.running.events("identity.UserInvited.v1")[-1]
        answer = self.mailed(event["data"]["linkId"])
        assert answer.status_code == 200, answer.json
        return answer.json["token"]

    def accept(self, token: str, **change: Any) -> Any:
        body = {"token": token, "name": "Bo Ek", "password": "a long enough one"} | change
        return self.nobody.post("/session/accept-invitation", json=body)

    def feed(self, since: str | None = None) -> Any:
        gateway = self.running.client(Principal.system("gateway"), sender="gateway")
        answer = gateway.get("/internal/access", query_string={"since": since} if since else {})
        assert answer.status_code == 200, answer.json
        return answer.json

    def rows(self) -> dict[str, int]:
        """How many rows of everything there are: to show that a refusal has written nothing."""
        tables = [*Base.metadata.sorted_tables, AuditRow.__table__]
        with acting_as(Principal.system("test")), self.running.database.read() as session:
            counts = {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}
        counts["sessions"] -= self.strangers
        return counts | {"events": len(self.running.events())}

    def trail(self, target: str | None = None) -> list[dict[str, Any]]:
        query = {"targetId": target, "pageSize": "200"} if target else {"pageSize": "200"}
        return self.admin.get("/api/v1/admin/audit", query_string=query).json["items"]


@pytest.fixture
def identity(start_service):
    operator = principal(Role.PLATFORM_ADMIN, user_id=UUID(int=7), name="Olga Operator")
    started = Identity(start_service(service), operator)
    started.running.runtime.memory.pop("fetches", None)  # another test may have dropped an answer without closing it
    started.operator = started.fresh(operator)
    return started


@pytest.fixture(autouse=True)
def _hash_quickly(monkeypatch):
    """A third of these tests' time would go into making passwords slow to try."""
    monkeypatch.setattr(hashing, "HASHER", QUICK)
    monkeypatch.setattr(hashing, "NOBODYS_HASH", QUICK.hash("nobody's"))


@pytest.fixture
def tenant(identity):
    """A supplier."""
    return identity.tenant(features=["campaigns", "prm"])


@pytest.fixture
def anna(identity, tenant):
    """An admin of that supplier; the id of her user."""
    return identity.user(tenant)


def is_problem(answer, status, code):
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code
    return answer.json


def is_oauth_error(answer, status, error):
    """RFC 6749, 5.2: its own shape, never cached."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/json"
    assert answer.json["error"] == error
    assert set(answer.json) == {"error", "error_description"}
    assert answer.headers["Cache-Control"] == "no-store"
    return answer
