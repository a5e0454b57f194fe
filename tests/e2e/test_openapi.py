"""The platform's own OpenAPI document, and the platform held to it by generated requests through the gateway."""

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
import requests

from concord.platform import SERVICES, load
from gateway.routes import KEY_ROUTES, ROUTES, Table
from tests.e2e.harness import OPERATOR, PASSWORD, build_merchant, build_network, new_tenant, new_user, until
from tests.e2e.test_teams import TEAM, token_in_mail
from tests.identity.sso.provider import CLIENT, SECRET, Person, Provider

FEW = "8" if os.environ.get("CONCORD_TEST_MATRIX") == "full" else "3"
EXAMPLES = os.environ.get("CONCORD_TEST_EXAMPLES", FEW)
# Covering every combination of odd values takes minutes; that is for when somebody asks for more than a few examples.
PHASES = "examples,fuzzing" if EXAMPLES == FEW else "examples,coverage,fuzzing"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)


@pytest.fixture(scope="module")
def document(platform):
    return requests.get(f"{platform.url}/openapi.json", timeout=20).json()


def test_every_public_route_of_every_service_is_described(document):
    """And nothing internal is."""
    described = set(document["paths"])
    tables = [Table(ROUTES, development=True), Table(KEY_ROUTES)]
    for name in SERVICES:
        for blueprint in load(name).blueprints:
            prefix = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", blueprint.url_prefix or "")
            if prefix and any(table.find(re.sub(r"\{\w+\}", "x", prefix)) for table in tables):
                assert any(path.startswith(prefix) for path in described), prefix
    assert not [path for path in described if path.startswith("/internal")]
    assert "x-unavailable" not in document or document["x-unavailable"] == []


def test_the_documentation_page_is_served_from_here(platform):
    page = requests.get(f"{platform.url}/docs", timeout=10)
    assert page.status_code == 200
    assert "text/html" in page.headers["Content-Type"]
    assert "https://" not in page.text.replace("https://docs.concord.example", "")


@dataclass
class Caller:
    """Who sends generated requests.

    Attributes:
        headers: what every request carries.
        parameters: values of parameters of any operation; a made-up one would find nothing behind it.
        known: the same for single operations, such as ``GET /scim/v2/Users/{user_id}``.
    """

    headers: dict[str, str]
    parameters: dict[str, str] = field(default_factory=dict)
    known: dict[str, dict[str, str]] = field(default_factory=dict)

    def configuration(self):
        """For Schemathesis."""
        lines = ["[parameters]", *_assignments(self.parameters)]
        for operation, parameters in self.known.items():
            lines += ["[[operations]]", f"include-name = {json.dumps(operation)}"]
            lines += [f"parameters.{line}" for line in _assignments(parameters)]
        return "\n".join(lines) + "\n"

    def send(self, platform, folder, paths):
        """Generate requests to the operations whose paths fit; all answers must be documented ones."""
        (folder / "schemathesis.toml").write_text(self.configuration())
        headers = [f"--header={name}: {value}" for name, value in self.headers.items()]
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{platform.url}/openapi.json"),
                *(*headers, "--include-path-regex", paths, "--max-redirects", "0"),
                *("--checks", ",".join(CHECKS), "--max-examples", EXAMPLES, "--phases", PHASES),
                *("--seed", "1", "--no-color", "--suppress-health-check", "all", "--warnings", "off"),
                *("--continue-on-failure", "--generation-database", "none"),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        assert run.returncode == 0, run.stdout[-12_000:] + run.stderr[-2000:]


def _assignments(parameters):
    return [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in parameters.items()]


USERS = {
    "supplier": r"^/api/v1/(campaigns|prm|notifications|me|tenant)",
    "operator": r"^/api/v1/(admin|me|tenant)",
    "retailer": r"^/api/v1/(campaigns/(invites|audit)|prm|notifications)",
    "merchant": r"^/(merchant/api/v1|api/v1/public)",
    "affiliate": r"^/affiliate/api/v1",
    "shop": r"^/(v2|stores|marketing|shops)/",
}
OWN = ("tenant_uid", "company_id", "shop")
"""Names of a tenant in paths. Any but the caller's own is nobody's, and nothing behind it would be tried."""


def build_affiliate(platform):
    """Somebody who signs in as the affiliate of a new merchant."""
    merchant, email = build_merchant(platform), f"bina-{uuid4().hex[:8]}@blog.example"
    assert merchant.software.post("/api/v1/affiliates", {"name": "Bina", "email": email}).status_code == 201
    person = new_user(platform, platform.user(*OPERATOR), merchant.tenant_id, email, "Affiliate")
    until(lambda: person.get("/affiliate/api/v1/me").status_code == 200, what="the account")
    return person


def user_of(platform, network, who):
    return {
        "supplier": lambda: network.supplier,
        "viewer": lambda: network.viewer,
        "retailer": lambda: next(iter(network.retailers.values())),
        "operator": lambda: platform.user(*OPERATOR),
        "merchant": lambda: build_merchant(platform).admin,
        "affiliate": lambda: build_affiliate(platform),
        "shop": lambda: next(iter(network.retailers.values())),
    }[who]()


ON_EVERY_CHANGE = ("supplier", "shop", "nobody", "directory")


def nightly_but_few(callers):
    return [pytest.param(who, marks=() if who in ON_EVERY_CHANGE else pytest.mark.nightly) for who in callers]


@pytest.mark.parametrize("who", nightly_but_few(USERS))
def test_generated_requests_get_documented_answers_only(platform, document, who, tmp_path):
    """Each user on what it may use."""
    network = build_network(platform, retailers=2)
    user = user_of(platform, network, who)
    own = user.get("/api/v1/me").json()["tenant"]["id"]
    network.supplier.post("/api/v1/prm/tiers", {"name": "Gold", "benefits": ["First"]})
    caller = Caller({"Authorization": f"Bearer {user.sign_in()}"}, {f"path.{name}": own for name in OWN})
    caller.send(platform, tmp_path, USERS[who])


# What asks for no access token of ours: signing in, the pages of mails, and what directories ask

OPEN = r"^/(oauth|session|account|scim/v2|\.well-known|unsubscribe|r)(/|$)"
PEOPLE = ("supplier", "viewer", "operator", "retailer", "merchant", "affiliate")
EVERYBODY = ("nobody", *PEOPLE, "software", "directory")
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
USERS_OF_DIRECTORY = "/scim/v2/Users/{user_id}"


def sender_of(number):
    """An address of its own: what one caller tries is not counted against the tests that follow (ADR 26)."""
    return {"X-Forwarded-For": f"198.51.100.{number}"}


@pytest.fixture(scope="module")
def company(platform):
    """A company with a provider and a directory of its own, which has just invited somebody: its admin, and values of
    parameters that mean something there."""
    operator, tag = platform.user(*OPERATOR), uuid4().hex[:8]
    tenant = new_tenant(operator, f"Open {tag}", "Supplier")
    admin = new_user(platform, operator, tenant, f"anna-{tag}@open.example", "SupplierAdmin")
    email = f"ines-{tag}@open.example"
    assert admin.post(TEAM, {"email": email, "name": "Ines", "role": "SupplierViewer"}).status_code == 201
    with closing(Provider(Person(sub="ines", email=email, email_verified=True))) as provider:
        settings = {"issuer": provider.url, "clientId": CLIENT, "clientSecret": SECRET}
        assert admin.put("/api/v1/tenant/sso", settings).status_code == 200
        yield admin, {"path.tenant_slug": f"open-{tag}", "query.token": token_in_mail(platform, email)}


def in_browser(platform, user, address):
    """A page of ours in the browser of somebody who is signed in."""
    body = {"username": user.email, "password": PASSWORD}
    answer = requests.post(f"{platform.url}/session", json=body, headers=OWN_PAGE | address, timeout=20)
    assert answer.status_code == 200, answer.text
    (cookie,) = answer.cookies
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return Caller(bearer | OWN_PAGE | address | {"Cookie": f"{cookie.name}={cookie.value}"})


def as_directory(admin, address):
    """By its token, and with a person whom it has added."""
    token = admin.post("/api/v1/tenant/scim-token").json()["token"]
    bearer = {"Authorization": f"Bearer {token}"} | address
    resource = {"userName": f"lars-{uuid4().hex[:8]}@open.example", "displayName": "Lars"}
    added = requests.post(f"{admin.base}/scim/v2/Users", json=resource, headers=bearer, timeout=20)
    assert added.status_code == 201, added.text
    person = {"path.user_id": added.json()["id"]}
    return Caller(bearer, known={f"{method} {USERS_OF_DIRECTORY}": person for method in ("GET", "PUT", "PATCH")})


def has_reached(platform, directory):
    """Whether the person whom the directory knew is suspended, or gone: ids in answers are tried elsewhere, too."""
    (person,) = {parameters["path.user_id"] for parameters in directory.known.values()}
    answer = requests.get(f"{platform.url}/scim/v2/Users/{person}", headers=directory.headers, timeout=20)
    return answer.status_code == 404 or answer.json()["active"] is False


def caller_of(platform, network, admin, who):
    address = sender_of(EVERYBODY.index(who) + 1)
    if who == "nobody":
        return Caller(address)
    if who == "directory":
        return as_directory(admin, address)
    if who == "software":
        key = build_merchant(platform).software
        form = {"grant_type": "client_credentials", "client_id": key.api_key, "client_secret": key.secret}
        token = requests.post(f"{platform.url}/oauth/token", data=form, timeout=20).json()["access_token"]
        return Caller({"Authorization": f"Bearer {token}"} | address)
    return in_browser(platform, user_of(platform, network, who), address)


@pytest.mark.parametrize("who", nightly_but_few(EVERYBODY))
def test_what_is_open_to_everybody_answers_everybody_as_documented(platform, network, company, who, tmp_path):
    admin, parameters = company
    caller = caller_of(platform, network, admin, who)
    caller.parameters |= parameters
    caller.send(platform, tmp_path, OPEN)
    if who == "directory":
        assert has_reached(platform, caller), "no request has changed anybody"
