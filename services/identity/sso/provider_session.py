"""One sign-in's requests to a tenant's provider (OpenID Connect), and what it says of itself.

A tenant has typed the provider's address, so every request goes through the SSRF guard, has a deadline and a limited
answer, and follows no redirect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.http import ssrf_guard
from chassis.http.guarded import AskFailed, guard

DEADLINE = 4.0  # seconds an answer may take; five of them fit into the gateway's time for this route
MAX_ANSWER = 512 * 1024
SCOPE = "openid email profile"


class ProviderAway(Exception):
    """The provider cannot be reached, or what it answers is not OpenID Connect; the message is for our log."""


class Unproved(Exception):
    """What came back proves nothing; the message, for our log, has no code and no token."""


@dataclass(frozen=True, slots=True)
class Client:
    """What we are to a provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself (OpenID Connect Discovery).

    Attributes:
        token_auth: how it wants our secret.
        names_itself: whether its answers to a browser carry ``iss`` (RFC 9207).
    """

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    token_auth: str
    names_itself: bool


class ProviderSession(OAuth2Session):
    """One sign-in's requests to its provider."""

    def __init__(self, client: Client, redirect_uri: str, loopback: bool) -> None:
        super().__init__(
            client.client_id,
            client.client_secret,
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )
        guard(self, deadline=DEADLINE, max_body=MAX_ANSWER, loopback=loopback)

    def fetch_token_of(self, metadata: Metadata, code: str, verifier: str) -> Mapping[str, Any]:
        """What the provider gives for a code."""
        self.token_endpoint_auth_method = metadata.token_auth
        try:
            return self.fetch_token(
                metadata.token_endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
            )
        except OAuthError:
            raise Unproved("the provider does not accept the code") from None
        except AskFailed:
            raise
        except (ValueError, TypeError, AttributeError) as error:
            raise ProviderAway(f"no token answer: {type(error).__name__}") from None

    def json(self, url: str, *, withhold_token: bool = True) -> dict[str, Any]:
        """The JSON object at an address."""
        answer = self.get(url, withhold_token=withhold_token)
        if answer.status_code != 200:
            raise ProviderAway(f"status {answer.status_code}")
        try:
            document = answer.json()
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise ProviderAway("no JSON object")
        return document


def metadata_of(document: Mapping[str, Any], issuer: str, loopback: bool) -> Metadata:
    """What a provider's document says.

    Raises:
        ProviderAway: it is another issuer's, or names addresses that nothing is sent to.
    """
    if document.get("issuer") != issuer:
        raise ProviderAway("its metadata is another issuer's")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
    addresses: dict[str, Any] = {name: document.get(name) for name in names}
    for name, address in addresses.items():
        if address is None and name == "userinfo_endpoint":
            continue
        try:
            ssrf_guard.parse(address if isinstance(address, str) else "", loopback=loopback)
        except ssrf_guard.BadTarget as error:
            raise ProviderAway(f"its {name}: {error}") from None
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    post = isinstance(methods, list) and "client_secret_post" in methods and "client_secret_basic" not in methods
    return Metadata(
        **addresses,
        token_auth="client_secret_post" if post else "client_secret_basic",
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def key_set(document: Mapping[str, Any]) -> KeySet:
    """The usable keys of a JWKS document; one of an unknown kind does not spoil the others."""
    keys = []
    entries = document.get("keys")
    for entry in entries if isinstance(entries, list) else ():
        try:
            keys += KeySet.import_key_set({"keys": [entry]}).keys
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return KeySet(keys)
