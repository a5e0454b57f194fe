"""Turns the bearer token of a request into the caller's principal, with the tenant's features as they stand now.

A token found good is remembered by its hash for at most a minute, so that the signature of a busy caller is checked
rarely; revocation and features are looked up on every request.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import jwt
from cachetools import TLRUCache

from chassis.core.clock import CLOCKS_APART
from chassis.core.errors import Unauthorized
from chassis.core.principal import Principal
from chassis.core.text import is_line, normal
from gateway.access import Access
from gateway.jwks import KeySet
from gateway.settings import Issuer

LEEWAY = CLOCKS_APART.total_seconds()
MAX_AGE = 3600
REMEMBER = 60.0
CACHE_SIZE = 10_000
MAX_LENGTH = 8192
REQUIRED = ["exp", "iat", "sub", "iss", "aud"]
# Two Authorization headers reach us joined by a comma, which fits no token.
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([\w-]+\.[\w-]+\.[\w-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token found good: the caller, and when it was issued and ends, in seconds since 1970."""

    principal: Principal
    issued: float
    expires: float


class Credentials:
    """Checks bearer tokens of the configured issuers."""

    def __init__(self, issuers: Iterable[Issuer], access: Access, fetch: Callable[[str], dict[str, Any]]) -> None:
        self._issuers = {issuer.issuer: (issuer, KeySet(issuer.jwks_uri, fetch)) for issuer in issuers}
        self._access = access
        self._verified: TLRUCache[bytes, _Verified] = TLRUCache(
            CACHE_SIZE, lambda _digest, verified, now: min(verified.expires + LEEWAY, now + REMEMBER), timer=time.time
        )
        self._lock = Lock()

    def refresh_keys(self) -> None:
        for _, keys in self._issuers.values():
            keys.refresh()

    def principal(self, authorization: str | None) -> Principal:
        """The caller.

        Raises:
            Unauthorized: no credential, or one that does not count.
            Upstream: the issuer's keys have never been fetched.
        """
        if not authorization:
            raise Unauthorized("Sign in first.")
        bearer = _BEARER.fullmatch(authorization)
        if not bearer or len(authorization) > MAX_LENGTH:
            raise _refused("The Authorization header must hold one bearer token.")
        verified = self._verified_token(bearer[1])
        if self._access.is_revoked(verified.principal, verified.issued):
            raise _refused("The access token has been revoked.")
        return self._access.current(verified.principal)

    def _verified_token(self, token: str) -> "_Verified":
        digest = sha256(token.encode()).digest()
        with self._lock:
            verified = self._verified.get(digest)
        if verified is None:
            verified = self._check(token)
            with self._lock:
                self._verified[digest] = verified
        return verified

    def _check(self, token: str) -> "_Verified":
        try:
            issuer, keys = self._issuer_of(token)
            claims = self._decode(token, issuer, keys)
            return _Verified(_principal(claims, issuer), float(claims["iat"]), float(claims["exp"]))
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _refused("The access token is not valid.") from error

    def _issuer_of(self, token: str) -> tuple[Issuer, KeySet]:
        # Only chooses whose keys to check with; nothing else of the unverified token is used.
        return self._issuers[jwt.decode(token, options={"verify_signature": False})["iss"]]

    def _decode(self, token: str, issuer: Issuer, keys: KeySet) -> dict[str, Any]:
        key = keys.get(jwt.get_unverified_header(token)["kid"])
        if key is None:
            raise jwt.InvalidKeyError
        claims = jwt.decode(
            token,
            key.key,
            algorithms=list(issuer.algorithms),
            audience=issuer.audience,
            issuer=issuer.issuer,
            leeway=LEEWAY,
            options={"require": REQUIRED},
        )
        if claims["iat"] < time.time() - MAX_AGE - LEEWAY:
            raise jwt.ExpiredSignatureError
        return claims


def _principal(claims: Mapping[str, Any], issuer: Issuer) -> Principal:
    principal = Principal.from_claims(dict(claims)) if issuer.ours else _foreign(claims, issuer)
    speaks_for = issuer.ours or str(principal.tenant_id) in issuer.tenants
    if principal.role not in issuer.roles or not speaks_for:
        raise jwt.InvalidTokenError
    return principal


def _foreign(claims: Mapping[str, Any], issuer: Issuer) -> Principal:
    """A caller known to another issuer. The user's id is derived, so that it can never be one of ours."""
    return Principal.from_claims(
        {
            "sub": str(uuid5(NAMESPACE_URL, f"{issuer.issuer}#{claims['sub']}")),
            "tenant": str(UUID(claims[issuer.claims["tenant"]])),
            "role": claims[issuer.claims["role"]],
            "name": _as_line(str(claims.get(issuer.claims["name"], ""))),
            "tenant_name": "",
            "tenant_kind": "",
            "features": [],
        }
    )


def _as_line(text: str) -> str:
    """A foreign text in NFC as one line: characters that a line may not have become spaces."""
    return " ".join("".join(character if is_line(character) else " " for character in normal(text)).split())


def _refused(detail: str) -> Unauthorized:
    return Unauthorized(detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
