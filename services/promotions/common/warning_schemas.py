"""Warnings about a campaign."""

from marshmallow import fields, validate

from chassis.http.schemas import CamelSchema
from services.promotions.common.warning_rules import Code


class WarningOut(CamelSchema):
    """``uids`` are the first products or campaigns of the ``count`` that it is about."""

    code = fields.String(required=True, validate=validate.OneOf(list(Code)))
    message = fields.String(required=True)
    count = fields.Integer(required=True)
    uids = fields.List(fields.String(), required=True)


class WarningsOut(CamelSchema):
    campaign_uid = fields.String(required=True)
    warnings = fields.List(fields.Nested(WarningOut), required=True)
