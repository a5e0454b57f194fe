"""A tenant that has ended: all that promotions holds of it is its own, so all of it goes."""

from uuid import uuid4

import pytest

from chassis.core.principal import Principal, acting_as
from services.promotions import service
from tests.plugin import sample_event
from tests.plugin.endings import end, go_through, tables_with
from tests.plugin.filling import count_rows, fill

OWNERS = ("tenant_id", "tenants.id")
SYSTEM = Principal.system("test")


@pytest.fixture
def promotions(start_service):
    return start_service(service)


def filled(promotions):
    """A tenant with a row in every table."""
    tenant, campaign = uuid4(), uuid4()
    columns = ("sales_campaigns.id", "sales_snapshots.campaign_id", "sales_variants.campaign_id")
    with acting_as(SYSTEM), promotions.database.begin() as session:
        fill(session, service.metadata, tenant, owners=OWNERS, known=dict.fromkeys(columns, campaign))
    return tenant


def rows(promotions):
    with acting_as(SYSTEM), promotions.database.read() as session:
        return count_rows(session, service.metadata)


def test_everything_goes_and_another_tenants_stays(promotions):
    tenant, other = filled(promotions), filled(promotions)
    assert set(rows(promotions).values()) == {2}
    end(promotions, tenant)
    assert tables_with(promotions, tenant) == set()
    assert set(rows(promotions).values()) == {1}, "also what is only reached through a parent"
    assert "sales_campaigns" in tables_with(promotions, other)


def test_what_comes_late_goes_with_a_later_pass_and_then_nobody_looks_again(promotions):
    tenant = filled(promotions)
    end(promotions, tenant)
    data = {"tenantId": str(tenant), "slug": "x", "name": "X", "kind": "Retailer", "timeZone": "UTC", "features": []}
    promotions.deliver(sample_event("identity.TenantChanged.v2", data, subject=str(tenant), sequence=3))
    assert tables_with(promotions, tenant) == {"tenants"}
    for _ in range(3):
        go_through(promotions)
    assert tables_with(promotions, tenant) == set()


def test_it_goes_in_pieces(promotions, monkeypatch):
    monkeypatch.setattr("privacy.tenant_data.AT_ONCE", 1)
    tenant = filled(promotions)
    end(promotions, tenant)
    assert tables_with(promotions, tenant) == set()
    assert set(rows(promotions).values()) == {0}
