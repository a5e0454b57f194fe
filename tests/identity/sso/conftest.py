"""A tenant with a provider of its own, and what its people's browsers get."""

from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import Uuid, bindparam, text

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.identity.identity_providers import queries as provider_queries
from services.identity.teams import actions as team_actions
from tests.identity.sso.provider import CLIENT, SECRET, Browser, Person, Provider

SSO = "/api/v1/tenant/sso"
ANNA = "anna@nordic-heating.example"
LARS = Person(
    sub="lars-1", email="lars@nordic-heating.example", email_verified=True, name="Lars Berg", roles=["marketing"]
)


@pytest.fixture
def provider():
    """The provider of Nordic Heating."""
    running = Provider(Person(LARS))
    yield running
    running.close()


@pytest.fixture
def slug(identity, tenant):
    return identity.admin.get(f"/api/v1/admin/tenants/{tenant}").json["slug"]


def configuration(provider, **change):
    return {
        "issuer": provider.url,
        "clientId": CLIENT,
        "clientSecret": SECRET,
        "roleMapping": {"marketing": "SupplierAdmin", "guests": "SupplierViewer"},
        **change,
    }


def signed_in(identity, username=ANNA):
    return identity.as_bearer(identity.sign_in(username).json["access_token"])


@pytest.fixture
def configured(identity, provider, anna, slug):
    """Anna has configured the provider; her client."""
    admin = signed_in(identity)
    answer = admin.put(SSO, json=configuration(provider))
    assert answer.status_code == 200, answer.json
    return admin


@pytest.fixture
def browser(identity):
    return Browser(identity.nobody)


def people(identity, tenant):
    users = identity.admin.get(f"/api/v1/admin/tenants/{tenant}/users").json["items"]
    return {user["email"]: user["role"] for user in users}


def rows_of(identity):
    """How many rows of everything there are, but for the counts of sign-ins that begin: those stay, whatever comes."""
    return {name: count for name, count in identity.rows().items() if name != "login_throttle"}


def is_page(answer, status, words):
    """For people: a page that says what to do, with nothing of the request in it."""
    text = answer.get_data(as_text=True)
    assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8"), text
    assert words in text
    assert "Traceback" not in text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert not any("concord_session=" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    return text


def is_signed_in(answer, target="http://localhost:8080/console/"):
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert answer.headers["Location"] == target
    (cookie,) = [cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("concord_session=")]
    return cookie


@pytest.fixture
def alter(identity):
    """``alter("UPDATE users SET … WHERE id = :id", id)``: what another room would have written."""

    def write(statement, id):
        with acting_as(Principal.system("test")), identity.running.database.begin() as session:
            session.execute(text(statement).bindparams(bindparam("id", UUID(id), Uuid())))

    return write


@pytest.fixture
def change_user(identity, tenant):
    """``change_user(id, suspended=True)``, as the tenant's admins do."""

    def change(user, **wishes):
        with acting_as(Principal.system("test")), identity.running.database.begin() as session:
            team_actions.change_user(
                session, UUID(tenant), UUID(user), **wishes, actor=Principal.system("test"), now=utcnow()
            )

    return change


@pytest.fixture
def reading(identity):
    """A reading session across tenants."""

    @contextmanager
    def read():
        with acting_as(Principal.system("test")), identity.running.database.read() as session:
            yield session

    return read


def stored(identity, tenant):
    """The tenant's provider as it stands in the database."""
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        return provider_queries.provider(session, UUID(tenant))


@pytest.fixture
def forget_providers(identity):
    """Forget what is remembered of providers, as a new process does."""

    def forget():
        identity.running.app.extensions.pop("providers", None)

    yield forget
    forget()


@pytest.fixture(autouse=True)
def _nothing_is_remembered(forget_providers):
    forget_providers()


@pytest.fixture
def production(identity, monkeypatch, forget_providers):
    """The service as if it ran in production."""
    monkeypatch.setattr(type(identity.running.runtime.settings), "development", property(lambda _self: False))
