"""What somebody has chosen to hear of."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from services.notifier.audience.models import Preferences, Tenant
from services.notifier.audience.rules import Wishes, default_wishes


@dataclass(frozen=True, slots=True)
class Chosen:
    """Somebody's preferences, complete. ``version`` is 0 until they have chosen something."""

    wishes: Wishes
    version: int

    @classmethod
    def of(cls, held: Preferences | None, tenant_zone: str | None) -> "Chosen":
        if held is None:
            return cls(default_wishes(tenant_zone), 0)
        return cls(held.wishes(tenant_zone), held.version)


def preferences(session: Session, who: Principal) -> Chosen:
    """The caller's own."""
    tenant = session.get(Tenant, who.tenant_id)
    return Chosen.of(session.get(Preferences, who.user_id), tenant.time_zone if tenant else None)
