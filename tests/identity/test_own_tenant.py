"""A tenant's own settings, changed by its admins (http-contract, Own tenant)."""

from datetime import timedelta
from uuid import UUID

import pytest
import time_machine

from chassis.core.clock import utcnow
from contracts.roles import Role
from services.identity.users import bootstrap
from tests.identity.conftest import ADMIN, PASSWORD, is_problem
from tests.plugin import principal

OWN = "/api/v1/tenant"


@pytest.fixture
def admin(identity, anna):
    return identity.as_user()


def test_a_tenant_reads_and_changes_itself(identity, tenant, admin):
    answer = admin.get(OWN)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert answer.json == {
        "id": tenant,
        "slug": "nordic-heating",
        "name": "Nordic Heating",
        "kind": "Supplier",
        "timeZone": "Europe/Stockholm",
        "locale": None,
        "secondFactorRequired": False,
    }
    change = {"name": "Nordic Heat", "timeZone": "Europe/Oslo", "locale": "nb-NO", "secondFactorRequired": True}
    changed = admin.patch(OWN, json=answer.json | change, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json == answer.json | change == admin.get(OWN).json
    event = identity.running.events("identity.TenantChanged.v2")[-1]
    assert (event["data"]["name"], event["data"]["timeZone"]) == ("Nordic Heat", "Europe/Oslo")
    entry = identity.trail(tenant)[0]
    assert (entry["action"], entry["actorName"]) == ("tenant.changed", "Anna")
    assert entry["changes"] == {
        "name": ["Nordic Heating", "Nordic Heat"],
        "timeZone": ["Europe/Stockholm", "Europe/Oslo"],
        "locale": [None, "nb-NO"],
        "secondFactorRequired": [False, True],
    }
    assert admin.patch(OWN, json={"locale": None}).json["locale"] is None


def test_what_changes_nothing_is_not_published(identity, admin):
    before = identity.rows()
    for body in ({}, {"name": "Nordic Heating"}, {"secondFactorRequired": False}, {"kind": "Retailer", "id": "x"}):
        assert admin.patch(OWN, json=body).headers["ETag"] == '"1"'
    assert identity.rows() == before


def test_a_stale_if_match_is_refused(identity, admin):
    """D6."""
    before = identity.rows()
    is_problem(admin.patch(OWN, json={"name": "X"}, headers={"If-Match": '"9"'}), 412, "stale_version")
    assert identity.rows() == before


BAD = [
    {"name": " "},
    {"name": "x" * 201},
    {"name": "Nordic\u202eHeating"},
    {"name": None},
    {"timeZone": "Europe/Nowhere"},
    {"timeZone": None},
    {"locale": "Swedish"},
    {"locale": "sv_SE"},
    {"locale": ""},
    {"secondFactorRequired": "yes"},
    {"features": ["prm"]},
    {"suspended": False},
]


@pytest.mark.parametrize("body", BAD, ids=str)
def test_bad_changes_are_refused_and_nothing_is_written(identity, admin, body):
    """Features and suspension are the operator's."""
    before = identity.rows()
    problem = is_problem(admin.patch(OWN, json=body), 422, "validation_failed")
    assert {error["field"] for error in problem["errors"]} == set(body)
    assert identity.rows() == before


def test_the_rule_for_second_factors_needs_a_fresh_factor(identity, admin):
    with time_machine.travel(utcnow() + timedelta(minutes=11)):
        is_problem(admin.patch(OWN, json={"secondFactorRequired": True}), 403, "step_up_required")
        assert admin.patch(OWN, json={"name": "Nordic Heat"}).status_code == 200
    assert admin.get(OWN).json["secondFactorRequired"] is False


def test_each_sees_the_own_tenant_only(identity, tenant, admin):
    other = identity.tenant("Fjord Retail", "Retailer")
    retailer = identity.running.client(principal(Role.RETAILER_ADMIN, tenant_id=UUID(other)))
    assert retailer.get(OWN).json["name"] == "Fjord Retail"
    assert retailer.patch(OWN, json={"name": "Fjord"}).status_code == 200
    assert admin.get(OWN).json["name"] == "Nordic Heating"
    nobody_here = identity.running.client(principal(Role.RETAILER_ADMIN))
    is_problem(nobody_here.get(OWN), 404, "not_found")
    is_problem(nobody_here.patch(OWN, json={"name": "Fjord"}), 404, "not_found")


def test_viewers_read_only(identity):
    """But for the supplier's, which reads campaigns alone (S0-7)."""
    identity.user(identity.tenant("Fjord Retail", "Retailer"), "rune@fjord.example", "RetailerViewer")
    viewer = identity.as_user("rune@fjord.example")
    assert viewer.get(OWN).json["name"] == "Fjord Retail"
    is_problem(viewer.patch(OWN, json={"name": "X"}), 403, "forbidden")


def test_the_platform_has_settings_too(identity):
    bootstrap.platform_admin(identity.running.runtime, "one@concord.example", PASSWORD)
    operator = identity.as_user("one@concord.example")
    assert operator.get(OWN).json["kind"] == "Platform"
    assert operator.patch(OWN, json={"secondFactorRequired": True}).json["secondFactorRequired"] is True
    assert [item["kind"] for item in identity.admin.get(ADMIN).json["items"]] == ["Platform"]
