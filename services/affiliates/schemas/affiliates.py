"""Affiliates and their links on the wire."""

from marshmallow import fields, validate

from chassis.pages import PageIn
from chassis.schemas import CamelSchema, Instant
from services.affiliates.rules.affiliates import Enrolment
from services.affiliates.schemas.common import line, web_address


class AffiliateIn(CamelSchema):
    """An application."""

    name = line(200)
    email = fields.Email(required=True, validate=validate.Length(max=254))


class AffiliatesIn(PageIn):
    status = fields.String(validate=validate.OneOf(list(Enrolment)))


class AffiliateOut(CamelSchema):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(Enrolment)))
    created_at = Instant(required=True)
    updated_at = Instant(required=True)


class LinkIn(CamelSchema):
    affiliate_id = fields.UUID(required=True)
    destination = fields.String(required=True, validate=web_address)


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
