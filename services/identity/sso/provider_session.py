"""One sign-in's requests to a tenant's provider (OpenID Connect), and what it says of itself.

A tenant has typed the provider's address, so every request goes through the SSRF guard, has a deadline and a limited
answer, and follows no redirect.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from chassis.http import ssrf_guard, untrusted

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
            trust_env=False,
        )
        self.headers = CaseInsensitiveDict({"Accept": "application/json", "User-Agent": "Concord"})
        self.adapters.clear()
        self.mount("https://", _Adapter(loopback))
        self.mount("http://", _Adapter(loopback))

    def fetch_token_of(self, metadata: Metadata, code: str, verifier: str) -> Mapping[str, Any]:
        """What the provider gives for a code."""
        self.token_endpoint_auth_method = metadata.token_auth
        try:
            return self.fetch_token(
                metadata.token_endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
            )
        except OAuthError:
            raise Unproved("the provider does not accept the code") from None
        except requests.RequestException:
            raise
        except (ValueError, TypeError, AttributeError) as error:
            raise ProviderAway(f"no token answer: {type(error).__name__}") from None

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: an answer that sends us elsewhere is not the answer."""

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


class _Adapter(BaseAdapter):
    """Sends what ``requests`` has prepared through the SSRF guard."""

    def __init__(self, loopback: bool) -> None:
        super().__init__()
        self._loopback = loopback

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        body = request.body.encode() if isinstance(request.body, str) else request.body
        try:
            reply = untrusted.call(
                request.method or "GET",
                request.url or "",
                body,
                dict(request.headers),
                deadline=DEADLINE,
                loopback=self._loopback,
                max_body=MAX_ANSWER,
            )
        except untrusted.NoAnswer as failure:
            raise requests.ConnectionError(str(failure)) from None
        response = requests.Response()
        response.status_code = reply.status
        response.headers = CaseInsensitiveDict(reply.headers)
        response.raw = io.BytesIO(reply.body)
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        pass


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
