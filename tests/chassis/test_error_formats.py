"""The refusals of documented systems, each in its own shape (D2, D41): S2-29, S3-11 … S3-14, S4-18."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine
from flask.views import MethodView
from marshmallow import fields, validate

from chassis.core.errors import Conflict, Failure, Invalid, NotFound, Upstream
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.error_formats import PROBLEM, ErrorFormat
from chassis.http.problems import raises
from chassis.http.schemas import Amount, CamelSchema, text
from chassis.process.service import Runtime
from contracts.error_formats import MARKETING, MERCHANT, STORES, of_path
from contracts.roles import Role
from tests.chassis.sample import service
from tests.plugin import ServiceUnderTest, principal

NOW = datetime(2020, 7, 3, 9, 45, 14, 607000, tzinfo=UTC)
ANNA = principal(Role.MERCHANT_ADMIN)
PREFIXES = {
    MERCHANT: "/merchant/api/v1",
    STORES: "/stores/company/<company_id>/campaigns",
    MARKETING: "/marketing",
    PROBLEM: "/v2/tenants",
}
MERCHANT_AT, STORES_AT, MARKETING_AT, PROBLEM_AT = (
    prefix.replace("<company_id>", "acme") for prefix in PREFIXES.values()
)
REFUSALS: dict[str, Failure] = {
    "absent": NotFound("Campaign not found", code="campaign_not_found", more={"campaign_id": "invalid-id"}),
    "dates": Invalid("End date must be after start date", code="invalid_date_range"),
    "expired": Conflict(
        "Campaign cannot be modified in current status",
        code="campaign_not_modifiable",
        more={"current_status": "expired"},
    ),
    "name": Invalid("x", errors=[{"field": "name", "message": "Campaign name must be unique within company"}]),
    "empty": Invalid("x", errors=[{"field": "", "message": "field can't be empty"}]),
    "away": Upstream("The service is away."),
}


class Money(Amount):
    """An amount that is answered as text."""

    def _serialize(self, value, attr, obj, **kwargs):
        return None if value is None else format(value, ".2f")


class ThingIn(CamelSchema):
    title = text(160)
    price = Money()
    cookie_days = fields.Integer(strict=True, validate=validate.Range(0, 365))


def things(shape: ErrorFormat, prefix: str) -> Blueprint:
    """A resource that refuses what it is asked for."""
    blp = Blueprint(shape.component, __name__, url_prefix=prefix, feature="affiliates", error_format=shape)

    @blp.route("/<refusal>/things")
    class Things(MethodView):
        @blp.allow(Role.MERCHANT_ADMIN)
        @blp.response(200, ThingIn)
        @raises(409, "campaign_not_modifiable")
        def get(self, refusal, company_id=None):
            raise REFUSALS[refusal]

        @blp.allow(Role.MERCHANT_ADMIN)
        @blp.arguments(ThingIn)
        @blp.response(201, ThingIn)
        def post(self, data, refusal, company_id=None):
            with db.begin():
                return data

    return blp


@pytest.fixture
def families(start_service):
    running = start_service(service)
    blueprints = [things(shape, prefix) for shape, prefix in PREFIXES.items()]
    runtime = Runtime(replace(service, blueprints=blueprints, error_format_of=of_path), running.runtime.settings)
    yield ServiceUnderTest(runtime)
    runtime.close()


@pytest.fixture
def anna(families):
    return families.client(ANNA)


def refused(answer, status, body):
    assert (answer.status_code, answer.content_type) == (status, "application/json"), answer.get_data(as_text=True)
    assert answer.json == body
    assert answer.headers["X-Request-Id"]


def test_the_merchant_apis_errors(families, anna):
    """S2-29: {statusCode, message[], error}; validation is 400 and names every field."""
    address = f"{MERCHANT_AT}/x/things"
    refused(
        anna.post(address, json={"title": "x" * 161, "cookieDays": 366}),
        400,
        {
            "statusCode": 400,
            "message": [
                "title: Must be between 1 and 160 characters long and not blank.",
                "cookieDays: Must be greater than or equal to 0 and less than or equal to 365.",
            ],
            "error": "Bad Request",
        },
    )
    refused(
        families.client(None).get(address),
        401,
        {"statusCode": 401, "message": ["Sign in first."], "error": "Unauthorized"},
    )
    off = families.client(replace(ANNA, features=frozenset()))
    refused(
        off.get(address),
        403,
        {"statusCode": 403, "message": ["The feature 'affiliates' is not enabled."], "error": "Forbidden"},
    )
    refused(
        anna.get(f"{MERCHANT_AT}/dates/things"),
        400,
        {"statusCode": 400, "message": ["End date must be after start date"], "error": "Bad Request"},
    )


def test_the_stores_services_errors_are_the_documents_word_for_word(families, anna):
    """S3-11 … S3-14, with the statuses of D41."""
    refused(
        anna.get(f"{STORES_AT}/absent/things"),
        404,
        {
            "success": False,
            "message": "Campaign not found",
            "error_code": "CAMPAIGN_NOT_FOUND",
            "campaign_id": "invalid-id",
        },
    )
    refused(
        anna.get(f"{STORES_AT}/dates/things"),
        400,
        {"success": False, "message": "End date must be after start date", "error_code": "INVALID_DATE_RANGE"},
    )
    refused(
        anna.get(f"{STORES_AT}/expired/things"),
        409,
        {
            "success": False,
            "message": "Campaign cannot be modified in current status",
            "error_code": "CAMPAIGN_NOT_MODIFIABLE",
            "current_status": "expired",
        },
    )
    refused(
        anna.get(f"{STORES_AT}/name/things"),
        400,
        {
            "success": False,
            "message": "Field validation failed",
            "error_code": "VALIDATION_ERROR",
            "validation_errors": [{"field": "name", "error": "Campaign name must be unique within company"}],
        },
    )


def test_the_stores_services_other_errors(families, anna):
    """D42: an unknown field is a VALIDATION_ERROR; so is what is no JSON. The rest is named the same way."""
    address = f"{STORES_AT}/x/things"
    assert anna.post(address, json={"title": "x", "colour": "red"}).json["validation_errors"] == [
        {"field": "colour", "error": "Unknown field."}
    ]
    for raw in (b"{", b"[]", b'"x"', b"\xff"):
        broken = anna.post(address, data=raw, content_type="application/json")
        assert (broken.status_code, broken.json["error_code"]) == (400, "VALIDATION_ERROR")
        assert broken.json["message"] == "Field validation failed"
        [fault] = broken.json["validation_errors"]
        assert (fault["field"], set(fault)) == ("body", {"field", "error"})
    nobody = families.client(None).get(address)
    assert (nobody.status_code, nobody.json["error_code"]) == (401, "UNAUTHORIZED")


def test_the_marketing_apis_errors(families, anna):
    """S4-18: the document's two samples, and the milliseconds of the moment."""

    def body(status, error, message, name):
        address = f"{MARKETING_AT}/{name}/things"
        return {"error": error, "message": message, "path": address, "status": status, "timestamp": 1593769514607}

    with time_machine.travel(NOW, tick=False):
        refused(
            anna.get(f"{MARKETING_AT}/empty/things?x=1"),
            400,
            body(400, "Bad Request", "error: x: Unknown parameter.", "empty"),
        )
        refused(
            anna.get(f"{MARKETING_AT}/empty/things"),
            400,
            body(400, "Bad Request", "error: field can't be empty", "empty"),
        )
        refused(
            families.client(None).get(f"{MARKETING_AT}/empty/things"),
            401,
            body(401, "Unauthorized", "Unauthorized", "empty"),
        )
        refused(anna.get(f"{MARKETING_AT}/absent/things"), 404, body(404, "Not Found", "Campaign not found", "absent"))


def test_headers_of_a_refusal_stay(anna):
    for prefix in (MERCHANT_AT, STORES_AT, MARKETING_AT, PROBLEM_AT):
        answer = anna.get(f"{prefix}/away/things")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


KEYS = {
    MERCHANT_AT: {"statusCode", "message", "error"},
    STORES_AT: {"success", "message", "error_code"},
    MARKETING_AT: {"error", "message", "path", "status", "timestamp"},
    PROBLEM_AT: {"type", "title", "status", "detail", "code", "requestId"},
}


@pytest.mark.parametrize("prefix", KEYS)
def test_what_no_view_answers_has_the_shape_too(anna, prefix):
    """404, 405, 413 and 415 under a prefix, though Flask refuses them before or beside any view."""
    text_body = {"data": "hello", "content_type": "text/plain"}
    for answer, status in (
        (anna.get(f"{prefix}/x/nothing/at/all"), 404),
        (anna.get(prefix), 404),
        (anna.delete(f"{prefix}/x/things"), 405),
        (anna.post(f"{prefix}/x/things", **text_body), 415),
        (anna.post(f"{prefix}/x/things", data=b"x" * (1024 * 1024 + 1), content_type="application/json"), 413),
    ):
        assert answer.status_code == status
        assert set(answer.json) == KEYS[prefix]
    assert anna.get("/elsewhere").content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/merchant", KEYS[MERCHANT_AT]),
        ("/merchant/api/v1x/things", KEYS[MERCHANT_AT]),
        ("/stores", KEYS[STORES_AT]),
        ("/stores/company/acme/offers", KEYS[STORES_AT]),
        ("/stores/company/acme/campaignsx/1", KEYS[STORES_AT]),
        ("/marketing/unknown", KEYS[MARKETING_AT]),
        ("/shops/acme/unknown", KEYS[MARKETING_AT]),
        ("/shopsx", KEYS[PROBLEM_AT]),
        ("/marketings/campaigns", KEYS[PROBLEM_AT]),
        ("/v2", KEYS[PROBLEM_AT]),
        ("/r", KEYS[PROBLEM_AT]),
    ],
)
def test_unknown_paths_answer_in_the_shape_of_their_family(anna, path, keys):
    """D2: a client of a documented system reads one shape, also where it has mistyped a path."""
    answer = anna.get(path)
    assert (answer.status_code, set(answer.json)) == (404, keys)


def test_ours_stay_problems_and_may_say_more(anna):
    answer = anna.get(f"{PROBLEM_AT}/expired/things")
    assert answer.content_type == "application/problem+json"
    assert (answer.json["code"], answer.json["current_status"]) == ("campaign_not_modifiable", "expired")
    assert anna.post(f"{PROBLEM_AT}/x/things", json={}).status_code == 422


def test_a_refusal_is_replayed_in_its_shape(anna):
    """D7: 422 for another body is promised in every system."""
    key = {"X-Idempotency-Key": "once"}
    assert anna.post(f"{MERCHANT_AT}/x/things", json={"title": "one"}, headers=key).status_code == 201
    again = anna.post(f"{MERCHANT_AT}/x/things", json={"title": "two"}, headers=key)
    refused(
        again,
        422,
        {
            "statusCode": 422,
            "message": ["This Idempotency-Key was used with another request."],
            "error": "Unprocessable Entity",
        },
    )


def test_the_document_describes_the_shape_of_each(families):
    document = families.client(None).get("/openapi.json").json
    components = {MERCHANT: "MerchantError", STORES: "StoresError", MARKETING: "MarketingError", PROBLEM: "Problem"}
    for name, prefix in PREFIXES.items():
        path = prefix.replace("<", "{").replace(">", "}") + "/{refusal}/things"
        for method in ("get", "post"):
            responses = document["paths"][path][method]["responses"]
            for status in {"400", "401", "403", "404", "503"} & set(responses):
                (body,) = responses[status]["content"].values()
                assert body["schema"] == {"$ref": f"#/components/schemas/{components[name]}"}
        assert ("422" in document["paths"][path]["get"]["responses"]) == (name == PROBLEM)
    for prefix, name in zip(KEYS, components.values(), strict=True):
        assert set(document["components"]["schemas"][name]["required"]) == KEYS[prefix]


def test_an_amount_answered_as_text_is_described_as_text(families):
    schemas = families.client(None).get("/openapi.json").json["components"]["schemas"]
    assert schemas["ThingIn"]["properties"]["price"] == {"type": "string"}
