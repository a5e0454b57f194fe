"""Products on the wire (S2-16, S2-28)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chassis.core import money
from chassis.http.pages import PageIn
from chassis.http.parsing import flatten
from chassis.http.schemas import CamelSchema, Instant, UpdateSchema, currency, text
from services.affiliates.common.schemas import DecimalString, Money, check_terms, identifier
from services.affiliates.common.terms import Kind

MAX_PRODUCTS = 5000


class ProductOut(CamelSchema):
    external_id = fields.String(required=True)
    name = fields.String(required=True)
    price = Money(required=True, of="price_currency")
    currency = fields.String(required=True, allow_none=True)
    campaign_id = fields.UUID(required=True, allow_none=True)
    commission_type = fields.String(required=True, allow_none=True)
    commission_value = DecimalString(required=True, allow_none=True)
    updated_at = Instant(required=True)


class ProductIn(UpdateSchema):
    """A whole product: a field that is left out is cleared. ``currency`` is that of the price and of a FIXED
    commission; without one it is the merchant's. Read-only fields are ignored (D65)."""

    answer = ProductOut

    external_id = identifier(200)
    name = text(300)
    currency = currency(load_default=None, allow_none=True)
    price = Money(required=True)
    campaign_id = fields.UUID(load_default=None, allow_none=True)
    commission_type = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(list(Kind)))
    commission_value = DecimalString(load_default=None, allow_none=True)

    @validates_schema
    def terms_fit(self, data: dict[str, Any], **_: Any) -> None:
        check_terms(data.get("commission_type"), data.get("commission_value"), "commission")


class ProductsIn(CamelSchema):
    """Many products at once. Each is checked on its own, so that a bad one rejects only itself."""

    products = fields.List(fields.Raw(), required=True, validate=validate.Length(1, MAX_PRODUCTS))


class ProductFilterIn(PageIn):
    campaign_id = fields.UUID()


class ProductResultOut(CamelSchema):
    external_id = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(["created", "updated", "rejected"]))
    error = fields.String()


class ProductsOut(CamelSchema):
    """The result for each product, in the order of the request."""

    results = fields.List(fields.Nested(ProductResultOut), required=True)


@dataclass(frozen=True)
class Offered:
    """One product of a bulk call: its fields, or why it is rejected."""

    external_id: str | None
    product: dict[str, Any] | None = None
    error: str | None = None


def read_products(rows: Sequence[Any]) -> list[Offered]:
    """Load each product on its own. One that repeats an id is rejected as well."""
    schema = ProductIn()
    seen: set[str] = set()
    offered = []
    for row in rows:
        try:
            product = schema.load(row)
        except ValidationError as error:
            external_id = row.get("externalId") if isinstance(row, dict) else None
            problems = flatten(error.normalized_messages())[:3]
            text = "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems)
            offered.append(Offered(external_id if isinstance(external_id, str) else None, error=text))
            continue
        key = product["external_id"]
        repeated = "externalId: named more than once" if key in seen else None
        seen.add(key)
        offered.append(Offered(key, product=None if repeated else product, error=repeated))
    return offered


def why_inexact(product: dict[str, Any], currency: str | None) -> str | None:
    """Which amount has more decimals than the product's currency (D9), in words; None if all fit. Writes the price
    with the currency's decimals."""
    if currency is None:
        return None
    try:
        product["price"] = money.exact(product["price"], currency)
        check_terms(product["commission_type"], product["commission_value"], "commission", currency=currency)
    except money.InexactAmount as error:
        return f"price: {error}"
    except ValidationError as error:
        return f"{error.field_name}: {error.messages[0]}"
    return None
