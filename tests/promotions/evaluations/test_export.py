"""Evaluations in the export of a tenant: few are read at a time where each is large, and many where they are small."""

import json
from uuid import uuid4

import pytest
from sqlalchemy import insert
from uuid_utils.compat import uuid7

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from privacy import tenants_duty
from privacy.tenant_data import window
from services.promotions import service
from services.promotions.evaluations.models import Evaluation

SYSTEM = Principal.system("promotions")
TABLES = service.duty(tenants_duty.TenantsDuty).tables
EVALUATIONS = [data.model for data in TABLES].index(Evaluation)
KILOBYTE = "x" * 1024


@pytest.fixture
def promotions(start_service):
    return start_service(service)


@pytest.fixture
def reads(monkeypatch):
    """How many rows each read of a table returned."""
    numbers = []

    def counted(*args, **kwargs):
        rows, following = window(*args, **kwargs)
        numbers.append(len(rows))
        return rows, following

    monkeypatch.setattr(tenants_duty, "window", counted)
    return numbers


def evaluated(promotions, *sizes):
    """A tenant with an evaluation of each size, in kilobytes."""
    tenant, columns = uuid4(), {"store_uid": "oslo", "created_at": utcnow()}
    rows = [columns | {"id": uuid7(), "tenant_id": tenant, "record": {"text": KILOBYTE * size}} for size in sizes]
    with acting_as(SYSTEM), promotions.database.begin() as session:
        session.execute(insert(Evaluation.__table__), rows)
    return tenant


def part(promotions, tenant, after=None):
    after = after or json.dumps([EVALUATIONS, None])
    with acting_as(SYSTEM):
        return tenants_duty.rows_of(promotions.database, TABLES, tenant, after=after)


def sizes_of_parts(promotions, tenant):
    sizes, after = [], None
    while (answer := part(promotions, tenant, after))["table"] == "evaluations":
        sizes.append(len(answer["rows"]))
        after = answer["next"]
    return sizes


def test_of_large_rows_hardly_more_are_read_than_an_answer_shows(promotions, reads):
    tenant = evaluated(promotions, *[236] * 60)
    assert len(part(promotions, tenant)["rows"]) == 9
    assert reads == [20]


def test_after_the_first_rows_no_more_are_read_than_probably_fit(promotions, reads, monkeypatch):
    monkeypatch.setattr(tenants_duty, "BUSY", 60)
    tenant = evaluated(promotions, *[60] * 60)
    assert len(part(promotions, tenant)["rows"]) == 35
    assert reads == [20, 15]


def test_small_rows_are_read_more_at_a_time(promotions, reads, monkeypatch):
    monkeypatch.setattr(tenants_duty, "BUSY", 60)
    tenant = evaluated(promotions, *[0] * 1200)
    assert len(part(promotions, tenant)["rows"]) == 1200
    assert reads[:7] == [20, 40, 80, 160, 320, 500, 80]


def test_every_row_is_shown_once_whatever_its_size(promotions, monkeypatch):
    monkeypatch.setattr(tenants_duty, "BUSY", 60)
    tenant = evaluated(promotions, *[1] * 30, *[500] * 12, *[1] * 30)
    assert sizes_of_parts(promotions, tenant) == [30 + 5, 5, 2 + 30]


def test_an_answer_ends_when_its_time_is_over_with_a_row_at_least(promotions, monkeypatch):
    monkeypatch.setattr(tenants_duty, "BUSY", -1)
    tenant = evaluated(promotions, 1, 1, 1)
    assert sizes_of_parts(promotions, tenant) == [1, 1, 1]
