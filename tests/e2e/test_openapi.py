"""The platform's own OpenAPI document, and the platform held to it by generated requests through the gateway."""

import os
import re
import subprocess
import sys

import pytest
import requests

from concord.platform import SERVICES, load
from tests.e2e.harness import OPERATOR, build_network

EXAMPLES = os.environ.get("CONCORD_TEST_EXAMPLES", "15")
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


@pytest.mark.parametrize("who", ["supplier", "retailer", "operator"])
def test_generated_requests_get_documented_answers_only(platform, document, who, tmp_path):
    if platform.engines.name != "real" and who != "supplier":
        pytest.skip("once per role on the real engines is enough")
    network = build_network(platform, retailers=2)
    user = {
        "supplier": network.supplier,
        "retailer": next(iter(network.retailers.values())),
        "operator": platform.user(*OPERATOR),
    }[who]
    network.supplier.post("/api/v1/prm/tiers", {"name": "Gold", "benefits": ["First"]})
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{platform.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {user.sign_in()}"),
            *("--checks", ",".join(CHECKS), "--max-examples", EXAMPLES, "--phases", "examples,coverage,fuzzing"),
            *("--seed", "1", "--workers", "2", "--no-color", "--suppress-health-check", "all", "--warnings", "off"),
            *("--continue-on-failure", "--generation-database", "none"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-12_000:] + run.stderr[-2000:]
