"""Links on the wire."""

from marshmallow import fields

from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant
from services.affiliates.common.schemas import WebAddress


class LinkIn(CamelSchema):
    affiliate_id = fields.UUID(required=True)
    destination = WebAddress(required=True)


class LinksIn(PageIn):
    affiliate_id = fields.UUID()


class LinkOut(CamelSchema):
    """``url`` is the address that the affiliate spreads."""

    code = fields.String(required=True)
    url = fields.String(required=True)
    campaign_id = fields.UUID(required=True)
    affiliate_id = fields.UUID(required=True)
    destination = fields.String(required=True)
    created_at = Instant(required=True)
