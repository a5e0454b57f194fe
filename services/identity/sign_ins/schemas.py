"""Sign-ins over HTTP, field by field."""

from marshmallow import fields, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant
from services.identity.sign_ins.rules import Outcome


class SignInsIn(PageIn):
    """``account`` is an e-mail address, or an API key."""

    account = fields.String()
    outcome = fields.String(validate=validate.OneOf([str(outcome) for outcome in Outcome]))


class AllSignInsIn(SignInsIn):
    tenant_id = fields.UUID()


class SignInOut(CamelSchema):
    """Who signed in or tried to, when, from where, how, and how it ended."""

    id = fields.UUID(required=True)
    at = Instant(required=True)
    user_id = fields.UUID(required=True, allow_none=True)
    account = fields.String(required=True, allow_none=True)
    how = fields.String(required=True)
    outcome = fields.String(required=True)
    device = fields.String(required=True)
    address = fields.String(required=True)


class AnySignInOut(SignInOut):
    """For the operator: of any tenant, or of nobody where there is no such account."""

    tenant_id = fields.UUID(required=True, allow_none=True)
