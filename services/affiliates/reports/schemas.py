"""Reports on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema
from services.affiliates.common.schemas import Money
from services.affiliates.reports.rules import FIRST_DAY, LAST_DAY, By

FORMATS = ["json", "csv"]


class DaysIn(PageIn):
    """Days in the tenant's time zone (D61), both included; by default the thirty days up to today. ``csv`` returns all
    rows at once."""

    since = fields.Date(data_key="from")
    until = fields.Date(data_key="to")
    format = fields.String(load_default="json", validate=validate.OneOf(FORMATS))

    @validates_schema
    def period_fits(self, data: dict[str, Any], **_: Any) -> None:
        since, until = data.get("since"), data.get("until")
        for name, day in (("from", since), ("to", until)):
            if day and not FIRST_DAY <= day <= LAST_DAY:
                raise ValidationError(f"Must lie between {FIRST_DAY} and {LAST_DAY}.", name)
        if since and until and until < since:
            raise ValidationError("Must not be before from.", "to")


class PeriodIn(DaysIn):
    """The same, of all affiliates or of one."""

    affiliate_id = fields.UUID()


class ReportIn(PeriodIn):
    by = fields.String(load_default=By.CAMPAIGN, validate=validate.OneOf(list(By)))
    campaign_id = fields.UUID()


class ReportMoneyOut(CamelSchema):
    currency = fields.String(required=True)
    held = Money(required=True)
    approved = Money(required=True)
    reversed = Money(required=True)


class ReportRowOut(CamelSchema):
    """``key`` is an id, a product's external id or a day; ``rate`` is conversions a live click, as
    text to four places."""

    key = fields.String(required=True)
    name = fields.String(required=True)
    clicks = fields.Integer(required=True, allow_none=True)
    dead_clicks = fields.Integer(required=True, allow_none=True)
    conversions = fields.Integer(required=True)
    rate = fields.String(required=True, allow_none=True, metadata={"pattern": r"^\d+\.\d{4}$"})
    commission = fields.List(fields.Nested(ReportMoneyOut), required=True)
