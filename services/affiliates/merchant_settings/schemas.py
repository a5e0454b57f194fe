"""A merchant's settings on the wire."""

from typing import Any

from marshmallow import fields, post_load, validate

from chassis.core.addresses import encoded_host
from chassis.http.schemas import CamelSchema, Stripped, currency
from services.affiliates.common.schemas import COMMISSION_FIELDS, WebAddress, WithTerms

MAX_HOST = 253


class HostName(Stripped):
    """A host name, stored in the form that DNS uses."""

    default_error_messages = {"no_host": "Must be a host name, such as shop.example."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        host = encoded_host(name) if len(name) <= MAX_HOST else None
        if host is None:
            raise self.make_error("no_host")
        return host


class SettingsIn(WithTerms):
    """Settings for all campaigns. A field that is left out is cleared, except the currency, which stays.

    ``currency`` is that of prices and FIXED commissions that name none. Null leaves it to the next order.
    """

    currency_of_terms = "currency"
    currency = currency(allow_none=True)
    fallback_url = WebAddress(load_default=None, allow_none=True)
    allowed_hosts = fields.List(HostName(), load_default=list, validate=validate.Length(max=100))
    affiliate_approval_required = fields.Boolean(load_default=True)

    @post_load
    def both_terms(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return dict.fromkeys(COMMISSION_FIELDS) | data


class SettingsOut(CamelSchema):
    default_commission_type = fields.String(required=True, allow_none=True, attribute="commission_type")
    default_commission_value = fields.String(required=True, allow_none=True, attribute="commission_value")
    currency = fields.String(required=True, allow_none=True)
    fallback_url = fields.String(required=True, allow_none=True)
    allowed_hosts = fields.List(fields.String(), required=True)
    affiliate_approval_required = fields.Boolean(required=True)
