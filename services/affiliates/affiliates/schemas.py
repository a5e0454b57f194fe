"""Affiliates and their links on the wire."""

from marshmallow import fields, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import Address, CamelSchema, Instant, text
from services.affiliates.affiliates.rules import Enrolment
from services.affiliates.common.schemas import WebAddress


class AffiliateIn(CamelSchema):
    """An application."""

    name = text(200)
    email = Address(required=True)


class AffiliatesIn(PageIn):
    status = fields.String(validate=validate.OneOf(list(Enrolment)))


class AffiliateOut(CamelSchema):
    """``approvedAt`` is null where nobody has approved: while it waits, and where the settings let everybody in."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(Enrolment)))
    approved_at = Instant(required=True, allow_none=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)


class LinkIn(CamelSchema):
    affiliate_id = fields.UUID(required=True)
    destination = WebAddress(required=True)


class LinksIn(PageIn):
    affiliate_id = fields.UUID()


class LinkOut(CamelSchema):
    """``url`` is what the affiliate spreads."""

    code = fields.String(required=True)
    url = fields.String(required=True)
    campaign_id = fields.UUID(required=True)
    affiliate_id = fields.UUID(required=True)
    destination = fields.String(required=True)
    created_at = Instant(required=True)
