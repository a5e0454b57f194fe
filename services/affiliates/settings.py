"""The settings of this service alone."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from environs import Env, EnvValidationError, validate

from chassis.core.money import is_currency
from chassis.process.settings import read
from services.affiliates.common.addresses import stored_address
from services.affiliates.common.terms import Kind, Terms


@dataclass(frozen=True)
class Settings:
    """How this deployment handles affiliates.

    Attributes:
        platform_commission: what an order earns where neither product, campaign nor merchant says (S2-14).
        fallback_url: where a link leads that is unknown, of a merchant without an address for that; a page by itself.
    """

    platform_commission: Terms
    fallback_url: str | None


@cache
def load() -> Settings:
    """The settings, read from the environment once a process."""
    return read(_build)


def _build(env: Env) -> Settings:
    kind = env.str("PLATFORM_COMMISSION_TYPE", "PERCENTAGE", validate=validate.OneOf(list(Kind)))
    value = env.decimal("PLATFORM_COMMISSION_VALUE", Decimal(5), validate=validate.Range(min=0))
    currency = env.str("PLATFORM_COMMISSION_CURRENCY", None)
    terms = Terms(Kind(kind or Kind.PERCENTAGE), value or Decimal(0), currency)
    if terms.kind is Kind.FIXED and not (currency and is_currency(currency) and terms.applies_to(currency)):
        raise _refusal("PLATFORM_COMMISSION_CURRENCY", "must be the currency of PLATFORM_COMMISSION_VALUE")
    fallback = env.str("LINKS_FALLBACK_URL", None)
    if fallback and stored_address(fallback) is None:
        raise _refusal("LINKS_FALLBACK_URL", "must be a web address")
    return Settings(platform_commission=terms, fallback_url=fallback and stored_address(fallback))


def _refusal(name: str, message: str) -> EnvValidationError:
    return EnvValidationError(message, {f"CONCORD_{name}": [message]})
