"""The lock under which a tenant's contacts and its new mails meet.

So an invite and the user it is for meet in whichever order they arrive, also when two consumers handle them at the
same moment.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.database import insert_ignoring
from services.notifier.models import Tenant


def lock_tenant(session: Session, tenant_id: UUID) -> None:
    """Hold a tenant until the transaction ends."""
    insert_ignoring(session, Tenant, [{"id": tenant_id}])
    session.execute(select(Tenant.id).where(Tenant.id == tenant_id).with_for_update())
