"""Wire shapes of a campaign's selection (S1-23, S1-28)."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from chassis.core.text import camel
from chassis.http.schemas import CamelSchema
from services.promotions.common.schemas import MAX_BULK, uid, uids
from services.promotions.sales.rules import KINDS


def named(kind: str) -> type[CamelSchema]:
    """The schema of a thing of one kind, as answers name it: its uid and its name."""
    shown: dict[str, fields.Field[Any]] = {
        f"{kind}_uid": fields.String(required=True),
        "name": fields.String(required=True),
    }
    return CamelSchema.from_dict(shown, name=f"Named{kind.title().replace('_', '')}")  # type: ignore[return-value]


SideOut = CamelSchema.from_dict(
    {plural: fields.List(fields.Nested(named(kind)), required=True) for kind, plural in KINDS.items()}, name="Side"
)


class SelectionOut(CamelSchema):
    excluded = fields.Nested(SideOut, required=True, data_key="exclude", attribute="exclude")
    included = fields.Nested(SideOut, required=True, data_key="include", attribute="include")


def _shown(kind: str) -> fields.List:
    """Things of one kind as an answer shows them; their names are ignored (D65)."""
    name = fields.Raw(allow_none=True, metadata={"description": "Read-only; ignored."})
    shown = CamelSchema.from_dict({f"{kind}_uid": uid(required=True), "name": name}, name=camel(f"shown_{kind}"))
    return fields.List(fields.Nested(shown), validate=validate.Length(max=MAX_BULK))


class _SideIn(CamelSchema):
    """Uids, or what an answer shows (D65); two different values are refused."""

    product_group_uids = uids(MAX_BULK, load_default=list)
    brand_uids = uids(MAX_BULK, load_default=list)
    category_uids = uids(MAX_BULK, load_default=list)
    product_uids = uids(MAX_BULK, load_default=list)
    product_groups = _shown("product_group")
    brands = _shown("brand")
    categories = _shown("category")
    products = _shown("product")

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
