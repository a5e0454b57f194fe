"""A tenant's directory as it calls us."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from chassis.core.principal import Principal, acting_as
from services.identity.users.models import User

TOKEN = "/api/v1/tenant/scim-token"
USERS = "/scim/v2/Users"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LARS = {
    "schemas": [USER],
    "userName": "lars@nordic-heating.example",
    "externalId": "00u1",
    "name": {"givenName": "Lars", "familyName": "Berg"},
    "active": True,
}


@dataclass
class Directory:
    """A directory as it calls us, with its bearer token."""

    identity: Any
    token: str

    def call(self, method: str, path: str = "", body: Any = None, **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        options = {"query_string": query} if query else {}
        return self.identity.nobody.open(USERS + path, method=method, json=body, headers=headers, **options)

    def add(self, **change: Any) -> Any:
        answer = self.call("POST", body=LARS | change)
        assert answer.status_code == 201, answer.json
        return answer.json

    def patch(self, person: Any, *operations: Any) -> Any:
        return self.call("PATCH", f"/{person['id']}", {"schemas": [PATCH], "Operations": list(operations)})

    def names(self, **query: Any) -> list[str]:
        answer = self.call("GET", **query)
        assert answer.status_code == 200, answer.json
        assert answer.content_type == "application/scim+json"
        return [user["userName"] for user in answer.json["Resources"]]


def admin_of(identity, username="anna@nordic-heating.example"):
    return identity.as_bearer(identity.sign_in(username).json["access_token"])


def directory_of(identity, username="anna@nordic-heating.example"):
    answer = admin_of(identity, username).post(TOKEN)
    assert answer.status_code == 201, answer.json
    return Directory(identity, answer.json["token"])


@pytest.fixture
def directory(identity, anna):
    return directory_of(identity)


def is_scim_error(answer, status, scim_type=None):
    """RFC 7644, 3.12."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/scim+json"
    assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.json["status"] == str(status)
    assert answer.json.get("scimType") == scim_type
    assert answer.json["detail"]
    return answer.json


def stored(identity, user):
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        return session.scalars(select(User).where(User.id == UUID(user))).one()


def types(identity):
    return [event["type"] for event in identity.running.events()]
