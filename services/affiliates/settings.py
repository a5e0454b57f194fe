"""The settings of this service alone."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from environs import Env, validate

from chassis.settings import read
from services.affiliates.rules.commission import Kind, Terms


@dataclass(frozen=True)
class Settings:
    """How this deployment handles affiliates.

    Attributes:
        platform_commission: what an order earns where neither product, campaign nor merchant says (S2-14).
    """

    platform_commission: Terms


@cache
def load() -> Settings:
    """The settings, read from the environment once a process."""
    return read(_build)


def _build(env: Env) -> Settings:
    kind = env.str("PLATFORM_COMMISSION_TYPE", "PERCENTAGE", validate=validate.OneOf(list(Kind)))
    value = env.decimal("PLATFORM_COMMISSION_VALUE", Decimal(5), validate=validate.Range(min=0))
    return Settings(platform_commission=Terms(Kind(kind or Kind.PERCENTAGE), value or Decimal(0)))
