"""Single sign-on as a browser sends it."""

from marshmallow import fields, validate

from chassis.http.schemas import PublicSchema

LONGEST = 4096  # a code of some providers is long


def _text(maximum: int = LONGEST) -> fields.String:
    return fields.String(validate=validate.Length(max=maximum))


class StartIn(PublicSchema):
    """``next`` is a path of ours; anything else is ignored."""

    next = _text()


class CallbackIn(PublicSchema):
    """What the provider gives the browser to bring back (RFC 6749, 4.1.2; RFC 9207)."""

    code = _text()
    state = _text()
    iss = _text()
    error = _text()
