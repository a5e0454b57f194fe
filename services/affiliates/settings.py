"""Settings of the affiliate service, beside those that every process has (``chassis.process.settings``)."""

from dataclasses import dataclass
from decimal import Decimal

from environs import Env, EnvValidationError, validate

from chassis.core.money import is_currency
from chassis.process.settings import Settings, read
from services.affiliates.common.addresses import stored_address
from services.affiliates.common.terms import Kind, Terms


@dataclass(frozen=True)
class AffiliateSettings:
    """See the table in the README.

    Attributes:
        platform_commission: what an order earns if neither product, campaign nor merchant defines it (S2-14).
        invitations_per_day: invitations to sign in that one merchant may have sent within a day.
        fallback_url: where unknown links lead whose merchant has no fallback address; None shows a page.
    """

    platform_commission: Terms
    invitations_per_day: int
    fallback_url: str | None


def of(_process: Settings) -> AffiliateSettings:
    """The settings of a process.

    Raises:
        SettingsError: a value is missing or wrong.
    """
    return read(_build)


def _build(env: Env) -> AffiliateSettings:
    kind = env.str("PLATFORM_COMMISSION_TYPE", "PERCENTAGE", validate=validate.OneOf(list(Kind)))
    value = env.decimal("PLATFORM_COMMISSION_VALUE", Decimal(5), validate=validate.Range(min=0))
    currency = env.str("PLATFORM_COMMISSION_CURRENCY", None)
    terms = Terms(Kind(kind or Kind.PERCENTAGE), value or Decimal(0), currency)
    if terms.kind is Kind.FIXED and not (currency and is_currency(currency) and terms.applies_to(currency)):
        raise _wrong("PLATFORM_COMMISSION_CURRENCY", "must be the currency of PLATFORM_COMMISSION_VALUE")
    fallback = env.str("LINKS_FALLBACK_URL", None)
    if fallback and stored_address(fallback) is None:
        raise _wrong("LINKS_FALLBACK_URL", "must be a web address")
    return AffiliateSettings(
        platform_commission=terms,
        invitations_per_day=env.int("AFFILIATE_INVITATIONS_PER_DAY", 100, validate=validate.Range(min=1)),
        fallback_url=fallback and stored_address(fallback),
    )


def _wrong(name: str, message: str) -> EnvValidationError:
    return EnvValidationError(message, {f"CONCORD_{name}": [message]})
