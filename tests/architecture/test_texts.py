"""No text that a service takes may turn, hide or break the line it is shown in (D62), in any field of any body."""

from collections.abc import Iterator

import pytest
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields

from concord import platform
from services.affiliates.products.schemas import ProductIn as AffiliateProductIn
from services.promotions.catalogue.schemas import ProductIn

# A right-to-left override, an escape, a line separator; short ones and ones that pass for a long text.
UNFIT = [f"{start}{sign}b" for start in ("a", "a" * 15) for sign in "\u202e\u2066\x1b\x7f\u2028"]

# Names stand in lists, subjects and headers: they are one line.
NAMES = ("name", "subject", "title", "proposal_type", "benefits")
BROKEN = [f"{start}{sign}b" for start in ("a", "a" * 15) for sign in "\r\n\x85\u2029"]

# They are not blank either, and what nobody sees is blank.
BLANK = [sign * length for sign in " \u200b\u2060" for length in (1, 16)]

# Never shown: a password may be anything, and these others are only compared with what we have given out or know.
NEVER_SHOWN = {
    "UserIn.password",
    *("PasswordChangeIn", "ResetIn.password"),
    "AccountFormIn",  # a page checks each field with the schema that the API has for it
    *("UserIn.password", "AcceptIn.token", "AcceptIn.password"),
    *("TokenIn", "RevokeIn"),
    *("ProviderIn.client_secret", "ProviderIn.issuer"),
    *("SessionIn", "StepUpIn"),
    *("CodeIn", "PasskeyOptionsIn", "PasskeySignInIn.password"),
    "OrderIn.campaign_codes",  # a mistyped code is answered for, and refuses no order (D67)
    *("ConversionIn.click_id", "ConversionIn.customer_email", "ConversionIn.visitor"),
    *("WebhookIn.types", "WebhookIn.url", "WebhookUpdateIn.types", "WebhookUpdateIn.url"),
}

# Loaded row by row, so that one bad row does not refuse the others.
ROWS = {"promotions": [ProductIn], "affiliates": [AffiliateProductIn]}


def schemas_of_bodies(blueprint: Blueprint) -> Iterator[type[Schema]]:
    for methods in blueprint._docs.values():
        for documented in methods.values():
            parameters = ((documented or {}).get("arguments") or {}).get("parameters", [])
            for parameter in parameters:
                if parameter["in"] in ("json", "form"):
                    schema = parameter["schema"]
                    yield schema if isinstance(schema, type) else type(schema)


def texts_of(field: fields.Field, path: str) -> Iterator[tuple[str, fields.Field]]:
    """The fields of strings in a field, with their paths."""
    if isinstance(field, fields.Nested):
        for name, inner in field.schema.load_fields.items():
            yield from texts_of(inner, f"{path}.{name}")
    elif isinstance(field, fields.List):
        yield from texts_of(field.inner, path)
    elif isinstance(field, fields.Dict):
        for inner in (field.key_field, field.value_field):
            if inner:
                yield from texts_of(inner, path)
    elif isinstance(field, fields.String):
        yield path, field


def takes(field: fields.Field, text: str) -> bool:
    try:
        field.deserialize(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", platform.SERVICES)
def test_every_text_is_held_to_what_can_be_shown(name):
    service = platform.load(name)
    schemas = {schema for blueprint in service.blueprints for schema in schemas_of_bodies(blueprint)}
    unheld = set()
    for schema in {*schemas, *ROWS.get(name, ())}:
        for field_name, field in schema().load_fields.items():
            for path, inner in texts_of(field, f"{schema.__name__}.{field_name}"):
                unfit = [*UNFIT, *BROKEN, *BLANK] if path.endswith(NAMES) else UNFIT
                if any(takes(inner, text) for text in unfit):
                    unheld.add(path)
    unheld -= {path for path in unheld if {path, path.partition(".")[0]} & NEVER_SHOWN}
    assert unheld == set(), f"declare with chassis.http.schemas.text or prose: {sorted(unheld)}"
