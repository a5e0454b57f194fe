"""Wire shapes of products, price lists, stores and customer groups."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chassis.http.pages import PageIn
from chassis.http.schemas import Amount, CamelSchema, UpdateSchema, text
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
        named = [data["product_uid"], *(variant["variant_uid"] for variant in data["variants"])]
        if len(set(named)) < len(named):
            raise ValidationError("Every variant needs a uid of its own.", "variants")


class ProductsIn(CamelSchema):
    """Rows are read one by one, so that a bad one rejects itself only."""

    products = fields.List(fields.Raw(allow_none=True), required=True, validate=validate.Length(1, MAX_BULK))


class ProductResultOut(SparseSchema):
    """What became of a row, in the order of the call; without a uid where the row had none that can be read."""

    product_uid = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(["created", "updated", "rejected"]))
    error = fields.String()


class ProductResultsOut(CamelSchema):
    results = fields.List(fields.Nested(ProductResultOut), required=True)


class VariantOut(SparseSchema):
    variant_uid = fields.String(required=True)
    price = AmountText()


class ProductOut(SparseSchema):
    """Dumps a ``product_queries.SeenProduct``."""

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


class StoreOut(SparseSchema):
    store_uid = fields.String(required=True)
    name = fields.String(required=True)
    pricelist_uid = fields.String()


class StoreChangeIn(UpdateSchema):
    """What is left out stays as it is. ``pricelistUid`` is the store's own list of regular prices (S1-34)."""

    answer = StoreOut

    name = text(NAME_LENGTH, required=False)
    pricelist_uid = uid(allow_none=True)


class StoreIn(CamelSchema):
    store_uid = uid(required=True)
    name = text(NAME_LENGTH)
    pricelist_uid = uid(allow_none=True)


class CustomerGroupOut(CamelSchema):
    customer_group_uid = fields.String(required=True)
    name = fields.String(required=True)


class CustomerGroupChangeIn(UpdateSchema):
    answer = CustomerGroupOut

    name = text(NAME_LENGTH)


class CustomerGroupIn(CamelSchema):
    customer_group_uid = uid(required=True)
    name = text(NAME_LENGTH)


class EntryIn(CamelSchema):
    product_uid = uid(required=True)
    price = Amount(required=True)


def _entries(**kwargs: Any) -> fields.List:
    return fields.List(fields.Nested(EntryIn), validate=[validate.Length(max=MAX_BULK), _named_once], **kwargs)


def _named_once(entries: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry["product_uid"] in seen:
            raise ValidationError(f"{entry['product_uid']} is here twice.")
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
            raise ValidationError(f"{min(both)} is in add as well.", "remove")


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
    """Another name; the products on the list are changed at ``…/products``."""

    answer = PricelistDetailOut

    name = text(NAME_LENGTH)
