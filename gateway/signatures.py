"""Requests that a merchant's own software signs with its API key (S2-26).

``X-API-Key`` names the key, ``X-Timestamp`` the moment, and ``X-Signature`` is the hexadecimal HMAC-SHA256 of
``<timestamp>.<raw body>`` under the key's secret. The moment is in seconds or milliseconds since 1970 and is signed as
it is written. It may lie 300 s off our clock, and a signature counts once: two requests without a body within one
second have the same one, unless their moments are in milliseconds.
"""

import hmac
import re
import time
from collections.abc import Callable
from hashlib import sha256

from chassis.core.clock import CLOCKS_APART
from chassis.core.errors import Unauthorized
from chassis.core.principal import Principal
from gateway.access import Access
from gateway.api_keys import ApiKey, ApiKeys
from gateway.replay_guard import ReplayGuard
from gateway.request import Environ

WINDOW = 300  # seconds to either side of our clock
# A moment may lie ahead as far as behind, and the gateway that is asked again may have a clock that is behind.
KEEP = 2 * WINDOW + int(CLOCKS_APART.total_seconds()) + 60

CHALLENGE = {"WWW-Authenticate": 'Signature realm="concord"'}
USED = "This signature has been used. Sign every request anew, and send the timestamp in milliseconds."
NOT_VALID = "The signature is not valid."  # nor does it say whether the key is

_API_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{10}", re.ASCII)
_MILLISECONDS = re.compile(r"[0-9]{13}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def carries_key(environ: Environ) -> bool:
    """Whether a request is signed, or tries to be: that alone decides which table it is looked up in (D1)."""
    return "HTTP_X_API_KEY" in environ or ("HTTP_X_SIGNATURE" in environ and "HTTP_AUTHORIZATION" not in environ)


class UnknownKey(Unauthorized):
    """There is no such key: the one refusal that costs identity a question."""


class Signatures:
    """Checks signed requests."""

    def __init__(self, api_keys: ApiKeys, access: Access, replay_guard: ReplayGuard) -> None:
        self._api_keys = api_keys
        self._access = access
        self._replay_guard = replay_guard

    def principal(self, environ: Environ, read_body: Callable[[], bytes], may_ask: Callable[[], None]) -> Principal:
        """The machine of the merchant's tenant whose key has signed the request.

        Args:
            read_body: gives the raw body, bounded; called only for a key that exists and a moment that is near.
            may_ask: as in ``ApiKeys.find``.

        Raises:
            Unauthorized: missing, forged, early, late, used before, or the key has been removed.
            Upstream: neither the key nor whether the signature is new can be known just now.
        """
        name, timestamp, signature = _fields(environ)
        if abs(_moment(timestamp) - time.time()) > WINDOW:
            raise _refused(f"X-Timestamp is more than {WINDOW} seconds away from our clock.")
        key = self._api_keys.find(name, may_ask)
        if key is None:
            raise UnknownKey(NOT_VALID, headers=CHALLENGE)
        if not _signs(key, timestamp, read_body(), signature):
            raise _refused(NOT_VALID)
        if self._access.is_revoked(key.principal, 0.0):
            raise _refused(NOT_VALID)
        if not self._replay_guard.is_first(f"{key.principal.user_id}/{signature.hex()}"):
            raise _refused(USED)
        self._api_keys.note_use(key)
        return self._access.current(key.principal)


def _fields(environ: Environ) -> tuple[str, str, bytes]:
    """Key, timestamp and signature, each written the one way there is; a field sent twice reaches us with a comma."""
    name = environ.get("HTTP_X_API_KEY", "")
    timestamp = environ.get("HTTP_X_TIMESTAMP", "")
    signature = environ.get("HTTP_X_SIGNATURE", "")
    if not name or not timestamp or not signature:
        raise _refused("Send X-API-Key, X-Timestamp and X-Signature.")
    if "HTTP_AUTHORIZATION" in environ:
        raise _refused("Send one credential: a signature or a bearer token.")
    if not _SECONDS.fullmatch(timestamp) and not _MILLISECONDS.fullmatch(timestamp):
        raise _refused("X-Timestamp must be the milliseconds (13 digits) or seconds (10 digits) since 1970.")
    if not _API_KEY.fullmatch(name) or not _SIGNATURE.fullmatch(signature):
        raise _refused(NOT_VALID)
    return name, timestamp, bytes.fromhex(signature)


def _moment(timestamp: str) -> float:
    return int(timestamp) / (1 if len(timestamp) == 10 else 1000)


def _signs(key: ApiKey, timestamp: str, body: bytes, signature: bytes) -> bool:
    expected = hmac.new(key.secret, timestamp.encode() + b"." + body, sha256).digest()
    return hmac.compare_digest(expected, signature)


def _refused(detail: str) -> Unauthorized:
    return Unauthorized(detail, headers=CHALLENGE)
