"""Wire shapes of a campaign's selection (S1-23, S1-28)."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from chassis.core.text import camel
from chassis.http.schemas import CamelSchema
from services.promotions.common.schemas import MAX_BULK, uid, uids
from services.promotions.sales.rules import KINDS


class BrandOut(CamelSchema):
    brand_uid = fields.String(required=True)
    name = fields.String(required=True)


class CategoryOut(CamelSchema):
    category_uid = fields.String(required=True)
    name = fields.String(required=True)


class ProductGroupOut(CamelSchema):
    product_group_uid = fields.String(required=True)
    name = fields.String(required=True)


class SelectedProductOut(CamelSchema):
    product_uid = fields.String(required=True)
    name = fields.String(required=True)


class SideOut(CamelSchema):
    brands = fields.List(fields.Nested(BrandOut), required=True)
    categories = fields.List(fields.Nested(CategoryOut), required=True)
    product_groups = fields.List(fields.Nested(ProductGroupOut), required=True)
    products = fields.List(fields.Nested(SelectedProductOut), required=True)


class SelectionOut(CamelSchema):
    excluded = fields.Nested(SideOut, required=True, data_key="exclude", attribute="exclude")
    included = fields.Nested(SideOut, required=True, data_key="include", attribute="include")


class _ShownIn(CamelSchema):
    name = fields.Raw(allow_none=True, metadata={"description": "Read-only; ignored."})


class _BrandIn(_ShownIn):
    brand_uid = uid(required=True)


class _CategoryIn(_ShownIn):
    category_uid = uid(required=True)


class _ProductGroupIn(_ShownIn):
    product_group_uid = uid(required=True)


class _SelectedProductIn(_ShownIn):
    product_uid = uid(required=True)


def _shown(schema: type[_ShownIn]) -> fields.List:
    return fields.List(fields.Nested(schema), validate=validate.Length(max=MAX_BULK))


class _SideIn(CamelSchema):
    """Uids, or as an answer shows them, with names that are ignored (D65); two different values are refused."""

    product_group_uids = uids(MAX_BULK, load_default=list)
    brand_uids = uids(MAX_BULK, load_default=list)
    category_uids = uids(MAX_BULK, load_default=list)
    product_uids = uids(MAX_BULK, load_default=list)
    product_groups = _shown(_ProductGroupIn)
    brands = _shown(_BrandIn)
    categories = _shown(_CategoryIn)
    products = _shown(_SelectedProductIn)

    @post_load
    def settle(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        for kind, plural in KINDS.items():
            shown = [entry[f"{kind}_uid"] for entry in data.pop(plural, ())]
            written = data[f"{kind}_uids"]
            if shown and written and set(shown) != set(written):
                raise ValidationError(f"Differs from {camel(f'{kind}_uids')}.", camel(plural))
            data[f"{kind}_uids"] = written or shown
        return data


class IncludeIn(_SideIn):
    """What a campaign is for; nothing is everything (S1-25)."""


class ExcludeIn(_SideIn):
    """What it is not for, whatever is included (S1-24)."""


def _side(schema: type[_SideIn], name: str) -> fields.Nested:
    return fields.Nested(schema, data_key=name, attribute=name, load_default=lambda: schema().load({}))


class SelectionBodyIn(CamelSchema):
    included = _side(IncludeIn, "include")
    excluded = _side(ExcludeIn, "exclude")


class SelectionIn(CamelSchema):
    """S1-28, D21: ``create`` replaces the selection. A product's uid or a variant's, which means that variant (D68)."""

    create = fields.Nested(SelectionBodyIn, required=True)
