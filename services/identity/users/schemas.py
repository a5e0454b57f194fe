"""Users over HTTP, field by field."""

from marshmallow import fields, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import Address, CamelSchema, Instant, StrictBoolean, UpdateSchema, text
from services.identity.common.schemas import NAME_MAX, PASSWORD_TYPED
from services.identity.users import rules


class UserOut(CamelSchema):
    """``status``: ``Invited``, ``Active`` or ``Suspended``; of those who have left ``Removed``."""

    id = fields.UUID(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)
    status = fields.String(required=True)
    created_at = Instant(required=True)


class MemberOut(UserOut):
    """A person as colleagues see them: when they were last seen, and whether a second factor guards the account."""

    last_seen_at = Instant(required=True, allow_none=True)
    second_factor = fields.Boolean(required=True)


class InviteIn(CamelSchema):
    email = Address(required=True)
    name = text(NAME_MAX)
    role = fields.String(required=True, validate=validate.OneOf([str(role) for role in rules.PERSONS]))


class UserIn(InviteIn):
    """Without ``password`` the person is invited and chooses one."""

    password = fields.String(load_only=True, validate=validate.Length(1, PASSWORD_TYPED))


class UserChangeIn(UpdateSchema):
    """What is left out stays as it is; what cannot be changed here is ignored (D65)."""

    answer = UserOut

    role = fields.String(validate=validate.OneOf([str(role) for role in rules.PERSONS]))
    suspended = StrictBoolean()


class UsersIn(PageIn):
    """``q`` finds a part of the name or address; removed people are listed only when their ``status`` is asked for."""

    q = text(NAME_MAX, required=False)
    status = fields.String(validate=validate.OneOf(list(rules.Status)))
