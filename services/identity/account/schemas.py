"""The own account over HTTP, field by field."""

from marshmallow import EXCLUDE, INCLUDE, ValidationError, fields, validate

from chassis.http.schemas import CamelSchema, PublicSchema, UpdateSchema, one_line, text
from services.identity.account import rules
from services.identity.common.schemas import EMAIL_MAX, NAME_MAX
from services.identity.passwords.schemas import new_password, shown_password
from services.identity.tenants.rules import is_time_zone
from services.identity.tenants.schemas import Slug


def _zone(name: str) -> None:
    if not is_time_zone(name):
        raise ValidationError("Not a time zone of the IANA database, such as Europe/Stockholm.")


class MyTenantOut(CamelSchema):
    """``locale`` and ``time_zone`` count for whoever has chosen none."""

    id = fields.UUID(required=True)
    slug = Slug(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    locale = fields.String(required=True, allow_none=True)
    time_zone = fields.String(required=True)
    second_factor_required = fields.Boolean(required=True)


class MeOut(CamelSchema):
    """``email`` is null for machines; ``features`` names every feature there is (S0-3). ``locale`` and ``time_zone``
    are null where the person has chosen none."""

    user_id = fields.UUID(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)
    role = fields.String(required=True)
    locale = fields.String(required=True, allow_none=True)
    time_zone = fields.String(required=True, allow_none=True)
    has_password = fields.Boolean(required=True)
    second_factor = fields.Boolean(required=True)
    tenant = fields.Nested(MyTenantOut, required=True)
    features = fields.Dict(keys=fields.String(), values=fields.Boolean(), required=True)


class MeChangeIn(UpdateSchema):
    """What is left out stays as it is; a ``locale`` or ``time_zone`` of null leaves the choice to the tenant's."""

    answer = MeOut

    name = text(NAME_MAX, required=False)
    locale = fields.String(allow_none=True, validate=validate.OneOf(rules.LOCALES))
    time_zone = fields.String(allow_none=True, validate=_zone)


class PasswordChangeIn(CamelSchema):
    current = shown_password()
    new = new_password()


class SettingsIn(CamelSchema):
    """Any JSON object: what is in it is the client's own."""

    class Meta:
        unknown = INCLUDE


class RecoverIn(CamelSchema):
    """``email`` may be anything that could be an address: what is none is answered alike."""

    email = fields.String(required=True, validate=[validate.Length(1, EMAIL_MAX), one_line])


class RecoverOut(CamelSchema):
    """Nothing: the answer is the same for every address."""


class ResetIn(CamelSchema):
    token = fields.String(required=True, validate=[validate.Length(1, 200), one_line])
    password = new_password()


class LinkIn(PublicSchema):
    """The query of a link in a mail."""

    token = fields.String(load_default="", validate=validate.Length(max=200))


class AccountFormIn(CamelSchema):
    """A form of a page as it was filled in: the page says what is wrong. Fields that were left out are empty."""

    class Meta:
        unknown = EXCLUDE

    token = fields.String(load_default="")
    name = fields.String(load_default="")
    email = fields.String(load_default="")
    password = fields.String(load_default="", load_only=True)


class NameIn(CamelSchema):
    """The name in a form."""

    name = text(NAME_MAX)
