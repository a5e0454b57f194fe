"""How a tenant's promotions work, with what holds where nothing was set."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.principal import caller
from services.promotions.catalogue.pricelist_models import Pricelist
from services.promotions.common import rules
from services.promotions.common.tenant_models import Settings, Tenant
from services.promotions.engine import Strategy


@dataclass(frozen=True)
class SeenSettings:
    """Settings as they hold. ``version`` is 1 until they are first changed."""

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
    return seen(session, session.scalar(select(Settings).where(Settings.tenant_id == caller().tenant_id)))


def currency(session: Session) -> str:
    """What the caller's amounts are in."""
    named = select(Settings.currency).where(Settings.tenant_id == caller().tenant_id)
    return session.scalar(named) or rules.DEFAULT_CURRENCY


def seen(session: Session, found: Settings | None) -> SeenSettings:
    """``found``, completed by the tenant's own time zone and the defaults."""
    time_zone = found.time_zone if found else None
    if time_zone is None:
        own = session.scalar(select(Tenant.time_zone).where(Tenant.id == caller().tenant_id))
        time_zone = own or rules.DEFAULT_TIME_ZONE
    if found is None:
        return SeenSettings(time_zone, rules.DEFAULT_CURRENCY, Strategy.PRIORITY, None, 1)
    pricelist_uid = None
    if found.pricelist_id:
        pricelist_uid = session.scalar(select(Pricelist.pricelist_uid).where(Pricelist.id == found.pricelist_id))
    return SeenSettings(time_zone, found.currency, found.strategy, pricelist_uid, found.version)
