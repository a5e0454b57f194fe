"""Read a tenant's settings, with defaults for those that were never set."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.principal import caller
from services.promotions.catalogue.models import Pricelist, Settings
from services.promotions.common import rules as common_rules
from services.promotions.common.models import Tenant


@dataclass(frozen=True)
class SeenSettings:
    """Settings with their defaults. ``version`` is 1 until they are first changed."""

    time_zone: str
    currency: str
    strategy: str
    pricelist_uid: str | None
    version: int

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def settings(session: Session) -> SeenSettings:
    """The caller's settings."""
    return complete_settings(session, session.scalar(select(Settings).where(Settings.tenant_id == caller().tenant_id)))


def currency(session: Session) -> str:
    """What the caller's amounts are in."""
    named = select(Settings.currency).where(Settings.tenant_id == caller().tenant_id)
    return session.scalar(named) or common_rules.DEFAULT_CURRENCY


def complete_settings(session: Session, row: Settings | None) -> SeenSettings:
    """``row``, completed by the tenant's own time zone and the defaults."""
    time_zone = row.time_zone if row else None
    if time_zone is None:
        own = session.scalar(select(Tenant.time_zone).where(Tenant.id == caller().tenant_id))
        time_zone = own or common_rules.DEFAULT_TIME_ZONE
    if row is None:
        return SeenSettings(time_zone, common_rules.DEFAULT_CURRENCY, common_rules.DEFAULT_STRATEGY, None, 1)
    pricelist_uid = None
    if row.pricelist_id:
        pricelist_uid = session.scalar(select(Pricelist.pricelist_uid).where(Pricelist.id == row.pricelist_id))
    return SeenSettings(time_zone, row.currency, row.strategy, pricelist_uid, row.version)
