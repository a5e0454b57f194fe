"""Wire shapes of sales campaigns, as S1 documents them: numbers for money, times in the tenant's zone."""

from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from chassis.http.pages import MAX_PAGE, MAX_PAGE_SIZE, PageIn
from chassis.http.schemas import Amount, CamelSchema, Instant, UpdateSchema, one_line, text
from services.promotions.common.rules import RESERVED
from services.promotions.common.schemas import NAME_LENGTH, SparseSchema, WarningOut, Whole, uid, uids
from services.promotions.sales.rules import EARLIEST, LATEST, SORTS, Discount, Status, Type
from services.promotions.sales.selection_schemas import SelectionOut, named

MAX_STORES = 1000
MAX_NUMBER = 2**31 - 1
CODE_LENGTH = 50
TYPES, DISCOUNTS, STATUSES = list(Type), list(Discount), list(Status)
NEUTRAL = {
    "priority": 0,
    "campaign_code": "",
    "prevent_combinations": False,
    "quantity_threshold": 0,
    "amount_threshold": Decimal(0),
    "max_usage": 0,
    "discount_amount": Decimal(0),
    "discount_percent": Decimal(0),
}
"""What a detail is that was left out or is null (S1-9)."""


def _whole(**kwargs: Any) -> Whole:
    return Whole(validate=validate.Range(0, MAX_NUMBER), **kwargs)


def _percent(**kwargs: Any) -> Amount:
    return Amount(validate=[validate.Range(0, 100), _two_decimals], **kwargs)


def _two_decimals(value: Decimal) -> None:
    if abs(value) <= 100 and value != value.quantize(Decimal("0.01")):  # of larger ones the range says enough
        raise ValidationError("At most two decimals.")


def _moment(**kwargs: Any) -> Instant:
    return Instant(validate=validate.Range(EARLIEST, LATEST), **kwargs)


class CampaignCode(fields.String):
    """A code without the spaces around it; ``""`` is none, as answers say it (S1-9), and white space alone is a mistake
    that would open the campaign to everybody (D67)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        written = super()._deserialize(value, attr, data, **kwargs)
        code = written.strip()
        if len(code) > CODE_LENGTH:
            raise ValidationError(f"At most {CODE_LENGTH} characters.")
        if written and not any(letter.isprintable() and not letter.isspace() for letter in code):
            raise ValidationError('Must not be blank. Leave it out, or send "", for a campaign without a code.')
        one_line(code)
        return code


class SalesCampaignIn(CamelSchema):
    """A campaign as its tenant writes it (S1-4, S1-7). What is left out or null is neutral; no stores are all stores.

    ``discountPercentage`` is another spelling of ``discountPercent`` (D20).
    """

    campaign_uid = uid(load_default=None, allow_none=True)
    name = text(NAME_LENGTH)
    display_name = text(NAME_LENGTH)
    valid_from = _moment(required=True)
    valid_to = _moment(required=True)
    type = fields.String(required=True, validate=validate.OneOf(TYPES))
    discount_type = fields.String(required=True, validate=validate.OneOf(DISCOUNTS))
    store_uids = uids(MAX_STORES, required=True)
    pricelist_uid = uid(load_default=None, allow_none=True)
    customer_group_uid = uid(load_default=None, allow_none=True)
    priority = _whole(load_default=None, allow_none=True)
    campaign_code = CampaignCode(load_default=None, allow_none=True)
    prevent_combinations = fields.Boolean(truthy={True}, falsy={False}, load_default=None, allow_none=True)
    quantity_threshold = _whole(load_default=None, allow_none=True)
    amount_threshold = Amount(load_default=None, allow_none=True)
    max_usage = _whole(load_default=None, allow_none=True)
    discount_amount = Amount(load_default=None, allow_none=True)
    discount_percent = _percent(load_default=None, allow_none=True)
    discount_percentage = _percent(allow_none=True)

    @post_load
    def settle(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "discount_percentage" in data:
            other = data.pop("discount_percentage")
            if not data.get("discount_percent"):  # 0 is as good as absent
                data["discount_percent"] = other
            if other and other != data["discount_percent"]:
                raise ValidationError("Differs from discountPercent.", "discountPercentage")
        for name, value in NEUTRAL.items():
            if name in data and data[name] is None:
                data[name] = value
        if "discount_percent" in data:
            data["discount_percent"] = round(data["discount_percent"], 2)
        if data.get("campaign_uid") in RESERVED:
            raise ValidationError("This word is reserved. Choose another.", "campaignUid")
        return data


class SalesCampaignOut(SparseSchema):
    """The whole object (S1-9); dumps a ``queries.SeenCampaign``. ``customerGroup``, which the document
    does not show, is only there where it was set."""

    amount_threshold = Amount(required=True)
    campaign_code = fields.String(required=True)
    campaign_uid = fields.String(required=True)
    customer_group = fields.Nested(named("customer_group"))
    discount_amount = Amount(required=True)
    discount_percent = Amount(required=True)
    discount_type = fields.String(required=True, validate=validate.OneOf(DISCOUNTS))
    display_name = fields.String(required=True)
    max_usage = fields.Integer(required=True)
    name = fields.String(required=True)
    prevent_combinations = fields.Boolean(required=True)
    pricelist = fields.Nested(named("pricelist"), required=True, allow_none=True)
    priority = fields.Integer(required=True)
    quantity_threshold = fields.Integer(required=True)
    selection = fields.Nested(SelectionOut, required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    stores = fields.List(fields.Nested(named("store")), required=True)
    type = fields.String(required=True, validate=validate.OneOf(TYPES))
    valid_from = fields.String(required=True, metadata={"format": "date-time"})
    valid_to = fields.String(required=True, metadata={"format": "date-time"})

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        return super().get_attribute(obj if hasattr(obj, attr) else obj.campaign, attr, default)


class SalesCampaignChangeIn(SalesCampaignIn, UpdateSchema):
    """What is left out stays as it is; used with ``partial=True`` (S1-12). What an answer shows expanded (``stores``,
    ``pricelist``, ``customerGroup``, ``selection``) is ignored: it is written by its uids (D65)."""

    answer = SalesCampaignOut

    status = fields.String(validate=validate.OneOf(STATUSES))


class SearchPageIn(CamelSchema):
    """Pages and order of a search (S1-38)."""

    page_number = fields.Integer(validate=validate.Range(1, MAX_PAGE))
    page_size = fields.Integer(validate=validate.Range(1, MAX_PAGE_SIZE))
    sort_by = fields.String(validate=validate.OneOf(list(SORTS)))
    sort_direction = fields.String(validate=validate.OneOf(["ASC", "DESC"]))


class SearchIn(SearchPageIn):
    """What campaigns are looked for by (S1-38); all that is named must fit. Pages and order may stand here too."""

    query = text(NAME_LENGTH, required=False)
    name = text(NAME_LENGTH, required=False)
    display_name = text(NAME_LENGTH, required=False)
    campaign_code = text(CODE_LENGTH, required=False)
    type = fields.String(validate=validate.OneOf(TYPES))
    discount_type = fields.String(validate=validate.OneOf(DISCOUNTS))
    statuses = fields.List(fields.String(validate=validate.OneOf(STATUSES)), validate=validate.Length(max=3))
    store_uids = uids(MAX_STORES)
    valid_from = _moment()
    valid_to = _moment()


class SalesCampaignsIn(PageIn):
    query = text(NAME_LENGTH, required=False)
    status = fields.String(validate=validate.OneOf(STATUSES))
    type = fields.String(validate=validate.OneOf(TYPES))


class WarningsOut(CamelSchema):
    campaign_uid = fields.String(required=True)
    warnings = fields.List(fields.Nested(WarningOut), required=True)
