"""Tenants over HTTP, field by field."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant, StrictBoolean, UpdateSchema, text
from contracts.features import FEATURES
from services.identity.common.schemas import NAME_MAX
from services.identity.tenants import rules


def _time_zone(name: str) -> None:
    if not rules.is_time_zone(name):
        raise ValidationError("Not a time zone of the IANA database, such as Europe/Stockholm.")


def _slug(text: str) -> None:
    if not rules.is_slug(text):
        raise ValidationError(
            "Must be lowercase letters, digits and single hyphens, at most 63 characters, and not an id."
        )


def _locale(name: str) -> None:
    if not rules.is_locale(name):
        raise ValidationError("Not a language tag, such as sv or nb-NO.")


class Slug(fields.String):
    """A tenant's slug; its id stands for it as long as it has none."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return super()._serialize(value or obj.id, attr, obj, **kwargs)


class TenantIn(CamelSchema):
    """``slug`` is made from the name where it is left out."""

    name = text(NAME_MAX)
    slug = fields.String(validate=_slug)
    kind = fields.String(required=True, validate=validate.OneOf([str(kind) for kind in rules.TENANT_KINDS]))
    time_zone = fields.String(validate=_time_zone)
    features = fields.List(
        fields.String(validate=validate.OneOf(FEATURES)), validate=validate.Length(max=len(FEATURES))
    )


class TenantOut(CamelSchema):
    id = fields.UUID(required=True)
    slug = Slug(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    time_zone = fields.String(required=True)
    features = fields.List(fields.String(), required=True)


class AdminTenantOut(TenantOut):
    """A tenant as the operator sees it. ``exportedAt``: from when the newest export is that was fetched to its end.
    ``endsAt``: when its own goes, or went, once it is to end."""

    suspended = fields.Boolean(attribute="is_suspended", required=True)
    exported_at = Instant(required=True, allow_none=True)
    ends_at = Instant(required=True, allow_none=True)


class OwnTenantOut(CamelSchema):
    """A tenant as its own people see it."""

    id = fields.UUID(required=True)
    slug = Slug(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    time_zone = fields.String(required=True)
    locale = fields.String(required=True, allow_none=True)
    second_factor_required = fields.Boolean(required=True)


class OwnTenantChangeIn(UpdateSchema):
    """What is left out stays as it is; what cannot be changed here is ignored (D65)."""

    answer = OwnTenantOut

    name = text(NAME_MAX, required=False)
    time_zone = fields.String(validate=_time_zone)
    locale = fields.String(allow_none=True, validate=_locale)
    second_factor_required = StrictBoolean()


class TenantChangeIn(UpdateSchema):
    """What is left out stays as it is; what cannot be changed here is ignored (D65)."""

    answer = AdminTenantOut

    name = text(NAME_MAX, required=False)
    time_zone = fields.String(validate=_time_zone)
    suspended = StrictBoolean()


class TenantsIn(PageIn):
    """``q`` finds a part of the name."""

    kind = fields.String(validate=validate.OneOf([str(kind) for kind in rules.Kind]))
    q = text(NAME_MAX, required=False)


class FeaturesIn(CamelSchema):
    """``{"campaigns": true, "prm": false}``; a name left out keeps its value (S0-1)."""

    campaigns = StrictBoolean()
    prm = StrictBoolean()
    messaging = StrictBoolean()
    promotions = StrictBoolean()
    affiliates = StrictBoolean()
