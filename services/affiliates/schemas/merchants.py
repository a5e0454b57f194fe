"""A merchant's settings, and the events about its tenant."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from chassis.schemas import CamelSchema
from services.affiliates.rules.addresses import is_host
from services.affiliates.schemas.common import COMMISSION_FIELDS, WithTerms, web_address


def _is_host(value: str) -> None:
    if not is_host(value):
        raise ValidationError("Must be a host name, such as shop.example.")


class SettingsIn(WithTerms):
    """What holds for all campaigns; left out means none."""

    fallback_url = fields.String(load_default=None, allow_none=True, validate=web_address)
    allowed_hosts = fields.List(
        fields.String(validate=[validate.Length(max=253), _is_host]),
        load_default=list,
        validate=validate.Length(max=100),
    )
    affiliate_approval_required = fields.Boolean(load_default=True)

    @post_load
    def both_terms(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return dict.fromkeys(COMMISSION_FIELDS) | data


class SettingsOut(CamelSchema):
    default_commission_type = fields.String(required=True, allow_none=True, attribute="commission_type")
    default_commission_value = fields.String(required=True, allow_none=True, attribute="commission_value")
    fallback_url = fields.String(required=True, allow_none=True)
    allowed_hosts = fields.List(fields.String(), required=True)
    affiliate_approval_required = fields.Boolean(required=True)


class TenantEventIn(CamelSchema):
    """What we need of a tenant from identity's events."""

    tenant_id = fields.UUID(required=True)
    name = fields.String(required=True)
    slug = fields.String(load_default=None)
    features = fields.List(fields.String(), required=True)
