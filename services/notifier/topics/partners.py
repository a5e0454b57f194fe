"""A supplier and a retailer in an event: the fields, and how a mail names both."""

from typing import Any

from marshmallow import fields

from chassis.http.schemas import CamelSchema
from contracts.roles import Role

ADMINS = (Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN)


class PartnersIn(CamelSchema):
    """Of every event between a supplier and a retailer."""

    supplier_id = fields.UUID(required=True)
    supplier_name = fields.String(required=True)
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True)


def names(partners: Any) -> dict[str, Any]:
    return {"supplier_name": partners.supplier_name, "retailer_name": partners.retailer_name}
