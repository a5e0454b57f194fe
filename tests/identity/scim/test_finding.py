"""Lists and filters, and what this service says of itself (RFC 7644, 3.4, 4)."""

import pytest

from tests.identity.scim.conftest import USER, is_scim_error


def test_filters(directory, anna):
    lars = directory.add()
    kari = directory.add(userName="kari@nordic-heating.example", externalId='a "quoted" and b', active=False)
    for filter, names in {
        'userName eq "lars@nordic-heating.example"': [lars],
        'USERNAME Eq "LARS@Nordic-Heating.example"': [lars],
        'userName eq "nobody@nordic-heating.example"': [],
        'externalId eq "00u1"': [lars],
        'externalId eq "a \\"quoted\\" and b"': [kari],
        f'id eq "{kari["id"]}"': [kari],
        'id eq "7"': [],
        "id eq 7": [],
        f'{USER}:userName eq "lars@nordic-heating.example"': [lars],
        'emails.value eq "lars@nordic-heating.example"': [lars],
        "active eq false": [kari],
        'active eq true AND userName eq "kari@nordic-heating.example"': [],
        'active eq "True" and externalId eq "00u1" and userName eq "lars@nordic-heating.example"': [lars],
    }.items():
        assert directory.names(filter=filter) == [person["userName"] for person in names], filter


@pytest.mark.parametrize(
    "filter",
    [
        "userName",
        "userName eq",
        'userName co "lars"',
        'title eq "x"',
        'userName eq "lars" or id eq "1"',
        'userName eq "lars" and',
        'and userName eq "lars"',
        'userName eq "lars',
        "userName eq lars",
        '(userName eq "lars")',
        "active eq 1",
        " ",
        "' OR 1=1 --",
        '"' * 400,
        "a.b " * 100,
    ],
)
def test_other_filters_are_declined(directory, filter):
    answer = directory.call("GET", filter=filter)
    is_scim_error(answer, 400, "invalidValue" if filter == "active eq 1" else "invalidFilter")


def test_pages(directory, anna):
    for number in range(4):
        directory.add(userName=f"p{number}@nordic-heating.example", externalId=str(number))
    page = directory.call("GET", startIndex=2, count=2).json
    assert page["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, 2, 2)
    assert [user["externalId"] for user in page["Resources"]] == ["0", "1"]
    assert len(directory.names(startIndex=-3)) == 5
    assert directory.names(startIndex=6) == []
    for count in (0, -1):
        page = directory.call("GET", count=count).json
        assert (page["totalResults"], page["itemsPerPage"], page["Resources"]) == (5, 0, [])
    assert len(directory.names(count=10_000, attributes="userName")) == 5
    is_scim_error(directory.call("GET", count="many"), 400, "invalidValue")


# What it can do


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/ServiceProviderConfig", "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"),
        ("/ResourceTypes", "urn:ietf:params:scim:api:messages:2.0:ListResponse"),
        ("/ResourceTypes/User", "urn:ietf:params:scim:schemas:core:2.0:ResourceType"),
        ("/Schemas", "urn:ietf:params:scim:api:messages:2.0:ListResponse"),
        (f"/Schemas/{USER}", "urn:ietf:params:scim:schemas:core:2.0:Schema"),
    ],
)
def test_what_it_can_do(identity, path, schema):
    answer = identity.nobody.get(f"/scim/v2{path}")
    assert (answer.status_code, answer.content_type) == (200, "application/scim+json")
    assert answer.json["schemas"] == [schema]


def test_what_it_cannot_do_is_said(identity):
    config = identity.nobody.get("/scim/v2/ServiceProviderConfig").json
    assert {name for name, part in config.items() if isinstance(part, dict) and part.get("supported")} == {
        "patch",
        "filter",
    }
    assert config["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    is_scim_error(identity.nobody.get("/scim/v2/ResourceTypes/Group"), 404)
    is_scim_error(identity.nobody.get("/scim/v2/Schemas/x"), 404)


def test_the_schema_names_what_a_person_has(identity, directory):
    schema = identity.nobody.get(f"/scim/v2/Schemas/{USER}").json
    names = {attribute["name"] for attribute in schema["attributes"]}
    assert set(directory.add()) - {"schemas", "id", "externalId", "meta"} <= names
