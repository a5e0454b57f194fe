"""The platform's own OpenAPI document, and the platform held to it by generated requests through the gateway."""

import os
import re
import subprocess
import sys
from uuid import uuid4

import pytest
import requests

from concord.platform import SERVICES, load
from tests.e2e.harness import OPERATOR, build_merchant, build_network, new_user, until

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
    for name in SERVICES:
        for blueprint in load(name).blueprints:
            prefix = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", blueprint.url_prefix or "")
            if prefix.startswith("/api/"):
                assert any(path.startswith(prefix) for path in described), prefix
    assert not [path for path in described if path.startswith("/internal")]
    assert "x-unavailable" not in document or document["x-unavailable"] == []


def test_the_documentation_page_is_served_from_here(platform):
    page = requests.get(f"{platform.url}/docs", timeout=10)
    assert page.status_code == 200
    assert "text/html" in page.headers["Content-Type"]
    assert "https://" not in page.text.replace("https://docs.concord.example", "")


USERS = {
    "supplier": r"^/api/v1/(campaigns|prm|notifications|me|tenant)",
    "operator": r"^/(oauth|session|\.well-known|api/v1/(admin|me|tenant))",
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


ON_EVERY_CHANGE = ("supplier", "shop")


@pytest.mark.parametrize(
    "who", [pytest.param(who, marks=() if who in ON_EVERY_CHANGE else pytest.mark.nightly) for who in USERS]
)
def test_generated_requests_get_documented_answers_only(platform, document, who, tmp_path):
    """Each user on what it may use."""
    network = build_network(platform, retailers=2)
    user = {
        "supplier": network.supplier,
        "retailer": next(iter(network.retailers.values())),
        "operator": platform.user(*OPERATOR),
        "merchant": build_merchant(platform).admin,
        "affiliate": build_affiliate(platform),
        "shop": next(iter(network.retailers.values())),
    }[who]
    own = user.get("/api/v1/me").json()["tenant"]["id"]
    named = "".join(f'"path.{name}" = "{own}"\n' for name in OWN)
    (tmp_path / "schemathesis.toml").write_text(f"[parameters]\n{named}")
    network.supplier.post("/api/v1/prm/tiers", {"name": "Gold", "benefits": ["First"]})
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{platform.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {user.sign_in()}", "--include-path-regex", USERS[who]),
            *("--checks", ",".join(CHECKS), "--max-examples", EXAMPLES, "--phases", PHASES),
            *("--seed", "1", "--no-color", "--suppress-health-check", "all", "--warnings", "off"),
            *("--continue-on-failure", "--generation-database", "none"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert run.returncode == 0, run.stdout[-12_000:] + run.stderr[-2000:]
