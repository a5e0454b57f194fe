"""Only the constraint that means a conflict is told as one; whatever else is refused is a mistake of ours."""

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from chassis.core.principal import acting_as
from chassis.data.errors import is_taken
from chassis.messaging.outbox import OutboxRow
from services.prm.models import ONE_A_PAIR, ONE_NAME, Group, Relationship
from tests.prm.conftest import refused


def refusal(world, person, model, **other):
    """What the database says to a copy of a row with other columns."""
    with acting_as(person), world.prm.database.begin() as session:
        row = session.scalars(select(model)).one()
        columns = {column.key: getattr(row, column.key) for column in model.__table__.columns}
        with pytest.raises(IntegrityError) as error, session.begin_nested():
            session.execute(insert(model.__table__).values(columns | other))
    return error.value


@pytest.mark.parametrize(("model", "unique"), [(Relationship, ONE_A_PAIR), (Group, ONE_NAME)])
def test_a_unique_key_is_known_by_its_own_refusal(world, anna, rolf, model, unique):
    """D10: one row a pair; one group a name."""
    world.related(anna, rolf)
    world.group(anna, "North", rolf)
    assert is_taken(refusal(world, anna, model, id=uuid7()), unique)
    assert not is_taken(refusal(world, anna, model, supplier_id=uuid7()), unique)


def test_another_refusal_is_not_told_as_a_relationship(world, anna, rolf):
    relationship_id = world.related(anna, rolf)
    with acting_as(anna), world.prm.database.begin() as session:
        last = session.scalars(select(OutboxRow).order_by(OutboxRow.sequence.desc())).first()
        columns = {
            column.key: getattr(last, column.key) for column in OutboxRow.__table__.columns if column.key != "id"
        }
        columns |= {"event_id": uuid7(), "sequence": last.sequence + 1}
        session.execute(insert(OutboxRow.__table__).values(columns))
    before = world.everything()
    refused(world.step(anna, relationship_id, "pause"), 409, "conflict")
    assert world.everything() == before
