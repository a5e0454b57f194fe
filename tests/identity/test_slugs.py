"""What paths call a tenant by (http-contract: ``{tenantUid}`` is the tenant's id or its slug)."""

import threading
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from chassis.core.principal import Principal, acting_as
from services.identity.tenants import rules, tasks
from services.identity.tenants.models import Tenant
from tests.identity.conftest import ADMIN, is_problem

NAMES = {
    "Fjord Retail": "fjord-retail",
    "  Dashain   Market! ": "dashain-market",
    "Ærlig Øl & Smørrebrød": "aerlig-ol-smorrebrod",
    "Malmö Klimat AB": "malmo-klimat-ab",
    "STRASSE ß": "strasse-ss",
    "株式会社": "tenant",
    "---": "tenant",
    "3 for 2": "3-for-2",
    "x" * 200: "x" * 50,
    "Callback": "tenant-callback",
    "00000000-0000-0000-0000-000000000001": "tenant-00000000-0000-0000-0000-000000000001",
}


@pytest.mark.parametrize(("name", "slug"), NAMES.items())
def test_a_slug_is_made_from_the_name(name, slug):
    assert next(rules.slugs_of(name, ())) == slug
    assert all(rules.is_slug(slug) for slug in rules.slugs_of(name, ["0a1b2c3d"]))


@pytest.mark.parametrize("slug", ["fjord", "a", "7", "a-1-b", "x" * 63])
def test_a_slug_can_be_chosen(identity, slug):
    answer = identity.admin.post(ADMIN, json={"name": "Fjord Retail", "kind": "Retailer", "slug": slug})
    assert (answer.status_code, answer.json["slug"]) == (201, slug)
    assert identity.trail(answer.json["id"])[0]["changes"]["slug"] == [None, slug]


BAD = ["", " ", "Fjord", "fjord_retail", "fjord retail", "-fjord", "fjord-", "a--b", "å", "a/b", "a.b", "x" * 64, None,
       7, "fjord\n", str(uuid4()), uuid4().hex, "٣", "callback"]  # fmt: skip


def test_bad_slugs_are_refused(identity):
    for slug in BAD:
        body = {"name": "Fjord Retail", "kind": "Retailer", "slug": slug}
        is_problem(identity.admin.post(ADMIN, json=body), 422, "validation_failed")
    assert identity.rows()["tenants"] == 0


def test_a_chosen_slug_that_is_taken_is_refused_and_nothing_is_written(identity):
    identity.tenant("Fjord Retail", "Retailer")
    before = identity.rows()
    body = {"name": "Another", "kind": "Retailer", "slug": "fjord-retail"}
    is_problem(identity.admin.post(ADMIN, json=body), 409, "slug_taken")
    assert identity.rows() == before


def test_tenants_of_one_name_get_slugs_of_their_own(identity):
    tenants = [identity.tenant("Fjord Retail", "Retailer") for _ in range(7)]
    slugs = [identity.admin.get(f"{ADMIN}/{tenant}").json["slug"] for tenant in tenants]
    assert slugs[:5] == ["fjord-retail", *(f"fjord-retail-{number}" for number in range(2, 6))]
    assert len(set(slugs)) == 7
    assert [event["data"]["slug"] for event in identity.running.events()] == slugs
    assert len(identity.trail()) == 7


def test_tenants_of_one_name_made_at_the_same_moment(identity):
    threads = [threading.Thread(target=identity.tenant, args=("Fjord Retail", "Retailer")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slugs = {tenant["slug"] for tenant in identity.admin.get(ADMIN).json["items"]}
    assert slugs == {"fjord-retail", "fjord-retail-2", "fjord-retail-3", "fjord-retail-4"}


def test_a_slug_never_changes(identity, tenant):
    """A renamed tenant is still found where it was; a change ignores the slug (D65)."""
    identity.admin.patch(f"{ADMIN}/{tenant}", json={"name": "Nordic Heat"})
    assert identity.admin.get(f"{ADMIN}/{tenant}").json["slug"] == "nordic-heating"
    assert identity.admin.patch(f"{ADMIN}/{tenant}", json={"slug": "nordic"}).json["slug"] == "nordic-heating"


def test_tenants_of_older_code_are_named_once(identity, tenant, anna):
    """Until then their id stands for the slug everywhere."""
    other = identity.tenant("Nordic Heating")
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(update(Tenant).values(slug=None))
    assert identity.admin.get(f"{ADMIN}/{tenant}").json["slug"] == tenant
    assert identity.claims(identity.sign_in().json["access_token"])["tenant_slug"] == tenant
    assert {entry["slug"] for entry in identity.feed()["tenants"]} == {tenant, other}
    for _ in range(2):
        with acting_as(Principal.system("identity")):
            assert tasks.name_tenants(identity.running.runtime) is False
    assert identity.claims(identity.sign_in().json["access_token"])["tenant_slug"] == "nordic-heating"
    assert identity.admin.get(f"{ADMIN}/{other}").json["slug"] == "nordic-heating-2"
    events = identity.running.events("identity.TenantChanged.v2")
    assert [(UUID(event["subject"]), event["data"]["slug"], event["sequence"]) for event in events] == [
        (UUID(tenant), "nordic-heating", 2),
        (UUID(other), "nordic-heating-2", 2),
    ]
    assert identity.trail(tenant)[0]["changes"] == {"slug": [None, "nordic-heating"]}
