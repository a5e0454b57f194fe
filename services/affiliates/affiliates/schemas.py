"""Affiliates on the wire, and identity's events of users."""

from marshmallow import fields, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import Address, CamelSchema, Instant, text
from services.affiliates.affiliates.rules import Account, Enrolment


class AffiliateIn(CamelSchema):
    """An application."""

    name = text(200)
    email = Address(required=True)


class AffiliatesIn(PageIn):
    status = fields.String(validate=validate.OneOf(list(Enrolment)))


class AffiliateOut(CamelSchema):
    """``approvedAt`` is null if nobody has approved: the application waits, or the settings let everybody in.

    ``account`` says whether the affiliate can sign in; ``refusalReason`` why it could not be invited,
    ``refusalAdvice`` what the merchant can do about it, in words.
    """

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(Enrolment)))
    approved_at = Instant(required=True, allow_none=True)
    account = fields.String(required=True, validate=validate.OneOf(list(Account)))
    invited_at = Instant(required=True, allow_none=True)
    refusal_reason = fields.String(required=True, allow_none=True)
    refusal_advice = fields.String(required=True, allow_none=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)


class UserRemovedIn(CamelSchema):
    user_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)


class UserIn(UserRemovedIn):
    """A user as identity publishes it when it is added or changed."""

    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)


class InvitationRefusedIn(CamelSchema):
    affiliate_id = fields.UUID(required=True)
    invited_at = Instant(required=True)
    reason = fields.String(required=True)


class KnownAffiliateOut(CamelSchema):
    """For identity only: by what an affiliate is known."""

    merchant_id = fields.UUID(required=True)
    email = fields.String(required=True)
    user_id = fields.UUID(required=True, allow_none=True)
