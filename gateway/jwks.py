"""An issuer's public keys: fetched from the configured address only, kept while the issuer is away.

``refresh`` is called by a background thread, so that a request waits for a fetch only when its token names a key that
is not known yet; and that happens at most once every ``UNKNOWN_PAUSE`` seconds, however many such tokens come.

This is no cache: the issuer's last document counts until there is a newer one, and is never evicted.
"""

import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from jwt import PyJWK, PyJWTError

from chassis.core.errors import Upstream
from chassis.core.logs import logger
from chassis.http.client import FetchError

MAX_AGE = 600.0
RETRY_PAUSE = 30.0
UNKNOWN_PAUSE = 30.0
TOLERATED = 3  # failures in a row that are not logged: an issuer may restart
ASYMMETRIC_TYPES = ("OKP", "RSA", "EC")

log = logger("gateway.jwks")


class KeySet:
    """The keys of one issuer by ``kid``. ``fetch`` reads the document at an address."""

    def __init__(self, uri: str, fetch: Callable[[str], dict[str, Any]]) -> None:
        self.uri = uri
        self._fetch = fetch
        self._keys: Mapping[str, PyJWK] = {}
        self._fresh_until = 0.0
        self._unknown_allowed_from = 0.0
        self._misses = 0
        self._lock = Lock()

    def get(self, kid: str) -> PyJWK | None:
        """The key called ``kid``, asking the issuer again when it is not known.

        Raises:
            Upstream: no key has ever been fetched, so nothing can be said about any token.
        """
        key = self._keys.get(kid) or self._ask_again(kid)
        if key is None and not self._keys:
            raise Upstream("Credentials cannot be checked right now.", retry_after=2)
        return key

    def refresh(self) -> None:
        """Fetch the keys when they are old, or as long as there are none."""
        if time.monotonic() >= self._fresh_until or not self._keys:
            with self._lock:
                self._load()

    def _ask_again(self, kid: str) -> PyJWK | None:
        if time.monotonic() < self._unknown_allowed_from:
            return None
        with self._lock:
            if kid not in self._keys and time.monotonic() >= self._unknown_allowed_from:
                self._unknown_allowed_from = time.monotonic() + UNKNOWN_PAUSE
                self._load()
        return self._keys.get(kid)

    def _load(self) -> None:
        self._fresh_until = time.monotonic() + RETRY_PAUSE
        try:
            keys = _parse(self._fetch(self.uri))
        except FetchError as error:
            self._misses += 1
            if self._misses == TOLERATED:
                log.warning("keys of an issuer cannot be fetched", uri=self.uri, error=str(error), kept=len(self._keys))
            return
        self._misses = 0
        if keys:
            self._keys = keys
            self._fresh_until = time.monotonic() + MAX_AGE


def _parse(document: Mapping[str, Any]) -> dict[str, PyJWK]:
    """The usable keys of a JWKS document; a key of an unknown kind does not spoil the others."""
    keys = {}
    entries = document.get("keys")
    for entry in entries if isinstance(entries, list) else ():
        try:
            key = PyJWK(entry)
        except (PyJWTError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("an issuer publishes a key that cannot be read", error=repr(error))
            continue
        if key.key_type in ASYMMETRIC_TYPES and key.public_key_use != "enc" and isinstance(key.key_id, str):
            keys[key.key_id] = key
    return keys
