"""OpenID Connect with the tenants' providers: the way there, and what the code that comes back proves.

A provider that hangs takes two threads at most; all that hang leave half of them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Any, TypeVar

from authlib.oidc.core import CodeIDToken
from cachetools import LRUCache, TTLCache
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from chassis.core.clock import CLOCKS_APART
from chassis.http.guarded import AskFailed
from services.identity.sessions.rules import FRESH
from services.identity.sso.provider_session import (
    Client,
    Metadata,
    ProviderAway,
    ProviderSession,
    Unproved,
    key_set,
    metadata_of,
)
from services.identity.sso.rules import SUBJECT_MAX, with_userinfo

REMEMBER = 600.0  # seconds that a provider's metadata and keys count
UNKNOWN_PAUSE = 30.0  # seconds until a provider is asked again for a key that it does not have
AWAY_PAUSE = 5.0  # seconds until a provider that was away is asked again
PLACE_TIMEOUT = 0.25
PROVIDERS = 256  # whose metadata is remembered
LEEWAY = int(CLOCKS_APART.total_seconds())
MAX_AGE = int(FRESH.total_seconds())
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]

T = TypeVar("T")


class Providers:
    """The providers of all tenants, with what is remembered of them. Threads share it.

    Args:
        loopback: this is a development machine, where a provider may run beside us.
        places: how many requests may be under way to all of them.
    """

    def __init__(self, *, loopback: bool, places: int) -> None:
        self._loopback = loopback
        self._metadata: TTLCache[str, Metadata] = TTLCache(PROVIDERS, REMEMBER)
        self._away: TTLCache[str, str] = TTLCache(PROVIDERS, AWAY_PAUSE)
        self._keys: TTLCache[str, KeySet] = TTLCache(PROVIDERS, REMEMBER)
        self._asked_again: TTLCache[str, bool] = TTLCache(PROVIDERS, UNKNOWN_PAUSE)
        self._lock = Lock()
        self._places = BoundedSemaphore(places)
        self._places_of: LRUCache[str, BoundedSemaphore] = LRUCache(PROVIDERS)

    def authorization_url(self, client: Client, redirect_uri: str, *, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes: authorization code with PKCE. Who showed a password there longer ago than a fresh
        sign-in counts is to show it again (Core, 3.1.2.1: ``max_age``).

        Raises:
            ProviderAway: its metadata cannot be had.
        """
        with self._session(client, redirect_uri) as session:
            metadata = self._metadata_of(client.issuer, session)
            url, _ = session.create_authorization_url(
                metadata.authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier, max_age=MAX_AGE
            )
        return str(url)

    def claims(
        self,
        client: Client,
        redirect_uri: str,
        *,
        code: str,
        iss: str | None,
        nonce: str,
        verifier: str,
        role_claim: str,
    ) -> Mapping[str, Any]:
        """Exchange a code for the verified claims of the person who has signed in.

        Args:
            role_claim: the claim that decides the role, if one does: looked for like the address.
            iss: the issuer that the browser's answer names.

        Raises:
            ProviderAway: it cannot be reached.
            Unproved: it refuses the code, or its ID token does not hold.
        """
        with self._session(client, redirect_uri) as session:
            metadata = self._metadata_of(client.issuer, session)
            if iss != client.issuer and (metadata.names_itself or iss is not None):
                raise Unproved("the browser was sent back by another issuer")
            token = session.fetch_token_of(metadata, code, verifier)
            claims = self._verified(client, metadata, session, token, nonce)
            return self._with_userinfo(metadata, session, claims, role_claim)

    @contextmanager
    def _session(self, client: Client, redirect_uri: str) -> Iterator[ProviderSession]:
        """A session with a provider, if there is a place for one."""
        with self._lock:
            of_provider = self._places_of.setdefault(client.issuer, BoundedSemaphore(2))
        with (
            _place(of_provider),
            _place(self._places),
            ProviderSession(client, redirect_uri, self._loopback) as session,
        ):
            try:
                yield session
            except AskFailed as error:
                raise ProviderAway(str(error.args[0]) if error.args else type(error).__name__) from None

    def _metadata_of(self, issuer: str, session: ProviderSession) -> Metadata:
        if reason := self._remembered(self._away, issuer):
            raise ProviderAway(reason)
        metadata = self._remembered(self._metadata, issuer)
        if isinstance(metadata, Metadata):
            return metadata
        try:
            document = session.json(issuer.rstrip("/") + "/.well-known/openid-configuration")
            metadata = metadata_of(document, issuer, self._loopback)
        except (AskFailed, ProviderAway) as error:
            with self._lock:
                self._away[issuer] = str(error)
            raise
        with self._lock:
            self._metadata[issuer] = metadata
        return metadata

    def _remembered(self, cache: TTLCache[str, T], key: str) -> T | None:
        with self._lock:
            return cache.get(key)

    def _verified(
        self, client: Client, metadata: Metadata, session: ProviderSession, token: Mapping[str, Any], nonce: str
    ) -> Mapping[str, Any]:
        """The claims of the ID token (OpenID Connect Core, 3.1.3.7)."""
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise Unproved("there is no ID token")
        options = {
            "iss": {"essential": True, "value": client.issuer},
            "aud": {"essential": True, "value": client.client_id},
        }
        params = {"nonce": nonce, "client_id": client.client_id, "access_token": token.get("access_token")}
        try:
            signed = self._decoded(id_token, metadata.jwks_uri, session)
            claims = CodeIDToken(signed.claims, signed.header, options, params)
            claims.validate(leeway=LEEWAY)
        except JoseError as error:
            raise Unproved(f"{type(error).__name__}: {getattr(error, 'claim', '')}") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Unproved(f"the ID token cannot be read: {type(error).__name__}") from None
        if not 0 < len(claims["sub"]) <= SUBJECT_MAX:
            raise Unproved("the subject is too long, or empty")
        return claims

    def _decoded(self, id_token: str, jwks_uri: str, session: ProviderSession) -> jwt.Token:
        """The token under its signature. A key that is not known may be new, so the keys are fetched again."""
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        keys = self._remembered(self._keys, jwks_uri)
        if keys is None:
            return jwt.decode(id_token, self._fetch_keys(jwks_uri, session), registry=registry)
        try:
            return jwt.decode(id_token, keys, registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            with self._lock:
                if jwks_uri in self._asked_again:
                    raise
                self._asked_again[jwks_uri] = True
            return jwt.decode(id_token, self._fetch_keys(jwks_uri, session), registry=registry)

    def _fetch_keys(self, jwks_uri: str, session: ProviderSession) -> KeySet:
        keys = key_set(session.json(jwks_uri))
        with self._lock:
            self._keys[jwks_uri] = keys
        return keys

    def _with_userinfo(
        self, metadata: Metadata, session: ProviderSession, claims: Mapping[str, Any], role_claim: str
    ) -> Mapping[str, Any]:
        """The claims, with those of the UserInfo endpoint where the ID token has no verified address or no role (Core,
        5.3)."""
        needed = {"email", "email_verified"} | ({role_claim} if role_claim else set())
        if needed <= set(claims) or metadata.userinfo_endpoint is None:
            return claims
        more = session.json(metadata.userinfo_endpoint, withhold_token=False)
        if more.get("sub") != claims["sub"]:
            raise Unproved("the UserInfo endpoint speaks of somebody else")
        return with_userinfo(claims, more)


@contextmanager
def _place(places: BoundedSemaphore) -> Iterator[None]:
    if not places.acquire(timeout=PLACE_TIMEOUT):
        raise ProviderAway("too many requests are waiting for providers")
    try:
        yield
    finally:
        places.release()
