"""Which bearer tokens count, of which issuer."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace
from types import SimpleNamespace
from uuid import uuid4

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from urllib3 import HTTPHeaderDict

from chassis.core.principal import Principal
from chassis.http.identity import HEADER, Signer
from contracts.roles import Role
from gateway.headers import passed_on
from gateway.routes import KEY_ROUTES, ROUTES
from gateway.settings import Issuer
from tests.gateway.conftest import Caller, Platform, Served
from tests.gateway.fakes import FakeIdentity, FakeService, Planned, eventually, okp_jwk

PATH = "/api/v1/campaigns"
NOW = int(time.time())


def segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def unsigned(identity: FakeIdentity) -> str:
    return f"{segment({'alg': 'none', 'kid': 'k1'})}.{identity.token().split('.')[1]}."


def with_other_signature(identity: FakeIdentity) -> str:
    head, body, _ = identity.token().split(".")
    return f"{head}.{body}.{identity.token().split('.')[2]}"


def with_other_claims(identity: FakeIdentity) -> str:
    head, _, signature = identity.token().split(".")
    return f"{head}.{identity.token(role='PlatformAdmin').split('.')[1]}.{signature}"


def hmac_with_public_key(identity: FakeIdentity) -> str:
    public = identity.signing["k1"].public_key()
    secret = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    claims = jwt.decode(identity.token(), options={"verify_signature": False})
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": "k1"})


def hmac_with_pem(identity: FakeIdentity) -> str:
    """PyJWT refuses to sign so; an attacker does not."""
    pem = identity.signing["k1"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    message = f"{segment({'alg': 'HS256', 'kid': 'k1'})}.{identity.token().split('.')[1]}"
    signature = hmac.new(pem, message.encode(), hashlib.sha256).digest()
    return f"{message}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def with_own_key_in_header(identity: FakeIdentity) -> str:
    identity.signing["evil"] = key = Ed25519PrivateKey.generate()
    return identity.token(kid="evil", header={"jwk": okp_jwk("evil", key), "jku": "http://127.0.0.1:1/x"})


def with_header(identity: FakeIdentity, header: object) -> str:
    """Signed as it should be, under a header that PyJWT would not write."""
    signed = f"{segment(header)}.{identity.token().split('.')[1]}"
    signature = identity.signing["k1"].sign(signed.encode())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def deep(identity: FakeIdentity) -> str:
    header = base64.urlsafe_b64encode(b'{"kid": ' + b"[" * 5000).rstrip(b"=").decode()
    return f"{header}.{identity.token().split('.', 1)[1]}"


BAD_TOKENS = {
    "no algorithm": unsigned,
    "HS256 with the public key": hmac_with_public_key,
    "HS256 with the public PEM": hmac_with_pem,
    "another token's signature": with_other_signature,
    "changed claims": with_other_claims,
    "a key of its own in the header": with_own_key_in_header,
    "wrong kid": lambda identity: identity.token(header={"kid": "k9"}),
    "kid is long": lambda identity: identity.token(header={"kid": "a" * 300}),
    "kid has a NUL": lambda identity: identity.token(header={"kid": "k1\0"}),
    "kid is dots": lambda identity: identity.token(header={"kid": ".."}),
    "kid is full-width": lambda identity: identity.token(header={"kid": "ｋ1"}),
    "kid is a number": lambda identity: with_header(identity, {"alg": "EdDSA", "kid": 1}),
    "kid is a list": lambda identity: with_header(identity, {"alg": "EdDSA", "kid": ["k1"]}),
    "kid is null": lambda identity: with_header(identity, {"alg": "EdDSA", "kid": None}),
    "header is deep": deep,
    "kid is a path": lambda identity: identity.token(header={"kid": "../../etc/passwd"}),
    "no kid": lambda identity: identity.token(header={"kid": ""}),
    "wrong issuer": lambda identity: identity.token(iss="https://evil.example"),
    "issuer with a slash": lambda identity: identity.token(iss="concord/"),
    "wrong audience": lambda identity: identity.token(aud="campaigns"),
    "expired": lambda identity: identity.token(iat=NOW - 900, exp=NOW - 121),
    "not valid yet": lambda identity: identity.token(nbf=int(time.time()) + 150),
    "issued in the future": lambda identity: identity.token(iat=int(time.time()) + 150),
    "too old": lambda identity: identity.token(iat=NOW - 3722),
    "unknown role": lambda identity: identity.token(role="Root"),
    "one of our processes": lambda identity: identity.token(role="System"),
    "tenant is no id": lambda identity: identity.token(tenant="' or 1=1"),
    "subject is no id": lambda identity: identity.token(sub="anna"),
    "features are no list": lambda identity: identity.token(features=7),
    "three words": lambda _: "a.b.c",
    "two words": lambda _: "a.b",
    "nothing": lambda _: "",
    "spaces": lambda identity: identity.token().replace(".", " . "),
    "very long": lambda _: "a" * 1_000_000 + ".b.c",
    "deep": lambda _: f"{segment({'alg': 'EdDSA'})}.{base64.urlsafe_b64encode(b'[' * 5000).decode()}.c",
    **{
        f"without {claim}": lambda identity, claim=claim: identity.token(without=claim)
        for claim in ("iss", "aud", "sub", "tenant", "role", "iat", "exp", "features")
    },
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_bad_token_is_refused(call: Caller, identity: FakeIdentity, campaigns: FakeService, kind: str) -> None:
    call.token = BAD_TOKENS[kind](identity)
    answer = call("GET", PATH)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert not campaigns.seen


@pytest.mark.parametrize(("seconds", "status"), [(119, 200), (121, 401)])
def test_clocks_may_be_two_minutes_apart(call: Caller, identity: FakeIdentity, seconds: int, status: int) -> None:
    """Identity's may be ahead of ours, and behind it by the token's end."""
    with time_machine.travel(NOW, tick=False):
        call.token = identity.token(iat=NOW + seconds, exp=NOW + seconds + 900)
        assert call("GET", PATH).status_code == status
        call.token = identity.token(iat=NOW - 900, exp=NOW - seconds)
        assert call("GET", PATH).status_code == status


def test_a_token_is_remembered_no_longer_than_it_counts(call: Caller, identity: FakeIdentity) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        call.token = identity.token(iat=NOW - 900, exp=NOW - 100)
        assert call("GET", PATH).status_code == 200
        clock.shift(21)
        assert call("GET", PATH).status_code == 401


@pytest.mark.parametrize(
    "authorization", ["{}", "Basic {}", "Token {}", "Bearer {}, Bearer {}", "Bearer {} x", "Bearer"]
)
def test_only_one_bearer_token_is_a_credential(call: Caller, authorization: str) -> None:
    token, call.token = call.token, None
    answer = call("GET", PATH, headers={"Authorization": authorization.replace("{}", token or "")})
    assert answer.status_code == 401


def test_two_authorization_headers_are_refused(served: Served) -> None:
    twice = HTTPHeaderDict([("Authorization", f"Bearer {served.token}")] * 2)
    assert served.http.request("GET", PATH, headers=twice).status == 401
    assert served.request("GET", PATH).status == 200


def test_without_a_credential_401(call: Caller, campaigns: FakeService) -> None:
    token, call.token = call.token, None
    for target in (PATH, f"{PATH}?access_token={token}", f"{PATH}?token={token}"):
        answer = call("GET", target, headers={"Cookie": f"access_token={token}", "X-Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
    assert not campaigns.seen


def test_an_internal_identity_is_no_bearer_token(call: Caller, platform: Platform) -> None:
    principal = Principal(uuid4(), uuid4(), Role.PLATFORM_ADMIN)
    for audience in ("concord", "campaigns", "identity"):
        call.token = Signer(platform.settings.keys, "gateway").sign(principal, audience)
        assert call("GET", PATH).status_code == 401


def test_the_service_learns_who_asks(call: Caller, campaigns: FakeService, identity: FakeIdentity) -> None:
    user = str(uuid4())
    call.token = identity.token(sub=user, tenant=call.tenant, role="RetailerAdmin", name="Rita")
    call("GET", PATH)
    who = campaigns.seen[0].caller
    assert who is not None
    assert (str(who.user_id), str(who.tenant_id), who.role, who.name) == (user, call.tenant, "RetailerAdmin", "Rita")
    assert campaigns.seen[0].get("Authorization") is None


def test_a_public_route_passes_no_identity_on(call: Caller, identity: FakeIdentity) -> None:
    call("POST", "/oauth/token", data={"grant_type": "password"})
    seen = identity.last("/oauth/token")
    assert seen.body == b"grant_type=password"
    assert seen.get(HEADER) is None
    assert seen.get("Authorization") is None


def test_client_credentials_are_passed_on_only_to_the_token_endpoint(call: Caller, identity: FakeIdentity) -> None:
    call.token = None
    basic = {"Authorization": "Basic aWQ6c2VjcmV0"}
    call("POST", "/oauth/token", headers=basic)
    assert identity.last("/oauth/token").get("Authorization") == "Basic aWQ6c2VjcmV0"
    call("GET", "/.well-known/jwks.json", headers=basic)
    assert identity.last("/.well-known/jwks.json").get("Authorization") is None


# Other issuers


@pytest.fixture
def foreign(platform: Platform):
    """An OIDC provider with an RSA and an elliptic key, its documents served by one of the fakes."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    rsa_jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key.public_key())) | {"kid": "r1"}
    ec_jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec_key.public_key())) | {"kid": "e1"}
    platform.notifier.plan("/keys", Planned(body=json.dumps({"keys": [rsa_jwk, ec_jwk]}).encode()))
    issuer = Issuer(
        issuer="https://login.example/",
        jwks_uri=f"{platform.notifier.url}/keys",
        audience="concord-api",
        algorithms=("RS256",),
        claims={"tenant": "https://concord/tenant", "role": "groups", "name": "preferred_username"},
        tenants=frozenset({platform.identity.add_tenant("campaigns")}),
    )

    def token(*, key=rsa_key, algorithm="RS256", kid="r1", **claims) -> str:
        now = int(time.time())
        content = {"iss": issuer.issuer, "aud": "concord-api", "sub": "auth0|42", "iat": now, "exp": now + 600}
        content |= {"groups": "RetailerAdmin", "preferred_username": "Olav"}
        return jwt.encode(content | claims, key, algorithm=algorithm, headers={"kid": kid})

    return issuer, token, ec_key


def tenant_of(issuer: Issuer) -> str:
    (tenant,) = issuer.tenants
    return tenant


def test_a_configured_issuers_token_counts(start_gateway, platform: Platform, foreign) -> None:
    issuer, token, _ = foreign
    call = start_gateway(oidc_issuers=(issuer,))
    call.token = token(**{"https://concord/tenant": tenant_of(issuer)})
    # The tenant's features are identity's to say; until the first poll nobody has said anything.
    assert eventually(lambda: call("GET", PATH).status_code == 200)
    who = platform.campaigns.seen[0].caller
    assert who is not None
    assert (who.role, who.name, who.tenant_name) == ("RetailerAdmin", "Olav", "Nordic Heating")
    assert who.user_id.version == 5


def test_a_foreign_name_is_one_composed_line(start_gateway, platform: Platform, foreign) -> None:
    """D62: it stands beside messages and in the trail like a name that we have taken ourselves."""
    issuer, token, _ = foreign
    call = start_gateway(oidc_issuers=(issuer,))
    name = "A\u030ase\r\n\u202e  Berg\x1b "
    call.token = token(preferred_username=name, **{"https://concord/tenant": tenant_of(issuer)})
    assert eventually(lambda: call("GET", PATH).status_code == 200)
    who = platform.campaigns.seen[0].caller
    assert who is not None
    assert who.name == "Åse Berg"


def test_an_issuer_is_held_to_its_algorithms_roles_and_tenants(start_gateway, identity: FakeIdentity, foreign) -> None:
    issuer, token, ec_key = foreign
    call = start_gateway(oidc_issuers=(issuer,))
    tenant = {"https://concord/tenant": tenant_of(issuer)}
    for bad in (
        token(key=ec_key, algorithm="ES256", kid="e1", **tenant),
        token(groups="PlatformAdmin", **tenant),
        token(groups="System", **tenant),
        token(aud="concord", **tenant),
        token(**{"https://concord/tenant": "x"}),
        token(),
        identity.token(iss=issuer.issuer, aud="concord-api"),
    ):
        call.token = bad
        assert call("GET", PATH).status_code == 401


def test_an_issuer_speaks_for_its_tenants_alone(start_gateway, foreign) -> None:
    issuer, token, _ = foreign
    call = start_gateway(oidc_issuers=(issuer,))
    call.token = token(**{"https://concord/tenant": tenant_of(issuer)})
    assert eventually(lambda: call("GET", PATH).status_code == 200)
    for other in (call.tenant, str(uuid4())):
        call.token = token(**{"https://concord/tenant": other})
        assert call("GET", PATH).status_code == 401


def test_an_issuer_without_tenants_speaks_for_nobody(start_gateway, foreign) -> None:
    """Settings refuse one; should one come about otherwise, it opens nothing."""
    issuer, token, _ = foreign
    call = start_gateway(oidc_issuers=(replace(issuer, tenants=frozenset()),))
    call.token = token(**{"https://concord/tenant": tenant_of(issuer)})
    assert call("GET", PATH).status_code == 401


# A directory's token


def test_a_directorys_token_is_passed_on_to_scim(call: Caller, identity: FakeIdentity) -> None:
    call.token = None
    call("GET", "/scim/v2/Users?filter=x", headers={"Authorization": "Bearer of-the-directory"})
    seen = identity.last("/scim/v2/Users")
    assert seen.get("Authorization") == "Bearer of-the-directory"
    assert seen.get(HEADER) is None
    call("GET", "/scim/v2/Users", headers={"Authorization": "Basic aWQ6c2VjcmV0"})
    assert identity.last("/scim/v2/Users").get("Authorization") is None


def test_no_other_route_passes_a_bearer_token_on() -> None:
    tables = (*ROUTES, *KEY_ROUTES)
    assert [route.path for route in tables if route.bearer] == ["/scim/v2"]
    environ = {"HTTP_AUTHORIZATION": "Bearer of-somebody", "REQUEST_METHOD": "GET", "RAW_URI": "/"}
    request = SimpleNamespace(
        environ=environ, id="1", traceparent="-", client="192.0.2.1", forwarded_for="192.0.2.1", scheme="http"
    )
    for route in tables:
        fields = dict(passed_on(request, route))  # type: ignore[arg-type]
        assert ("Authorization" in fields) == route.bearer, route.path


def test_refused_tokens_of_directories_are_counted(start_gateway, identity: FakeIdentity) -> None:
    call = start_gateway(sign_in_limit="2/minute")
    call.token = None
    for status in (401, 401, 429):
        identity.plan("/scim/v2/Users", Planned(401, {"Content-Type": "application/scim+json"}, b"{}"))
        answer = call("GET", "/scim/v2/Users", headers={"Authorization": "Bearer guess"})
        assert answer.status_code == status
    assert answer.content_type == "application/scim+json"
    assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
