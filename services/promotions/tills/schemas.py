"""Wire shapes of till bundles."""

from marshmallow import fields, validate

from chassis.http.schemas import CamelSchema


class BundleQuery(CamelSchema):
    """``since`` is the version that the till has."""

    since = fields.String(load_default=None, validate=validate.Length(1, 64))


class BundleOut(CamelSchema):
    """``signed`` is a compact JWS over the state; ``since`` is null where that is the whole state."""

    version = fields.String(required=True)
    since = fields.String(required=True, allow_none=True)
    signed = fields.String(required=True)


class BundleKeyOut(CamelSchema):
    kty = fields.String(required=True)
    crv = fields.String(required=True)
    x = fields.String(required=True)
    kid = fields.String(required=True)
    use = fields.String(required=True)
    alg = fields.String(required=True)


class BundleKeysOut(CamelSchema):
    keys = fields.List(fields.Nested(BundleKeyOut), required=True)
