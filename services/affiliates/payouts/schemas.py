"""Ledger entries, balances and statements on the wire."""

from marshmallow import fields, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant, Stripped
from services.affiliates.common.schemas import Money


class LedgerIn(PageIn):
    affiliate_id = fields.UUID()
    campaign_id = fields.UUID()
    external_order_id = Stripped(validate=validate.Length(max=200))


class LedgerEntryOut(CamelSchema):
    id = fields.UUID(required=True)
    at = Instant(required=True)
    affiliate_id = fields.UUID(required=True)
    campaign_id = fields.UUID(required=True)
    external_order_id = fields.String(required=True)
    cause = fields.String(required=True)
    account = fields.String(required=True)
    amount = Money(required=True)
    currency = fields.String(required=True)


class BalancesIn(CamelSchema):
    affiliate_id = fields.UUID()


class OwnBalanceOut(CamelSchema):
    """The sums of one affiliate's ledger entries in one currency, as that affiliate sees them."""

    currency = fields.String(required=True)
    held = Money(required=True)
    approved = Money(required=True)


class BalanceOut(OwnBalanceOut):
    """The same, as the merchant sees them."""

    affiliate_id = fields.UUID(required=True)


class BalancesOut(CamelSchema):
    items = fields.List(fields.Nested(BalanceOut), required=True)


class OwnStatementOut(CamelSchema):
    """An affiliate's approved account in one currency over a period, as that affiliate sees it; and what is held
    besides."""

    currency = fields.String(required=True)
    since = fields.Date(required=True, data_key="from")
    until = fields.Date(required=True, data_key="to")
    opening = Money(required=True)
    earned = Money(required=True)
    taken_back = Money(required=True)
    closing = Money(required=True)
    held = Money(required=True)


class StatementOut(OwnStatementOut):
    """The same, as the merchant sees it."""

    affiliate_id = fields.UUID(required=True)
    affiliate_name = fields.String(required=True)
    affiliate_email = fields.String(required=True)
