"""Every endpoint against every kind of caller (D5, S0-4, S0-5), from a table that no endpoint can be missing in."""

import re
from uuid import uuid4

import pytest

from chassis.core.principal import Principal
from contracts.roles import Role
from tests.identity.conftest import is_problem
from tests.plugin import endpoints, principal

PLATFORM = (Role.PLATFORM_ADMIN,)
ADMINS = (Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN, Role.MERCHANT_ADMIN, Role.PLATFORM_ADMIN)
VIEWERS = (Role.RETAILER_VIEWER, Role.MERCHANT_VIEWER)
TENANT = "/api/v1/admin/tenants/<uuid:tenant_id>"
AFFILIATE = "/api/v1/tenant/affiliates/<uuid:affiliate_id>"
PUBLIC = ()
COLLEAGUE = {"email": "bo@nordic-heating.example", "name": "Bo", "role": "SupplierViewer"}
EVERYBODY = ("everybody signed in",)
INTERNAL = (Role.SYSTEM,)
COMPANY_ADMINS = (Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN, Role.MERCHANT_ADMIN)
DIRECTORY = ("the tenant's directory",)  # by its own token; tests/identity/scim tries each of these

TABLE = {
    ("POST", "/oauth/token"): PUBLIC,
    ("POST", "/oauth/revoke"): PUBLIC,
    ("POST", "/session"): PUBLIC,
    ("POST", "/session/renew"): PUBLIC,
    ("DELETE", "/session"): PUBLIC,
    ("GET", "/api/v1/me/sessions"): EVERYBODY,
    ("DELETE", "/api/v1/me/sessions/<uuid:session_id>"): EVERYBODY,
    ("POST", "/api/v1/me/step-up"): EVERYBODY,
    ("GET", "/api/v1/tenant/sign-ins"): (Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN, Role.MERCHANT_ADMIN),
    ("GET", "/api/v1/admin/sign-ins"): PLATFORM,
    ("GET", "/.well-known/jwks.json"): PUBLIC,
    ("GET", "/api/v1/me"): EVERYBODY,
    ("PATCH", "/api/v1/me"): EVERYBODY,
    ("POST", "/api/v1/me/password"): EVERYBODY,
    ("GET", "/api/v1/me/settings"): EVERYBODY,
    ("PUT", "/api/v1/me/settings"): EVERYBODY,
    ("POST", "/session/recover"): PUBLIC,
    ("POST", "/session/reset"): PUBLIC,
    ("GET", "/account/password"): PUBLIC,
    ("POST", "/account/password"): PUBLIC,
    ("GET", "/account/invitation"): PUBLIC,
    ("POST", "/account/invitation"): PUBLIC,
    ("GET", "/account/recover"): PUBLIC,
    ("POST", "/account/recover"): PUBLIC,
    ("GET", "/internal/links/<uuid:link_id>"): INTERNAL,
    ("GET", "/api/v1/me/totp"): EVERYBODY,
    ("POST", "/api/v1/me/totp"): EVERYBODY,
    ("DELETE", "/api/v1/me/totp"): EVERYBODY,
    ("POST", "/api/v1/me/totp/confirm"): EVERYBODY,
    ("POST", "/api/v1/me/recovery-codes"): EVERYBODY,
    ("POST", "/api/v1/me/passkeys/options"): EVERYBODY,
    ("POST", "/api/v1/me/passkeys"): EVERYBODY,
    ("GET", "/api/v1/me/passkeys"): EVERYBODY,
    ("DELETE", "/api/v1/me/passkeys/<uuid:passkey_id>"): EVERYBODY,
    ("POST", "/api/v1/me/step-up/passkey/options"): EVERYBODY,
    ("POST", "/api/v1/me/step-up/passkey"): EVERYBODY,
    ("POST", "/session/passkey/options"): PUBLIC,
    ("POST", "/session/passkey"): PUBLIC,
    ("GET", "/api/v1/me/export"): EVERYBODY,
    ("POST", "/api/v1/me/export"): EVERYBODY,
    ("GET", "/api/v1/me/export/<uuid:export_id>/archive"): EVERYBODY,
    ("GET", "/api/v1/tenant/users/<uuid:user_id>/export"): ADMINS,
    ("POST", "/api/v1/tenant/users/<uuid:user_id>/export"): ADMINS,
    ("GET", "/api/v1/tenant/users/<uuid:user_id>/export/<uuid:export_id>/archive"): ADMINS,
    ("GET", f"{AFFILIATE}/export"): (Role.MERCHANT_ADMIN,),
    ("POST", f"{AFFILIATE}/export"): (Role.MERCHANT_ADMIN,),
    ("GET", f"{AFFILIATE}/export/<uuid:export_id>/archive"): (Role.MERCHANT_ADMIN,),
    ("POST", f"{AFFILIATE}/erase"): (Role.MERCHANT_ADMIN,),
    ("GET", "/api/v1/tenant/export"): ADMINS,
    ("POST", "/api/v1/tenant/export"): ADMINS,
    ("GET", "/api/v1/tenant/export/<uuid:export_id>/archive"): ADMINS,
    ("GET", f"{TENANT}/export"): PLATFORM,
    ("POST", f"{TENANT}/export"): PLATFORM,
    ("GET", f"{TENANT}/export/<uuid:export_id>/archive"): PLATFORM,
    ("POST", "/api/v1/admin/tenants"): PLATFORM,
    ("GET", "/api/v1/admin/tenants"): PLATFORM,
    ("GET", TENANT): PLATFORM,
    ("PATCH", TENANT): PLATFORM,
    ("PUT", f"{TENANT}/features"): PLATFORM,
    ("POST", f"{TENANT}/users"): PLATFORM,
    ("GET", f"{TENANT}/users"): PLATFORM,
    ("DELETE", f"{TENANT}/users/<uuid:user_id>"): PLATFORM,
    ("POST", f"{TENANT}/api-keys"): PLATFORM,
    ("GET", f"{TENANT}/api-keys"): PLATFORM,
    ("DELETE", f"{TENANT}/api-keys/<uuid:key_id>"): PLATFORM,
    ("DELETE", TENANT): PLATFORM,
    ("POST", f"{TENANT}/users/<uuid:user_id>/recover"): PLATFORM,
    ("GET", "/api/v1/tenant"): (*ADMINS, *VIEWERS),
    ("PATCH", "/api/v1/tenant"): ADMINS,
    ("GET", "/api/v1/tenant/users"): (*ADMINS, *VIEWERS),
    ("POST", "/api/v1/tenant/users"): ADMINS,
    ("PATCH", "/api/v1/tenant/users/<uuid:user_id>"): ADMINS,
    ("DELETE", "/api/v1/tenant/users/<uuid:user_id>"): ADMINS,
    ("POST", "/api/v1/tenant/users/<uuid:user_id>/resend-invitation"): ADMINS,
    ("POST", "/api/v1/tenant/users/<uuid:user_id>/erase"): ADMINS,
    ("GET", "/api/v1/tenant/api-keys"): ADMINS,
    ("POST", "/api/v1/tenant/api-keys"): ADMINS,
    ("DELETE", "/api/v1/tenant/api-keys/<uuid:key_id>"): ADMINS,
    ("POST", "/session/accept-invitation"): PUBLIC,
    ("GET", "/api/v1/admin/audit"): (
        Role.PLATFORM_ADMIN,
        Role.SUPPLIER_ADMIN,
        Role.RETAILER_ADMIN,
        Role.MERCHANT_ADMIN,
    ),
    ("GET", "/session/sso/<tenant_slug>"): PUBLIC,
    ("POST", "/session/sso/<tenant_slug>"): PUBLIC,
    ("GET", "/session/sso/callback"): PUBLIC,
    ("GET", "/api/v1/tenant/sso"): COMPANY_ADMINS,
    ("PUT", "/api/v1/tenant/sso"): COMPANY_ADMINS,
    ("DELETE", "/api/v1/tenant/sso"): COMPANY_ADMINS,
    ("DELETE", f"{TENANT}/sso/enforcement"): PLATFORM,
    ("GET", "/api/v1/tenant/scim-token"): COMPANY_ADMINS,
    ("POST", "/api/v1/tenant/scim-token"): COMPANY_ADMINS,
    ("DELETE", "/api/v1/tenant/scim-token"): COMPANY_ADMINS,
    ("GET", "/scim/v2/Users"): DIRECTORY,
    ("POST", "/scim/v2/Users"): DIRECTORY,
    ("GET", "/scim/v2/Users/<uuid:user_id>"): DIRECTORY,
    ("PUT", "/scim/v2/Users/<uuid:user_id>"): DIRECTORY,
    ("PATCH", "/scim/v2/Users/<uuid:user_id>"): DIRECTORY,
    ("DELETE", "/scim/v2/Users/<uuid:user_id>"): DIRECTORY,
    ("GET", "/scim/v2/ServiceProviderConfig"): PUBLIC,
    ("GET", "/scim/v2/ResourceTypes"): PUBLIC,
    ("GET", "/scim/v2/ResourceTypes/<name>"): PUBLIC,
    ("GET", "/scim/v2/Schemas"): PUBLIC,
    ("GET", "/scim/v2/Schemas/<name>"): PUBLIC,
    ("GET", "/internal/access"): INTERNAL,
    ("GET", "/internal/api-keys/<api_key>"): INTERNAL,
    ("POST", "/internal/api-keys/used"): INTERNAL,
    ("GET", "/internal/tenants/<uuid:tenant_id>"): INTERNAL,
}
SENDERS = {
    "/internal/access": {"gateway"},
    "/internal/api-keys/<api_key>": {"gateway"},
    "/internal/api-keys/used": {"gateway"},
    "/internal/links/<uuid:link_id>": {"notifier"},
    "/internal/tenants/<uuid:tenant_id>": {"prm", "campaigns", "notifier", "messaging", "promotions", "affiliates"},
}
GUARDED = [key for key, roles in TABLE.items() if roles not in (PUBLIC, DIRECTORY)]
EXTERNAL = [key for key in GUARDED if TABLE[key] not in (INTERNAL, EVERYBODY)]


def call(client, method, rule, tenant, other=None):
    path = rule.replace("<uuid:tenant_id>", str(tenant))
    path = re.sub("<uuid:[a-z_]+>", lambda _: str(other or uuid4()), path)
    return client.open(path, method=method, json={} if method in ("POST", "PUT", "PATCH") else None)


def test_the_table_is_the_service(identity):
    assert {key: set(roles) for key, roles in endpoints(identity.running.app).items()} == {
        key: set(roles) for key, roles in TABLE.items()
    }


def test_not_signed_in_is_401(identity, tenant):
    """S0-5."""
    for method, rule in GUARDED:
        is_problem(call(identity.nobody, method, rule, tenant), 401, "unauthorized")


def test_public_endpoints_need_no_credential(identity):
    assert identity.nobody.get("/.well-known/jwks.json").status_code == 200
    assert identity.nobody.post("/oauth/token").status_code == 400
    assert identity.nobody.post("/oauth/revoke").status_code == 400
    assert identity.nobody.post("/session/accept-invitation", json={}).status_code == 422


def test_roles_that_are_not_allowed_are_403_and_change_nothing(identity, tenant):
    """D5, S0-4: a tenant's own people do not switch its flags, nor create users or keys."""
    before = identity.rows()
    for method, rule in EXTERNAL:
        for role in set(Role) - set(TABLE[method, rule]):
            client = identity.running.client(principal(role, tenant_id=tenant))
            is_problem(call(client, method, rule, tenant), 403, "forbidden")
            is_problem(call(client, method, rule, uuid4()), 403, "forbidden")
    assert identity.rows() == before


@pytest.mark.parametrize(("method", "rule"), [key for key in GUARDED if TABLE[key] == INTERNAL])
def test_internal_endpoints_answer_their_senders_only(identity, tenant, anna, method, rule):
    every = {"gateway", "identity", "prm", "campaigns", "messaging", "promotions", "affiliates", "notifier"}
    made = rule.replace("<api_key>", identity.api_key(tenant)["apiKey"])
    made = made.replace("<uuid:link_id>", str(identity.link(anna).id))
    for sender in every:
        client = identity.running.client(Principal.system(sender), sender=sender)
        answer = call(client, method, made, tenant)
        assert answer.status_code == (200 if sender in SENDERS[rule] else 403), sender
    person = identity.running.client(identity.operator, sender="gateway")
    is_problem(call(person, method, rule, tenant), 403, "forbidden")


def test_no_feature_gates_identity(identity, tenant):
    """Flags gate the features of others; who has none must still be able to ask who he is."""
    client = identity.running.client(principal(Role.SUPPLIER_ADMIN, tenant_id=tenant, features=frozenset()))
    assert client.get("/api/v1/me").status_code == 200


def test_things_of_another_tenant_are_404(identity, tenant, anna):
    key = identity.api_key(tenant)["id"]
    other = identity.tenant("Other")
    for rule, thing in ((f"{TENANT}/users/<uuid:user_id>", anna), (f"{TENANT}/api-keys/<uuid:key_id>", key)):
        foreign = call(identity.admin, "DELETE", rule, other, thing)
        absent = call(identity.admin, "DELETE", rule, other)
        is_problem(foreign, 404, "not_found")
        assert foreign.json | {"requestId": 0} == absent.json | {"requestId": 0}
    for collection in ("users", "api-keys"):
        page = identity.admin.get(f"/api/v1/admin/tenants/{other}/{collection}").json
        assert (page["items"], page["totalItems"]) == ([], 0)


def test_a_tenants_admin_reads_only_the_own_trail(identity, tenant, anna):
    """D8, S0-9."""
    other = identity.tenant("Other", "Retailer")
    mine = identity.running.client(principal(Role.SUPPLIER_ADMIN, tenant_id=tenant)).get("/api/v1/admin/audit").json
    assert {entry["tenantId"] for entry in mine["items"]} == {tenant}
    assert mine["totalItems"] == 2
    theirs = identity.running.client(principal(Role.RETAILER_ADMIN, tenant_id=other))
    page = theirs.get(f"/api/v1/admin/audit?targetId={anna}").json
    assert (page["items"], page["totalItems"]) == ([], 0)
    assert len(identity.trail()) == 3
    is_problem(theirs.get("/api/v1/admin/audit?targetId=anna"), 422, "validation_failed")


def test_me_of_another_tenants_claim_shows_nothing_of_it(identity, tenant, anna):
    """An identity with Anna's id but another tenant finds neither her name nor her address."""
    other = identity.tenant("Other")
    me = identity.running.client(principal(Role.SUPPLIER_ADMIN, tenant_id=other, user_id=anna, name="X"))
    assert me.get("/api/v1/me").json["email"] is None


FORMATS = {"/account/": "text/html", "/session/sso/": "text/html", "/scim/v2/": "application/scim+json"}


def test_every_refusal_is_described_in_the_format_that_is_sent(identity):
    """Never in flask-smorest's own."""
    paths = identity.nobody.get("/openapi.json").json["paths"]
    for prefix, format in FORMATS.items():
        operations = [
            (f"{method} {path}", operation["responses"])
            for path, item in paths.items()
            if path.startswith(prefix)
            for method, operation in item.items()
            if method != "parameters"
        ]
        assert operations, prefix
        for name, responses in operations:
            sent = {status: answer.get("content", {}) for status, answer in responses.items() if status != "414"}
            assert not [status for status, content in sent.items() if any(format not in kind for kind in content)], name
            assert not [status for status, content in sent.items() if int(status) >= 400 and not content], name
    assert "422" in paths["/account/invitation"]["get"]["responses"]
    assert "422" not in paths["/scim/v2/Users"]["get"]["responses"]
