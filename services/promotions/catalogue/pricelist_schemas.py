"""Price lists on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chassis.http.schemas import Amount, CamelSchema, UpdateSchema, text
from services.promotions.common.schemas import MAX_BULK, NAME_LENGTH, AmountText, uid, uids


class EntryIn(CamelSchema):
    product_uid = uid(required=True)
    price = Amount(required=True)


def _entries(**kwargs: Any) -> fields.List:
    return fields.List(fields.Nested(EntryIn), validate=[validate.Length(max=MAX_BULK), _named_once], **kwargs)


def _named_once(entries: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry["product_uid"] in seen:
            raise ValidationError(f"{entry['product_uid']} stands here twice.")
        seen.add(entry["product_uid"])


class PricelistIn(CamelSchema):
    """``pricelistUid`` is made from the name where there is none."""

    pricelist_uid = uid()
    name = text(NAME_LENGTH)
    products = _entries(load_default=list)


class PricelistProductsIn(CamelSchema):
    """``add`` puts products on the list or gives them another price there."""

    add = _entries(load_default=list)
    remove = uids(MAX_BULK, load_default=list)

    @validates_schema
    def not_both(self, data: dict[str, Any], **_: Any) -> None:
        if both := {entry["product_uid"] for entry in data["add"]} & set(data["remove"]):
            raise ValidationError(f"{min(both)} is to be added as well.", "remove")


class EntryOut(CamelSchema):
    product_uid = fields.String(required=True)
    price = AmountText(required=True)


class PricelistOut(CamelSchema):
    pricelist_uid = fields.String(required=True)
    name = fields.String(required=True)
    product_count = fields.Integer(required=True)


class PricelistDetailOut(PricelistOut):
    """With the first 200 products by uid; ``…/products`` has all, in pages."""

    products = fields.List(fields.Nested(EntryOut), required=True)


class PricelistChangeIn(UpdateSchema):
    """Another name; what stands on the list is changed at ``…/products``."""

    answer = PricelistDetailOut

    name = text(NAME_LENGTH)
