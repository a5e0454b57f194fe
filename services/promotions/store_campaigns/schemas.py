"""Wire shapes of store campaigns: S3's own spelling, in snake_case."""

import re
from datetime import UTC, datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate

from chassis.core.clock import rfc3339
from chassis.http.pages import PageIn
from chassis.http.schemas import Stripped, one_line, several_lines
from services.promotions.common.schemas import uid
from services.promotions.store_campaigns.rules import IDENTIFIER_LENGTH, Status

NAME, DESCRIPTION, STORES = 200, 1000, 2000
STORES_BYTES = 150_000  # of their keys together: each event names all of them, and a broker takes 256 KiB

ISO8601 = re.compile(r"\d{4}-?\d\d-?\d\d[Tt ]\d\d(:?\d\d(:?\d\d([.,]\d{1,9})?)?)?([Zz]|[+-]\d\d(:?\d\d)?)?", re.ASCII)


class SnakeSchema(Schema):
    """Attributes and the wire in snake_case. Unknown fields are refused (D42)."""

    class Meta:
        unknown = RAISE
        ordered = True


class Timestamp(fields.Field[datetime]):
    """An ISO 8601 time (S3-18); one without a zone is in UTC. Any year (S3-19). Answered in UTC with ``Z``."""

    default_error_messages = {"invalid": "Must be a valid ISO 8601 timestamp, such as 2024-01-01T00:00:00.000Z"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"type": "string", "format": "date-time"}, **kwargs)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not ISO8601.fullmatch(value):
            raise self.make_error("invalid")
        try:
            moment = datetime.fromisoformat(value.upper())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error


READ_ONLY = (
    *("campaign_id", "company_id", "store_ids", "created_at", "updated_at"),
    *("success", "message", "effective_immediately", "timestamp", "updated_fields"),
)
"""What our answers say and an update may send back: it is ignored (D65)."""


class WritableSchema(SnakeSchema):
    """A body that may be one of our answers with something changed (D42, D65)."""

    @pre_load
    def ignore_what_is_read_only(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if name not in READ_ONLY or name in self.fields}


def _is_name(value: str) -> None:
    """S3-15; zero-width characters alone look empty, and are."""
    if not any(character.isprintable() for character in value):
        raise ValidationError("Campaign name cannot be empty")
    if len(value) > NAME:
        raise ValidationError(f"Campaign name can have at most {NAME} characters")
    one_line(value)


IDENTIFIER = validate.Regexp(
    rf"^[A-Za-z0-9_]{{1,{IDENTIFIER_LENGTH}}}\Z",
    error=f"Only letters, digits and underscores are allowed, at most {IDENTIFIER_LENGTH}",
)


def store_ids(**kwargs: Any) -> fields.List:
    """Keys of stores; one that repeats counts once."""
    return fields.List(uid(), validate=[validate.Length(max=STORES), _fit_an_event], **kwargs)


def _fit_an_event(keys: list[str]) -> None:
    if sum(len(key.encode()) + 3 for key in keys) > STORES_BYTES:
        raise ValidationError("These keys are too long together.")


class StoreCampaignChangesIn(WritableSchema):
    """What an update names; the rest keeps its value (S3-1, S3-4). A description may be taken away with null."""

    name = Stripped(validate=_is_name)
    description = Stripped(allow_none=True, validate=[validate.Length(max=DESCRIPTION), several_lines])
    campaign_identifier = fields.String(validate=IDENTIFIER)
    starts_at = Timestamp()
    ends_at = Timestamp()
    status = fields.String(validate=validate.OneOf(list(Status), error="Must be one of: {choices}"))


class StoreCampaignIn(StoreCampaignChangesIn):
    """A new campaign. Without a status it is ``scheduled``, so it runs from its start to its end; without an
    identifier it is given one made of its name."""

    name = Stripped(required=True, validate=_is_name)
    description = Stripped(
        load_default=None, allow_none=True, validate=[validate.Length(max=DESCRIPTION), several_lines]
    )
    campaign_identifier = fields.String(load_default=None, validate=IDENTIFIER)
    starts_at = Timestamp(required=True)
    ends_at = Timestamp(required=True)
    status = fields.String(load_default=str(Status.SCHEDULED), validate=validate.OneOf(list(Status)))
    store_ids = store_ids(load_default=[])


class LinkedStoresIn(WritableSchema):
    """All stores that show the campaign, by their keys; those left out no longer do."""

    store_ids = store_ids(required=True)


class StoreCampaignOut(SnakeSchema):
    """A campaign as it is now: ``status`` by the clock (D3)."""

    campaign_id = fields.UUID(required=True, attribute="id")
    company_id = fields.UUID(required=True, attribute="tenant_id")
    name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    campaign_identifier = fields.String(required=True)
    starts_at = Timestamp(required=True)
    ends_at = Timestamp(required=True)
    status = fields.String(required=True, attribute="current_status", validate=validate.OneOf(list(Status)))
    store_ids = fields.List(fields.String(), required=True, attribute="store_uids")
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


TILL_FIELDS = ("campaign_id", "name", "description", "campaign_identifier", "starts_at", "ends_at", "status")
"""What tills show of a campaign that runs in their store (D44)."""


class SuccessOut(SnakeSchema):
    """A change was made and is in force (S3-2)."""

    success = fields.Constant(True, required=True)
    campaign_id = fields.UUID(required=True)
    effective_immediately = fields.Constant(True, required=True)
    timestamp = Timestamp(required=True)


class DeletedOut(SuccessOut):
    message = fields.Constant("Campaign successfully deleted", required=True)


class UpdatedOut(SuccessOut):
    """``updated_fields`` are those that were sent and are in force now, also one that had this value before."""

    message = fields.Constant("Campaign successfully updated", required=True)
    updated_fields = fields.List(fields.String(), required=True)


class LinkedStoresOut(SuccessOut):
    message = fields.Constant("Linked stores successfully updated", required=True)
    store_ids = fields.List(fields.String(), required=True)


class StoreCampaignCreatedOut(StoreCampaignOut):
    """The new campaign, with the words of a success as an update has them."""

    success = fields.Constant(True, required=True)
    message = fields.Constant("Campaign successfully created", required=True)


class StoreCampaignsIn(PageIn):
    """``status`` is what campaigns are now; ``store_id`` the key of a store that shows them (D44)."""

    store_id = Stripped()
    status = fields.String(validate=validate.OneOf(list(Status)))

    def on_bind_field(self, field_name: str, field_obj: fields.Field) -> None:
        super().on_bind_field(field_name, field_obj)
        if field_name == "store_id":
            field_obj.data_key = field_name  # the document's own spelling, beside our paging
