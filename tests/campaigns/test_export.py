"""How the rows of a tenant are read for its export, however many others there are."""

from types import SimpleNamespace
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text
from uuid_utils.compat import uuid7

from chassis.core.principal import Principal, acting_as
from chassis.data.audit import AuditRow
from privacy.tenant_data import window
from privacy.tenants_duty import tables_of
from services.campaigns.models import Invite
from tests.campaigns.helpers import ANNA, RITA, ROLF, sent
from tests.identity.plans import plans_of

SYSTEM = Principal.system("campaigns")
OTHERS = 3000


def declared(campaigns, model):
    return next(data for data in tables_of(campaigns.runtime) if data.model is model)


def copy_for_others(campaigns, model, *tenants):
    """Many rows like the first one, of other tenants."""
    with acting_as(SYSTEM), campaigns.database.begin() as session:
        first = dict(session.execute(select(model.__table__).limit(1)).one()._mapping)
        rows = [first | {"id": uuid7()} | {column: uuid7() for column in tenants} for _ in range(OTHERS)]
        session.execute(insert(model.__table__), rows)
        session.flush()
        session.execute(text(f"ANALYZE {model.__tablename__}"))


def plan_of_window(campaigns, model, place=None):
    with (
        plans_of(SimpleNamespace(running=campaigns), "SELECT") as plans,
        acting_as(SYSTEM),
        campaigns.database.read() as session,
    ):
        window(session, declared(campaigns, model), ANNA.tenant_id, place)
    (plan,) = plans
    return plan


@pytest.mark.parametrize("place", [None, [UUID(int=1)]])
def test_an_export_reads_the_invites_of_both_sides_by_an_index(campaigns, anna, rolf, place):
    sent(anna, ROLF)
    copy_for_others(campaigns, Invite, "supplier_id", "retailer_id")
    plan = plan_of_window(campaigns, Invite, place)
    assert "ix_invites_supplier_id_id" in plan
    assert "ix_invites_retailer_id_id" in plan


def test_an_export_reads_the_trail_of_a_tenant_in_the_order_of_an_index(campaigns, anna):
    sent(anna, ROLF)
    copy_for_others(campaigns, AuditRow, "tenant_id")
    plan = plan_of_window(campaigns, AuditRow)
    assert "ix_audit_tenant_id_id" in plan
    assert "sort" not in plan.lower()


@pytest.mark.parametrize(("who", "number"), [(ANNA, 3), (ROLF, 2), (RITA, 1)])
def test_windows_show_each_row_of_both_sides_once_in_order(campaigns, anna, who, number):
    sent(anna, ROLF, RITA, name="First")
    sent(anna, ROLF, name="Second")
    ids, place = [], None
    with acting_as(SYSTEM), campaigns.database.read() as session:
        while True:
            rows, place = window(session, declared(campaigns, Invite), who.tenant_id, place, limit=1)
            ids += [row.id for row in rows]
            if place is None:
                break
    assert len(ids) == number
    assert ids == sorted(set(ids))
