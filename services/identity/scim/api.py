"""``/scim/v2/Users``: a tenant's directory adds, changes, suspends and removes its people (RFC 7644)."""

from typing import Any

from flask import Response, current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from chassis.process.service import settings_of
from contracts.error_formats import SCIM
from services.identity.common.clients import client_of_request
from services.identity.scim import actions, queries, rules
from services.identity.scim.directory import by_directory
from services.identity.scim.schemas import COUNT_MAX, MEDIA_TYPE, ScimListIn, ScimListOut, ScimResourceIn, ScimUserOut
from services.identity.teams import refusals
from services.identity.users.models import User

PREFIX = "/scim/v2"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PERSON = {
    "schemas": [rules.USER],
    "userName": "lars@nordic-heating.example",
    "externalId": "00u1",
    "name": {"givenName": "Lars", "familyName": "Berg"},
    "active": True,
    "roles": [{"value": "SupplierViewer"}],
}
DEACTIVATION = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "active", "value": False}],
}

blp = Blueprint("scim", __name__, url_prefix=f"{PREFIX}/Users", error_format=SCIM)


@blp.after_request
def say_scim(response: Response) -> Response:
    if response.mimetype == "application/json":
        response.content_type = MEDIA_TYPE
    return response


@blp.route("")
class Users(MethodView):
    @by_directory
    @blp.arguments(ScimListIn, location="query")
    @blp.response(200, ScimListOut, content_type=MEDIA_TYPE)
    def get(self, query):
        """The tenant's people, those that a filter finds, in the order they came."""
        start, count = max(1, query["start_index"]), min(max(0, query["count"]), COUNT_MAX)
        terms = rules.terms(query["filter"]) if query.get("filter") else []
        with db.read() as session:
            total, people = queries.people(session, caller().tenant_id, terms, start=start, count=count)
        return {
            "schemas": [LIST],
            "total_results": total,
            "start_index": start,
            "items_per_page": len(people),
            "resources": [_resource(user) for user in people],
        }

    @by_directory
    @blp.arguments(ScimResourceIn, content_type=MEDIA_TYPE, example=PERSON)
    @blp.response(201, ScimUserOut, content_type=MEDIA_TYPE)
    @raises(409, "email_taken")
    @raises(422, "role_does_not_fit")
    @raises(429, "too_many_invitations")
    def post(self, resource):
        """Add a person, who signs in by single sign-on or sets a password by mail. No mail is sent."""
        change = rules.change_of(rules.attributes_of(resource))
        refusals.require_addable(change.email)
        with db.begin() as session:
            user = actions.add_person(session, caller().tenant_id, change, actor=caller(), now=utcnow())
        answer = _resource(user)
        return answer, 201, {"Location": answer["meta"]["location"]}


@blp.route("/<uuid:user_id>")
class OneUser(MethodView):
    @by_directory
    @blp.response(200, ScimUserOut, content_type=MEDIA_TYPE)
    def get(self, user_id):
        with db.read() as session:
            return _resource(queries.person(session, caller().tenant_id, user_id))

    @by_directory
    @blp.arguments(ScimResourceIn, content_type=MEDIA_TYPE, example=PERSON)
    @blp.response(200, ScimUserOut, content_type=MEDIA_TYPE)
    @raises(409, "email_taken", "last_admin", "last_platform_admin", "invalid_transition")
    @raises(422, "role_does_not_fit")
    @raises(429, "too_many_invitations")
    def put(self, resource, user_id):
        """What the resource has replaces what is stored; what it leaves out stays (RFC 7644, 3.5.1)."""
        return _change(user_id, rules.attributes_of(resource))

    @by_directory
    @blp.arguments(ScimResourceIn, content_type=MEDIA_TYPE, example=DEACTIVATION)
    @blp.response(200, ScimUserOut, content_type=MEDIA_TYPE)
    @raises(409, "email_taken", "last_admin", "last_platform_admin", "invalid_transition")
    @raises(422, "role_does_not_fit")
    @raises(429, "too_many_invitations")
    def patch(self, patch, user_id):
        """``Operations`` set or take away attributes; ``active`` false suspends."""
        operations = next((value for name, value in patch.items() if name.lower() == "operations"), None)
        return _change(user_id, rules.patched(operations))

    @by_directory
    @blp.response(204)
    @raises(409, "last_admin", "last_platform_admin", "invalid_transition")
    def delete(self, user_id):
        """Remove the person."""
        with db.begin() as session:
            actions.remove_person(session, caller().tenant_id, user_id, actor=caller(), now=utcnow())


def _change(user_id: Any, attributes: rules.Attributes) -> dict[str, Any]:
    change = rules.change_of(attributes)
    refusals.require_addable(change.email)
    with db.begin() as session:
        return _resource(
            actions.change_person(
                session,
                caller().tenant_id,
                user_id,
                change,
                client=client_of_request(),
                actor=caller(),
                now=utcnow(),
            )
        )


def _resource(user: User) -> dict[str, Any]:
    resource = {
        "schemas": [rules.USER],
        "id": str(user.id),
        "user_name": user.email,
        "name": {"formatted": user.name},
        "display_name": user.name,
        "active": user.suspended_at is None,
        "emails": [{"value": user.email}],
        "roles": [{"value": user.role}],
        "meta": {
            "created": user.created_at,
            "location": f"{settings_of(current_app).public_url}{PREFIX}/Users/{user.id}",
        },
    }
    return resource | ({"external_id": user.external_id} if user.external_id else {})
