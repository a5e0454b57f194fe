"""What partner management listens to: the names of tenants, which its answers and events show."""

from sqlalchemy.orm import Session

from chassis.events import Received, on
from services.prm.actions import names
from services.prm.schemas import TenantEventIn


@on("identity.TenantCreated.v1", TenantEventIn)
def learn_new_tenant(session: Session, event: Received) -> None:
    _learn(session, event)


@on("identity.TenantChanged.v1", TenantEventIn)
def learn_changed_tenant(session: Session, event: Received) -> None:
    _learn(session, event)


def _learn(session: Session, event: Received) -> None:
    data = event.data
    names.learn(session, data.tenant_id, name=data.name, kind=data.kind, sequence=event.sequence)
