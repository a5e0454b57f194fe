"""Affiliates on the wire."""

from marshmallow import fields, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import Address, CamelSchema, Instant, text
from services.affiliates.affiliates.rules import Enrolment


class AffiliateIn(CamelSchema):
    """An application."""

    name = text(200)
    email = Address(required=True)


class AffiliatesIn(PageIn):
    status = fields.String(validate=validate.OneOf(list(Enrolment)))


class AffiliateOut(CamelSchema):
    """``approvedAt`` is null if nobody has approved: the application waits, or the settings let everybody in."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(Enrolment)))
    approved_at = Instant(required=True, allow_none=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
