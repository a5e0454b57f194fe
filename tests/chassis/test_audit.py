"""Every change leaves who, when and what; a failed one leaves nothing (D8)."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data import audit
from chassis.data.audit import AuditRow
from chassis.http import audit_trail
from chassis.process.server import keep_house
from contracts.roles import Role
from tests.chassis.sample import service
from tests.plugin import principal

ANNA = principal(Role.SUPPLIER_ADMIN, name="Anna")


@pytest.fixture
def sample(start_service):
    return start_service(service)


def trail(sample):
    with acting_as(ANNA), sample.database.read() as session:
        return audit_trail.trail(session, ANNA.tenant_id, page=1, page_size=50).items


def test_changes_are_told_field_by_field(sample):
    anna = sample.client(ANNA)
    note = anna.post("/notes", json={"title": "One"}, headers={"X-Request-Id": "r-1"}).json["id"]
    anna.put(f"/notes/{note}", json={"title": "Two"}, headers={"X-Request-Id": "r-2"})
    changed, written = trail(sample)
    assert (written.action, written.request_id, str(written.target_id)) == ("note.written", "r-1", note)
    assert written.changes["title"] == [None, "One"]
    assert (changed.action, changed.request_id, changed.actor_name) == ("note.changed", "r-2", "Anna")
    assert changed.changes == {"title": ["One", "Two"]}


def test_a_refused_change_leaves_none(sample):
    anna = sample.client(ANNA)
    note = anna.post("/notes", json={"title": "One"}).json["id"]
    anna.put(f"/notes/{note}", json={"title": "Two"}, headers={"If-Match": '"9"'})
    assert [row.action for row in trail(sample)] == ["note.written"]


def test_old_changes_go_and_young_ones_stay(sample):
    """CONCORD_KEEP_AUDIT days after the change; the scheduler's housekeeping does it."""
    anna = sample.client(ANNA)
    anna.post("/notes", json={"title": "Old"})
    anna.post("/notes", json={"title": "Young"})
    old = trail(sample)[-1].id
    days = timedelta(days=sample.runtime.settings.keep_audit)
    with acting_as(ANNA), sample.database.begin() as session:
        at = utcnow() - days - timedelta(minutes=1)
        session.execute(update(AuditRow).where(AuditRow.id == old).values(at=at))
    with acting_as(Principal.system("sample")):
        assert keep_house(sample.runtime) is False
    assert [row.changes["title"] for row in trail(sample)] == [[None, "Young"]]
    with acting_as(Principal.system("sample")), sample.database.begin() as session:
        assert audit.trim(session, before=utcnow() + timedelta(days=1)) == 1
