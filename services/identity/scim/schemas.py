"""SCIM over HTTP, field by field (RFC 7643)."""

from marshmallow import INCLUDE, fields, validate

from chassis.http.schemas import CamelSchema, Instant, PublicSchema

MEDIA_TYPE = "application/scim+json"
FILTER_MAX = 500
COUNT_MAX = 200


class ScimResourceIn(CamelSchema):
    """A resource or a patch as a directory sends it: names count in any case, and what we do not keep is ignored."""

    class Meta:
        unknown = INCLUDE


class ScimListIn(PublicSchema):
    """``filter`` compares ``userName``, ``externalId``, ``id``, ``emails`` or ``active``: ``eq``, joined by ``and``."""

    filter = fields.String(validate=validate.Length(max=FILTER_MAX))
    start_index = fields.Integer(load_default=1)
    count = fields.Integer(load_default=100)


class ScimNameOut(CamelSchema):
    formatted = fields.String(required=True)


class ScimValueOut(CamelSchema):
    value = fields.String(required=True)
    primary = fields.Constant(True, required=True)


class ScimEmailOut(ScimValueOut):
    type = fields.Constant("work", required=True)


class ScimMetaOut(CamelSchema):
    resource_type = fields.Constant("User", required=True)
    created = Instant(required=True)
    location = fields.String(required=True)


class ScimUserOut(CamelSchema):
    """A person (RFC 7643, 4.1); ``userName`` is the e-mail address, ``roles`` the one role."""

    schemas = fields.List(fields.String(), required=True)
    id = fields.String(required=True)
    external_id = fields.String()
    user_name = fields.String(required=True)
    name = fields.Nested(ScimNameOut, required=True)
    display_name = fields.String(required=True)
    active = fields.Boolean(required=True)
    emails = fields.List(fields.Nested(ScimEmailOut), required=True)
    roles = fields.List(fields.Nested(ScimValueOut), required=True)
    meta = fields.Nested(ScimMetaOut, required=True)


class ScimListOut(CamelSchema):
    """RFC 7644, 3.4.2; ``Resources`` has a capital there."""

    schemas = fields.List(fields.String(), required=True)
    total_results = fields.Integer(required=True)
    start_index = fields.Integer(required=True)
    items_per_page = fields.Integer(required=True)
    resources = fields.List(fields.Nested(ScimUserOut), required=True, data_key="Resources")

    def on_bind_field(self, field_name: str, field_obj: fields.Field) -> None:
        if field_obj.data_key is None:
            super().on_bind_field(field_name, field_obj)


class ScimTokenOut(CamelSchema):
    created_at = Instant(required=True)
    last_used_at = Instant(required=True, allow_none=True)


class NewScimTokenOut(CamelSchema):
    """``token`` is shown this once; ``baseUrl`` is what the directory needs beside it."""

    token = fields.String(required=True)
    base_url = fields.String(required=True)
    created_at = Instant(required=True)
