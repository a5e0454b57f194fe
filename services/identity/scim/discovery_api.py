"""What this SCIM service can do, for everybody (RFC 7644, 4)."""

from typing import Any

from flask import Response, current_app, jsonify
from flask.views import MethodView

from chassis.core.errors import NotFound
from chassis.http.blueprints import Blueprint
from chassis.process.service import settings_of
from contracts.error_formats import SCIM
from services.identity.scim import rules
from services.identity.scim.api import LIST, PREFIX
from services.identity.scim.schemas import COUNT_MAX, MEDIA_TYPE

SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:"

blp = Blueprint("scim_discovery", __name__, url_prefix=PREFIX, error_format=SCIM)


@blp.route("/ServiceProviderConfig")
class ServiceProviderConfig(MethodView):
    @blp.public
    @blp.response(200, content_type=MEDIA_TYPE)
    def get(self):
        """RFC 7643, 5."""
        return _answer(
            {
                "schemas": [f"{SCHEMA}ServiceProviderConfig"],
                "patch": {"supported": True},
                "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
                "filter": {"supported": True, "maxResults": COUNT_MAX},
                "changePassword": {"supported": False},
                "sort": {"supported": False},
                "etag": {"supported": False},
                "authenticationSchemes": [
                    {
                        "type": "oauthbearertoken",
                        "name": "Bearer token",
                        "description": "The token that an admin of the tenant has made.",
                        "primary": True,
                    }
                ],
                "meta": _meta("ServiceProviderConfig", "/ServiceProviderConfig"),
            }
        )


@blp.route("/ResourceTypes")
class ResourceTypes(MethodView):
    @blp.public
    @blp.response(200, content_type=MEDIA_TYPE)
    def get(self):
        return _answer(_list(_resource_type()))


@blp.route("/ResourceTypes/<name>")
class ResourceType(MethodView):
    @blp.public
    @blp.response(200, content_type=MEDIA_TYPE)
    def get(self, name):
        return _answer(_one(_resource_type(), name))


@blp.route("/Schemas")
class Schemas(MethodView):
    @blp.public
    @blp.response(200, content_type=MEDIA_TYPE)
    def get(self):
        return _answer(_list(_user_schema()))


@blp.route("/Schemas/<name>")
class OneSchema(MethodView):
    @blp.public
    @blp.response(200, content_type=MEDIA_TYPE)
    def get(self, name):
        return _answer(_one(_user_schema(), name))


def _resource_type() -> dict[str, Any]:
    return {
        "schemas": [f"{SCHEMA}ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "A person of the tenant.",
        "schema": rules.USER,
        "meta": _meta("ResourceType", "/ResourceTypes/User"),
    }


def _user_schema() -> dict[str, Any]:
    """RFC 7643, 7: what is kept of a person."""
    value = _attribute("value", "The value.")
    primary = _attribute("primary", "Always true: there is one.", type="boolean", mutability="readOnly")
    return {
        "schemas": [f"{SCHEMA}Schema"],
        "id": rules.USER,
        "name": "User",
        "description": "A person of the tenant.",
        "attributes": [
            _attribute("userName", "The e-mail address to sign in with.", required=True, uniqueness="server"),
            _attribute("name", "The name.", type="complex", subAttributes=[_attribute("formatted", "The whole name.")]),
            _attribute("displayName", "The whole name."),
            _attribute("active", "Whether the person may sign in.", type="boolean"),
            _attribute("userType", "As `roles`.", mutability="writeOnly", returned="never"),
            _attribute(
                "emails",
                "As `userName`.",
                type="complex",
                multiValued=True,
                mutability="readOnly",
                subAttributes=[value, primary],
            ),
            _attribute(
                "roles",
                "The role, or a value that the role mapping of single sign-on names.",
                type="complex",
                multiValued=True,
                subAttributes=[value, primary],
            ),
        ],
        "meta": _meta("Schema", f"/Schemas/{rules.USER}"),
    }


def _attribute(name: str, description: str, **more: Any) -> dict[str, Any]:
    usual = {
        "type": "string",
        "multiValued": False,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    }
    return {"name": name, "description": description, **usual, **more}


def _meta(resource_type: str, path: str) -> dict[str, str]:
    location = f"{settings_of(current_app).public_url}{PREFIX}{path}"
    return {"resourceType": resource_type, "location": location}


def _one(resource: dict[str, Any], name: str) -> dict[str, Any]:
    if resource["id"] != name:
        raise NotFound("There is no such resource.")
    return resource


def _list(resource: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [LIST], "totalResults": 1, "startIndex": 1, "itemsPerPage": 1, "Resources": [resource]}


def _answer(document: dict[str, Any]) -> Response:
    response = jsonify(document)
    response.content_type = MEDIA_TYPE
    return response
