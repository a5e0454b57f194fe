"""Preferences on the wire, and the fields that we need of identity's events."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chassis.http.schemas import CamelSchema
from services.notifier.audience.calendar import WEEKDAYS
from services.notifier.audience.rules import is_time_zone
from services.notifier.topics import OF_USERS
from services.notifier.topics.base import Cadence

CADENCES = [str(cadence) for cadence in Cadence]


class LocalTime(fields.String):
    """A local time, ``HH:MM``."""

    def __init__(self, **kwargs: Any) -> None:
        valid = validate.Regexp(r"(?a:([01]\d|2[0-3]):[0-5]\d)\Z", error="Must be a time such as 08:00.")
        super().__init__(validate=valid, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else f"{value:%H:%M}"


class Weekday(fields.String):
    """A day of the week by its English name; a number from Monday, 0, inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(0, 6), **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str:
        return WEEKDAYS[value]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value not in WEEKDAYS:
            raise ValidationError("Must be a day of the week such as monday.")
        return WEEKDAYS.index(value)


def _time_zone(name: str) -> None:
    if not is_time_zone(name):
        raise ValidationError("Not a time zone of the IANA database, such as Europe/Stockholm.")


TopicsIn = CamelSchema.from_dict(
    {topic: fields.String(validate=validate.OneOf(CADENCES)) for topic in OF_USERS}, name="TopicsIn"
)
TopicsOut = CamelSchema.from_dict(
    {topic: fields.String(required=True, validate=validate.OneOf(CADENCES)) for topic in OF_USERS}, name="TopicsOut"
)


class QuietHoursIn(CamelSchema):
    """Between these local times no mail is sent at once. They may include midnight."""

    begin = LocalTime(data_key="from", required=True)
    until = LocalTime(required=True)

    @validates_schema
    def last_a_while(self, data: dict[str, Any], **_: Any) -> None:
        if data["begin"] == data["until"]:
            raise ValidationError("Must differ from the begin of the quiet hours.", "until")


class PreferencesIn(CamelSchema):
    """Omitted fields keep their value. ``timeZone`` null means the tenant's, ``quietHours`` null means none. A user who
    sends all preferences back as they were read keeps following the tenant's time zone."""

    topics = fields.Nested(TopicsIn)
    time_zone = fields.String(validate=_time_zone, allow_none=True)
    send_at = LocalTime()
    weekday = Weekday()
    quiet_hours = fields.Nested(QuietHoursIn, allow_none=True)


class QuietHoursOut(CamelSchema):
    begin = LocalTime(data_key="from", required=True)
    until = LocalTime(required=True)


class PreferencesOut(CamelSchema):
    """Preferences, with defaults for what was not chosen."""

    topics = fields.Nested(TopicsOut, required=True)
    time_zone = fields.String(required=True)
    send_at = LocalTime(required=True)
    weekday = Weekday(required=True)
    quiet_hours = fields.Nested(QuietHoursOut, attribute="quiet", required=True, allow_none=True)


class TenantIn(CamelSchema):
    tenant_id = fields.UUID(required=True)
    time_zone = fields.String(required=True)


class UserRemovedIn(CamelSchema):
    user_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)


class UserAddedIn(UserRemovedIn):
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)


class UserChangedIn(UserAddedIn):
    suspended = fields.Boolean(required=True)
    locale = fields.String(load_default=None, allow_none=True)
    time_zone = fields.String(load_default=None, allow_none=True)
