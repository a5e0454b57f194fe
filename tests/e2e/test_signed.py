"""A merchant's software, signing as the document says, through the real gateway (S2-26, D1, D7)."""

import pytest

from tests.e2e.harness import OPERATOR, build_merchant, until

PATH = "/api/v1/campaigns"
SALE = {
    "title": "Dashain Sale",
    "defaultCommissionType": "PERCENTAGE",
    "defaultCommissionValue": "12",
    "cookieDurationDays": 30,
    "approvalRequired": False,
}
SHAPE = {"statusCode", "message", "error"}


@pytest.fixture
def merchant(platform):
    return build_merchant(platform)


def test_the_documents_own_request_works_and_a_retry_acts_once(merchant):
    created = merchant.software.post(PATH, SALE, key="sale-1")
    assert created.status_code == 201, created.text
    assert (created.json()["title"], created.json()["status"]) == ("Dashain Sale", "DRAFT")
    again = merchant.software.post(PATH, SALE, key="sale-1")
    assert (again.status_code, again.json()) == (201, created.json())
    assert [one["id"] for one in merchant.software.get(f"{PATH}?pageSize=200").json()["items"]] == [
        created.json()["id"]
    ]
    assert merchant.software.get(f"{PATH}/{created.json()['id']}").json()["title"] == "Dashain Sale"


def test_the_same_path_means_another_thing_to_who_is_signed_in(merchant, network):
    """D1."""
    mine = merchant.software.post(PATH, SALE).json()["id"]
    assert merchant.admin.get(f"/merchant{PATH}/{mine}").json()["title"] == "Dashain Sale"
    assert merchant.admin.get(PATH).status_code == 403, "a merchant has no co-marketing campaigns"
    assert network.supplier.get(PATH).json()["items"] == []
    assert merchant.admin.get("/api/v1/products").status_code == 401


def test_copied_and_forged_requests_are_refused(platform, merchant):
    software = merchant.software
    headers = software.headers()
    assert software.send("GET", PATH, b"", headers).status_code == 200
    forged = [headers, software.headers() | {"X-Signature": "0" * 64}, {"X-API-Key": software.api_key}]
    for sent in forged:
        answer = software.send("GET", PATH, b"", sent)
        assert (answer.status_code, set(answer.json())) == (401, SHAPE)
    other = build_merchant(platform).software
    assert other.get(PATH).json()["items"] == []
    stolen = other.headers() | {"X-API-Key": software.api_key}
    assert software.send("GET", PATH, b"", stolen).status_code == 401


def test_a_removed_key_is_out_within_seconds(platform, merchant):
    operator = platform.user(*OPERATOR)
    assert merchant.software.get(PATH).status_code == 200
    removed = operator.delete(f"/api/v1/admin/tenants/{merchant.tenant_id}/api-keys/{merchant.key_id}")
    assert removed.status_code == 204
    until(lambda: merchant.software.get(PATH).status_code == 401, within=5, what="the removed key's refusal")


def test_a_tenant_is_known_by_its_slug(platform, merchant):
    tenant = merchant.admin.get("/api/v1/me").json()["tenant"]
    assert (tenant["id"], tenant["slug"]) == (merchant.tenant_id, merchant.slug)
