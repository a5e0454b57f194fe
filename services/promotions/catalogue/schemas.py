"""Products on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, post_dump, validate, validates_schema

from chassis.http.pages import PageIn
from chassis.http.schemas import Amount, CamelSchema, text
from services.promotions.common.schemas import MAX_BULK, NAME_LENGTH, AmountText, SparseSchema, uid, uids

MAX_CATEGORIES, MAX_VARIANTS = 50, 200


class VariantIn(CamelSchema):
    variant_uid = uid(required=True)
    price = Amount(load_default=None, allow_none=True)


class ProductIn(CamelSchema):
    """A product as its tenant writes it, in whole: what is left out it does not have."""

    product_uid = uid(required=True)
    name = text(NAME_LENGTH)
    price = Amount(required=True)
    cost = Amount(load_default=None, allow_none=True)
    brand_uid = uid(load_default=None, allow_none=True)
    product_group_uid = uid(load_default=None, allow_none=True)
    category_uids = uids(MAX_CATEGORIES, load_default=list)
    variants = fields.List(fields.Nested(VariantIn), load_default=list, validate=validate.Length(max=MAX_VARIANTS))

    @validates_schema
    def variants_differ(self, data: dict[str, Any], **_: Any) -> None:
        named = [data["product_uid"], *(each["variant_uid"] for each in data["variants"])]
        if len(set(named)) < len(named):
            raise ValidationError("Every variant needs a uid of its own.", "variants")


class ProductsIn(CamelSchema):
    """Rows are read one by one, so that a bad one rejects itself only."""

    products = fields.List(fields.Raw(allow_none=True), required=True, validate=validate.Length(1, MAX_BULK))


class ProductResultOut(CamelSchema):
    """What became of a row, in the order of the call; without a uid where the row had none that can be read."""

    product_uid = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(["created", "updated", "rejected"]))
    error = fields.String()

    @post_dump
    def only_refusals_say_why(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None or name != "error"}


class ProductResultsOut(CamelSchema):
    results = fields.List(fields.Nested(ProductResultOut), required=True)


class VariantOut(SparseSchema):
    variant_uid = fields.String(required=True)
    price = AmountText()


class ProductOut(SparseSchema):
    """Dumps a ``queries.products.SeenProduct``."""

    product_uid = fields.String(required=True)
    name = fields.String(required=True)
    price = AmountText(required=True)
    cost = AmountText()
    brand_uid = fields.String()
    product_group_uid = fields.String()
    category_uids = fields.List(fields.String(), required=True)
    variants = fields.List(fields.Nested(VariantOut), required=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        beside = attr in ("category_uids", "variants")
        return super().get_attribute(obj if beside else obj.product, attr, default)


class ProductsQueryIn(PageIn):
    q = text(NAME_LENGTH, required=False)
    brand_uid = uid()
    category_uid = uid()
    product_group_uid = uid()
