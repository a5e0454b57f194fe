"""People whom a directory adds, and whose they are (RFC 7644, 3.3)."""

from uuid import UUID, uuid4

import pytest

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.identity.identity_providers.models import IdentityProvider
from tests.identity.conftest import ADMIN, is_oauth_error, is_problem
from tests.identity.scim.conftest import LARS, USER, USERS, admin_of, directory_of, is_scim_error, stored


def test_a_person_is_added(identity, tenant, directory):
    answer = directory.call("POST", body=LARS)
    assert answer.status_code == 201
    assert answer.content_type == "application/scim+json"
    person = answer.json
    assert person == {
        "schemas": [USER],
        "id": person["id"],
        "externalId": "00u1",
        "userName": "lars@nordic-heating.example",
        "name": {"formatted": "Lars Berg"},
        "displayName": "Lars Berg",
        "active": True,
        "emails": [{"value": "lars@nordic-heating.example", "primary": True, "type": "work"}],
        "roles": [{"value": "SupplierViewer", "primary": True}],
        "meta": {
            "resourceType": "User",
            "created": person["meta"]["created"],
            "location": f"http://localhost:8080/scim/v2/Users/{person['id']}",
        },
    }
    assert answer.headers["Location"] == person["meta"]["location"]
    assert directory.call("GET", f"/{person['id']}").json == person
    event = identity.running.events("identity.UserAdded.v1")[-1]
    assert event["data"]["email"] == "lars@nordic-heating.example"
    entry = identity.trail(person["id"])[-1]
    assert (entry["action"], entry["actorName"]) == ("user.added", "Directory (SCIM)")
    assert stored(identity, person["id"]).password_hash is None
    is_oauth_error(identity.sign_in("lars@nordic-heating.example", ""), 400, "invalid_request")
    is_oauth_error(identity.sign_in("lars@nordic-heating.example", "None"), 400, "invalid_grant")


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        ({}, "SupplierViewer"),
        ({"roles": []}, "SupplierViewer"),
        ({"roles": [{"value": "unknown"}]}, "SupplierViewer"),
        ({"roles": [{"value": "PlatformAdmin"}]}, "SupplierViewer"),
        ({"roles": [{"value": "RetailerAdmin"}]}, "SupplierViewer"),
        ({"roles": [{"value": "SupplierAdmin", "primary": "True"}]}, "SupplierAdmin"),
        ({"roles": ["SupplierAdmin"]}, "SupplierAdmin"),
        ({"userType": "SupplierAdmin"}, "SupplierAdmin"),
        ({"USERTYPE": "SupplierAdmin"}, "SupplierAdmin"),
        ({"userType": "unknown", "roles": [{"value": "SupplierAdmin"}]}, "SupplierAdmin"),
        ({"roles": {"value": ["SupplierAdmin"]}}, "SupplierViewer"),
    ],
)
def test_the_role_is_the_one_that_is_named_or_the_least(directory, roles, role):
    assert directory.add(**roles)["roles"][0]["value"] == role


@pytest.mark.parametrize(("kind", "role"), [("Retailer", "RetailerViewer"), ("Merchant", "MerchantViewer")])
def test_every_kind_of_tenant_has_a_least_role(identity, kind, role):
    tenant = identity.tenant("Other", kind)
    identity.user(tenant, "eve@other.example", f"{kind}Admin")
    assert directory_of(identity, "eve@other.example").add()["roles"][0]["value"] == role


def test_the_mapping_of_single_sign_on_counts_for_directories_too(identity, tenant, directory):
    provider = IdentityProvider(
        tenant_id=UUID(tenant),
        issuer="https://login.example",
        client_id="concord",
        client_secret="-",
        role_claim="roles",
        role_mapping={"marketing": "SupplierAdmin"},
        enforced=False,
        updated_at=utcnow(),
    )
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.add(provider)
    assert directory.add(roles=[{"value": "marketing"}])["roles"][0]["value"] == "SupplierAdmin"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"displayName": "Lasse"}, "Lasse"),
        ({"name": {"formatted": "Lars B."}}, "Lars B."),
        ({"name": {"familyName": "Berg"}}, "Berg"),
        ({"name": None}, "lars"),
        ({"name": "Lars"}, "lars"),
        ({"displayName": " "}, "Lars Berg"),
        ({"displayName": "a\u202eb\r\n" + "x" * 300}, "a b " + "x" * 195 + "…"),
        ({"displayName": "ليلى 🧑‍🎨"}, "ليلى 🧑‍🎨"),
    ],
)
def test_names(directory, body, name):
    assert directory.add(**body)["displayName"] == name


def test_what_we_do_not_keep_is_ignored(directory):
    """As Okta and Entra ID send it."""
    more = {
        "locale": "en-US",
        "groups": [],
        "password": "not-for-us-1234",
        "emails": [{"primary": True, "value": "other@nordic-heating.example", "type": "work"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "x"},
        "meta": {"resourceType": "User"},
        "id": str(uuid4()),
    }
    person = directory.add(**more)
    assert person["userName"] == "lars@nordic-heating.example"
    assert person["id"] != more["id"]


def test_who_is_added_inactive_cannot_sign_in(identity, directory):
    person = directory.add(active=False)
    assert person["active"] is False
    assert stored(identity, person["id"]).suspended_at is not None


def test_an_address_is_taken_once_on_the_whole_platform(identity, directory):
    directory.add()
    is_scim_error(directory.call("POST", body=LARS | {"userName": "LARS@nordic-heating.example"}), 409, "uniqueness")
    other = identity.tenant("Other")
    identity.user(other, "eve@other.example")
    before = identity.rows()
    is_scim_error(directory.call("POST", body=LARS | {"userName": "eve@other.example"}), 409, "uniqueness")
    assert identity.rows() == before | {"audit": before["audit"] + 1}, "the refusal counts (ADR 30)"


def test_a_directory_is_told_so_often_a_day_that_an_address_is_taken(identity, directory, monkeypatch):
    """ADR 30: by adding or changing people. The same address counts once; invitations do not count here."""
    monkeypatch.setenv("CONCORD_INVITATIONS_PER_DAY", "2")
    identity.running.runtime.settings.own.clear()
    other = identity.tenant("Other")
    for name in ("eve", "ulf", "pia"):
        identity.user(other, f"{name}@other.example")
    lars = directory.add()
    for name in ("bo", "bea"):
        invitation = {"email": f"{name}@nordic-heating.example", "name": name, "role": "SupplierViewer"}
        assert admin_of(identity).post("/api/v1/tenant/users", json=invitation).status_code == 201

    def add(address):
        return directory.call("POST", body=LARS | {"userName": address, "externalId": address})

    def rename(address):
        return directory.patch(lars, {"op": "replace", "path": "userName", "value": address})

    for answer in (add("eve@other.example"), add("EVE@other.example"), rename("ulf@other.example")):
        is_scim_error(answer, 409, "uniqueness")
    before = identity.rows()
    for answer in (add("pia@other.example"), rename("pia@other.example"), add("free@nordic-heating.example")):
        is_scim_error(answer, 429)
        assert int(answer.headers["Retry-After"]) > 23 * 3600
    assert identity.rows() == before
    assert rename("LARS@nordic-heating.example").status_code == 200, "the same mailbox"
    assert directory.patch(lars, {"op": "replace", "path": "active", "value": False}).status_code == 200
    identity.running.runtime.settings.own.clear()


BAD = {
    "no name": ({"userName": None}, "invalidValue"),
    "no address": ({"userName": "lars"}, "invalidValue"),
    "a number": ({"userName": 7}, "invalidValue"),
    "a word for yes": ({"active": "yes"}, "invalidValue"),
    "a long external id": ({"externalId": "x" * 256}, "invalidValue"),
    "an external id that is no text": ({"externalId": 7}, "invalidValue"),
}


@pytest.mark.parametrize(("change", "scim_type"), BAD.values(), ids=BAD)
def test_bad_people_are_refused_and_nothing_is_written(identity, directory, change, scim_type):
    directory.call("GET")
    before = identity.rows()
    is_scim_error(directory.call("POST", body=LARS | change), 400, scim_type)
    assert identity.rows() == before


@pytest.mark.parametrize(("body", "scim_type"), [([], "invalidValue"), ("x", "invalidValue"), ({}, "invalidValue")])
def test_what_is_no_person(directory, body, scim_type):
    is_scim_error(directory.call("POST", body=body), 400, scim_type)


def test_what_is_no_json(identity, directory):
    headers = {"Authorization": f"Bearer {directory.token}", "Content-Type": "application/scim+json"}
    is_scim_error(identity.nobody.post(USERS, data=b"{", headers=headers), 400, "invalidSyntax")
    headers["Content-Type"] = "text/plain"
    is_scim_error(identity.nobody.post(USERS, data=b"{}", headers=headers), 415)
    is_scim_error(directory.call("GET", "/x"), 404)
    is_scim_error(identity.nobody.get("/scim/v2/Groups"), 404)


# Other tenants


def test_a_directory_sees_and_changes_its_own_tenants_people_only(identity, directory, anna):
    other = identity.tenant("Other")
    eve = identity.user(other, "eve@other.example")
    assert directory.names(filter='userName eq "eve@other.example"') == []
    assert directory.names(filter=f'id eq "{eve}"') == []
    assert "eve@other.example" not in directory.names()
    before = identity.rows()
    for method, body in (
        ("GET", None),
        ("PUT", LARS),
        ("PATCH", {"Operations": [{"op": "replace", "path": "active", "value": False}]}),
        ("DELETE", None),
    ):
        foreign = directory.call(method, f"/{eve}", body)
        absent = directory.call(method, f"/{uuid4()}", body)
        is_scim_error(foreign, 404)
        assert foreign.json == absent.json
    assert identity.rows() == before
    assert identity.sign_in("eve@other.example").status_code == 200


def test_admins_make_tokens_for_their_own_tenant(identity, directory, anna):
    other = identity.tenant("Other")
    identity.user(other, "eve@other.example")
    theirs = directory_of(identity, "eve@other.example")
    assert theirs.names() == ["eve@other.example"]
    assert directory.names() == ["anna@nordic-heating.example"]
    assert [user["email"] for user in identity.admin.get(f"{ADMIN}/{other}/users").json["items"]] == theirs.names()


def test_an_expired_invitation_of_another_company_is_no_obstacle(identity, directory):
    """Whether the directory adds the person or gives one the address."""
    other = identity.tenant("Other")
    invited = [identity.invited(other, f"{name}@nordic-heating.example", "SupplierViewer") for name in ("lars", "bo")]
    person = directory.add()
    answer = directory.patch(person, {"op": "replace", "path": "userName", "value": "bo@nordic-heating.example"})
    assert (answer.status_code, answer.json["userName"]) == (200, "bo@nordic-heating.example")
    assert [identity.trail(user)[0]["action"] for user in invited] == ["user.invitation_expired"] * 2


def test_a_person_of_a_directory_keeps_the_address_though_they_have_never_come(identity, directory):
    """The company says who its people are, and they may come by its own sign-in at any moment (ADR 30)."""
    directory.add()
    other = identity.tenant("Other")
    body = {"email": LARS["userName"], "name": "Lars", "role": "SupplierViewer"}
    before = identity.rows()
    is_problem(identity.admin.post(f"{ADMIN}/{other}/users", json=body), 409, "email_taken")
    assert identity.rows() == before


def test_a_repeated_request_with_a_key_adds_a_person_once(identity, directory, tenant):
    """D7: the key belongs to the tenant, also after its token was replaced."""

    def add(directory, **change):
        headers = {"Authorization": f"Bearer {directory.token}", "Idempotency-Key": "k"}
        return identity.nobody.post(USERS, json=LARS | change, headers=headers)

    first, again = add(directory), add(directory)
    successor = directory_of(identity)
    renewed = add(successor)
    assert (first.status_code, again.data, renewed.data) == (201, first.data, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.content_type == first.content_type == "application/scim+json"
    assert again.headers["Idempotent-Replayed"] == "true"
    other = add(successor, userName="eva@nordic-heating.example")
    assert (other.status_code, "Idempotency-Key" in other.json["detail"]) == (422, True)


def test_a_key_of_another_tenants_directory_means_nothing(identity, directory, tenant):
    other = identity.tenant("Southern Lights")
    identity.user(other, "otto@southern-lights.example")
    theirs = directory_of(identity, "otto@southern-lights.example")
    for caller, email in ((directory, LARS["userName"]), (theirs, "lena@southern-lights.example")):
        headers = {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": "k"}
        assert identity.nobody.post(USERS, json=LARS | {"userName": email}, headers=headers).status_code == 201
