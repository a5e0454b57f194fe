"""People whom a directory changes, suspends and removes (RFC 7644, 3.5, 3.6)."""

import pytest

from tests.identity.conftest import is_oauth_error, is_problem
from tests.identity.scim.conftest import USER, is_scim_error, stored, types
from tests.identity.test_recovery import answer_all, ask

INES = "ines@nordic-heating.example"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ENTRA = {
    "suspended by text": ([{"op": "Replace", "path": "active", "value": "False"}], {"active": False}),
    "a part of the name": (
        [{"op": "Replace", "path": "name.familyName", "value": "Nilsen"}],
        {"displayName": "Lars Nilsen"},
    ),
    "dotted names without a path": (
        [{"op": "Add", "value": {"name.givenName": "Lasse", "externalId": "e-2"}}],
        {"displayName": "Lasse Berg", "externalId": "e-2"},
    ),
    "a role by a filter": (
        [{"op": "Add", "path": 'roles[primary eq "True"].value', "value": "SupplierAdmin"}],
        {"roles": [{"value": "SupplierAdmin", "primary": True}]},
    ),
    "what we do not keep": (
        [
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "x@y.example"},
            {
                "op": "Add",
                "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                "value": "x",
            },
            {"op": "Replace", "path": "title", "value": "Chief"},
        ],
        {},
    ),
    "a full name of an attribute": (
        [{"op": "replace", "path": f"{USER}:displayName", "value": "Lasse"}],
        {"displayName": "Lasse"},
    ),
}
OKTA = {
    "suspended": ([{"op": "replace", "value": {"active": False}}], {"active": False}),
    "several": (
        [{"op": "replace", "value": {"displayName": "Lasse", "userType": "SupplierAdmin"}}],
        {"displayName": "Lasse", "roles": [{"value": "SupplierAdmin", "primary": True}]},
    ),
    "names in any case": ([{"OP": "REPLACE", "Path": "DisplayName", "VALUE": "Lasse"}], {"displayName": "Lasse"}),
    "another address": (
        [{"op": "replace", "path": "userName", "value": "Lars.Berg@Nordic-Heating.example"}],
        {
            "userName": "Lars.Berg@nordic-heating.example",
            "emails": [{"value": "Lars.Berg@nordic-heating.example", "primary": True, "type": "work"}],
        },
    ),
    "the whole name": (
        [{"op": "replace", "path": "name", "value": {"givenName": "Eva", "familyName": "Ås"}}],
        {"displayName": "Eva Ås"},
    ),
    "taken away": ([{"op": "remove", "path": "externalId"}, {"op": "remove", "path": "roles"}], {"externalId": None}),
    "the last one counts": (
        [{"op": "replace", "path": "active", "value": False}, {"op": "replace", "path": "active", "value": True}],
        {},
    ),
}


@pytest.mark.parametrize(("operations", "change"), [*ENTRA.values(), *OKTA.values()], ids=[*ENTRA, *OKTA])
def test_a_patch(directory, operations, change):
    person = directory.add()
    answer = directory.patch(person, *operations)
    assert answer.status_code == 200, answer.json
    expected = person | change
    if "displayName" in change:
        expected["name"] = {"formatted": change["displayName"]}
    assert answer.json == {name: value for name, value in expected.items() if value is not None}
    assert directory.call("GET", f"/{person['id']}").json == answer.json


def test_a_suspended_person_cannot_stay_signed_in(identity, tenant, directory):
    user = identity.user(tenant, "berit@nordic-heating.example", "SupplierViewer")
    token = identity.sign_in("berit@nordic-heating.example").json["refresh_token"]
    directory.patch({"id": user}, {"op": "Replace", "path": "active", "value": "False"})
    is_oauth_error(identity.refresh(token), 400, "invalid_grant")
    is_oauth_error(identity.sign_in("berit@nordic-heating.example"), 400, "invalid_grant")
    assert user in {entry["id"] for entry in identity.feed()["revoked"]}
    (event,) = identity.running.events("identity.UserChanged.v1")
    assert event["data"]["suspended"] is True
    directory.patch({"id": user}, {"op": "Replace", "path": "active", "value": "True"})
    assert identity.sign_in("berit@nordic-heating.example").status_code == 200


def test_changes_are_published_and_audited_once(identity, directory):
    person = directory.add()
    patch = {"op": "replace", "value": {"displayName": "Lasse", "externalId": "e-2"}}
    for _ in range(2):
        assert directory.patch(person, patch).status_code == 200
    assert types(identity).count("identity.UserChanged.v1") == 1
    entries = identity.trail(person["id"])
    assert [entry["action"] for entry in entries] == ["user.changed", "user.added"]
    assert entries[0]["changes"] == {"name": ["Lars Berg", "Lasse"], "externalId": ["00u1", "e-2"]}


def test_put_replaces_what_it_has(directory):
    person = directory.add(userType="SupplierAdmin")
    body = {"schemas": [USER], "id": person["id"], "userName": person["userName"], "name": {"formatted": "Lasse"}}
    changed = directory.call("PUT", f"/{person['id']}", body)
    assert changed.status_code == 200
    assert changed.json == person | {"displayName": "Lasse", "name": {"formatted": "Lasse"}}
    assert directory.call("PUT", f"/{person['id']}", body | {"active": False}).json["active"] is False


BAD_PATCHES = {
    "no operations": ({}, "invalidSyntax"),
    "none": ({"Operations": []}, "invalidSyntax"),
    "too many": ({"Operations": [{"op": "replace", "path": "title", "value": "x"}] * 101}, "invalidSyntax"),
    "text": ({"Operations": ["replace"]}, "invalidSyntax"),
    "an unknown op": ({"Operations": [{"op": "move", "path": "active"}]}, "invalidSyntax"),
    "no op": ({"Operations": [{"path": "active", "value": True}]}, "invalidSyntax"),
    "nothing to remove": ({"Operations": [{"op": "remove"}]}, "noTarget"),
    "no path and no object": ({"Operations": [{"op": "replace", "value": "x"}]}, "invalidValue"),
    "a broken path": ({"Operations": [{"op": "replace", "path": "emails[", "value": "x"}]}, "invalidPath"),
    "a path that is no text": ({"Operations": [{"op": "replace", "path": 7, "value": "x"}]}, "invalidPath"),
    "no address": ({"Operations": [{"op": "remove", "path": "userName"}]}, "invalidValue"),
    "a word for no": ({"Operations": [{"op": "replace", "path": "active", "value": "no"}]}, "invalidValue"),
}


@pytest.mark.parametrize(("body", "scim_type"), BAD_PATCHES.values(), ids=BAD_PATCHES)
def test_bad_patches_change_nothing(identity, directory, body, scim_type):
    person = directory.add()
    before = identity.rows()
    is_scim_error(directory.call("PATCH", f"/{person['id']}", body), 400, scim_type)
    assert identity.rows() == before
    assert directory.call("GET", f"/{person['id']}").json == person


def test_an_address_that_is_taken_is_not_taken_over(identity, directory):
    person = directory.add()
    patch = {"op": "replace", "path": "userName", "value": "anna@nordic-heating.example"}
    is_scim_error(directory.patch(person, patch), 409, "uniqueness")
    assert directory.call("GET", f"/{person['id']}").json == person


def test_delete_removes(identity, tenant, directory):
    person = directory.add()
    assert directory.call("DELETE", f"/{person['id']}").status_code == 204
    is_scim_error(directory.call("GET", f"/{person['id']}"), 404)
    is_scim_error(directory.call("DELETE", f"/{person['id']}"), 404)
    assert types(identity)[-1] == "identity.UserRemoved.v1"
    assert directory.add()["id"] != person["id"]


def test_of_a_change_to_an_invited_person_nobody_hears(identity, tenant, directory):
    """``UserAdded`` says it all once they have come."""
    invited = identity.invited(tenant)
    before = types(identity)
    assert (
        directory.patch({"id": invited}, {"op": "replace", "path": "displayName", "value": "Ines"}).status_code == 200
    )
    assert stored(identity, invited).name == "Ines"
    assert types(identity) == before


def test_another_address_ends_sessions_and_what_was_mailed_to_the_former_one(identity, tenant, anna, directory):
    """Who reads the new mailbox may be somebody else, and so may who reads the old one from now on."""
    session, other = identity.sign_in().json, identity.user(tenant, "berit@nordic-heating.example")
    link, colleagues = identity.link(anna), identity.link(other)
    new = {"op": "replace", "path": "userName", "value": "new@nordic-heating.example"}
    assert directory.patch({"id": anna}, new).status_code == 200
    is_oauth_error(identity.refresh(session["refresh_token"]), 400, "invalid_grant")
    assert identity.claims(session["access_token"])["sid"] in {entry["id"] for entry in identity.feed()["revoked"]}
    (secured,) = identity.running.events("identity.AccountSecured.v2")
    assert (secured["data"]["what"], secured["data"]["detail"]) == ("email_changed", "anna@nordic-heating.example")
    assert secured["data"]["byProvider"] is False
    assert not secured.get("tenantids")
    assert reset(identity, link).status_code == 422
    assert reset(identity, colleagues).status_code == 204


def test_another_address_ends_an_invitation_to_the_former_one(identity, tenant, directory):
    invited = identity.invited(tenant)
    link = identity.link(invited, "invitation")
    new = {"op": "replace", "path": "userName", "value": "new@nordic-heating.example"}
    assert directory.patch({"id": invited}, new).status_code == 200
    body = {"token": link.token, "name": "Ines", "password": "a new and long password"}
    assert identity.nobody.post("/session/accept-invitation", json=body).status_code == 422
    assert identity.running.events("identity.AccountSecured.v2") == []


@pytest.mark.parametrize("change", [("userName", "ANNA@nordic-heating.example"), ("displayName", "Ann")])
def test_the_same_address_in_other_letters_and_another_name_end_nothing(identity, anna, directory, change):
    session, link = identity.sign_in().json, identity.link(anna)
    path, value = change
    assert directory.patch({"id": anna}, {"op": "replace", "path": path, "value": value}).status_code == 200
    assert identity.refresh(session["refresh_token"]).status_code == 200
    assert reset(identity, link).status_code == 204


def reset(identity, link):
    body = {"token": link.token, "password": "a new and long password"}
    return identity.nobody.post("/session/reset", json=body)


def test_who_is_only_invited_is_suspended_like_anybody_else(identity, tenant, directory):
    """The invitation is over, and the person is as one whom the directory has added: let in, they choose a password by
    "forgotten"."""
    invited = identity.invited(tenant)
    link = identity.link(invited, "invitation")
    person = {"id": invited}
    before = types(identity)
    changed = directory.patch(person, {"op": "replace", "path": "active", "value": False})
    assert (changed.status_code, changed.json["active"]) == (200, False)
    assert types(identity) == [*before, "identity.UserAdded.v1", "identity.UserChanged.v1"]
    is_problem(identity.accept(link.token), 422, "link_invalid")
    assert [entry["action"] for entry in identity.trail(invited)][:2] == ["user.changed", "user.joined"]
    assert directory.patch(person, {"op": "replace", "path": "active", "value": True}).json["active"] is True
    ask(identity, INES)
    (event,) = answer_all(identity)
    assert event["data"]["userId"] == invited


def test_an_invitation_stays_where_the_directory_suspends_nobody(identity, tenant, directory):
    invited = identity.invited(tenant)
    link = identity.link(invited, "invitation")
    assert directory.patch({"id": invited}, {"op": "replace", "path": "active", "value": True}).status_code == 200
    assert identity.accept(link.token).status_code == 201
