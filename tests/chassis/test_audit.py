"""Every change leaves who, when and what; a failed one leaves nothing (D8)."""

import pytest

from chassis.core.principal import acting_as
from chassis.http import audit_trail
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
