"""Till bundles: the signed state of a store, with which a till evaluates orders without a network.

A bundle is a compact JWS, signed with Ed25519. Every process derives the same key from the service's own key, and
``/bundle-keys`` publishes the public half. A process makes a bundle once and keeps it until something changes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from threading import Lock
from typing import Any
from uuid import UUID

import jwt
from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from jwt.algorithms import OKPAlgorithm
from jwt.api_jws import PyJWS
from sqlalchemy.orm import Session

from chassis.core import money
from chassis.core.clock import rfc3339
from chassis.data.database import Database
from chassis.http.identity import Signer
from chassis.process.service import settings_of
from services.promotions.catalogue import queries as catalogue_queries
from services.promotions.catalogue import store_queries
from services.promotions.engine import bundle
from services.promotions.evaluations import store_set_queries
from services.promotions.tills import actions, queries

ALGORITHM = "EdDSA"
MOST_BYTES = 64 * 1024 * 1024
"""Of signed bundles in one process. Beyond that the least recently used bundle goes first."""
StoreCampaigns = Callable[[Session, UUID, datetime], tuple[list[dict[str, Any]], list[datetime]]]
"""Finds what runs in a store at a moment, as tills show it, and the last moments at which that holds (D44)."""


class Key:
    """The key that bundles are signed with."""

    def __init__(self, secret: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        public = OKPAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        self.kid = hashlib.sha256(public["x"].encode()).hexdigest()[:16]
        self.public = public | {"kid": self.kid, "use": "sig", "alg": ALGORITHM}

    def sign(self, state: Mapping[str, Any]) -> str:
        payload = json.dumps(state, separators=(",", ":")).encode()
        headers = {"kid": self.kid, "typ": "concord-bundle+jws"}
        return PyJWS().encode(payload, self._private, algorithm=ALGORITHM, headers=headers)


@dataclass(frozen=True)
class TillBundle:
    """One state of a store. It is current while the tenant's stamp is ``stamp``, and up to ``until``, when a campaign
    ends or a store campaign starts.
    """

    stamp: store_set_queries.Stamp
    until: datetime
    store_id: UUID
    state: dict[str, Any]
    digests: dict[str, str]
    signed: str

    @property
    def version(self) -> str:
        return str(self.state["version"])

    @property
    def size(self) -> int:
        return len(self.signed)

    def change_since(self, version: str, digests: Mapping[str, Any]) -> dict[str, Any]:
        """What has changed since the state ``version``, whose campaigns had these digests."""
        changed = {uid for uid, digest in self.digests.items() if digests.get(uid) != digest}
        return {
            **self.state,
            "since": version,
            "campaigns": [campaign for campaign in self.state["campaigns"] if campaign["uid"] in changed],
            "removed": sorted(set(digests) - set(self.digests)),
        }


class TillBundles:
    """The bundles of a process."""

    def __init__(self, key: Key, store_campaigns: StoreCampaigns, most_bytes: int = MOST_BYTES) -> None:
        self.key = key
        self._store_campaigns = store_campaigns
        self._bundles: LRUCache[tuple[UUID, str], TillBundle] = LRUCache(most_bytes, getsizeof=attrgetter("size"))
        self._lock = Lock()

    def current(self, database: Database, tenant_id: UUID, store_uid: str, *, now: datetime) -> TillBundle:
        """The bundle of a store as it is now. Unlike other actions it owns its transactions; usually one read does.

        Raises:
            NotFound: the caller has no such store.
        """
        with self._lock:
            known = self._bundles.get((tenant_id, store_uid))
        if known and now <= known.until:
            with database.read() as session:
                if known.stamp == store_set_queries.stamp(session, tenant_id):
                    return known
        with database.begin() as session:
            till_bundle = self._build(session, tenant_id, store_uid, now)
            version, digests = till_bundle.version, till_bundle.digests
            actions.record_version(session, tenant_id, till_bundle.store_id, version, digests, now=now)
        with self._lock, suppress(ValueError):  # raised for a bundle that is larger than the cache
            self._bundles[tenant_id, store_uid] = till_bundle
        return till_bundle

    def since(self, session: Session, till_bundle: TillBundle, version: str | None) -> dict[str, Any]:
        """The answer to a till that has ``version``: the changes, or the whole state where ``version`` is not known."""
        digests = queries.version(session, till_bundle.store_id, version) if version else None
        if version is None or digests is None:
            return {"version": till_bundle.version, "since": None, "signed": till_bundle.signed}
        signed = self.key.sign(till_bundle.change_since(version, digests))
        return {"version": till_bundle.version, "since": version, "signed": signed}

    def _build(self, session: Session, tenant_id: UUID, store_uid: str, now: datetime) -> TillBundle:
        stamp = store_set_queries.stamp(session, tenant_id)
        store_id = store_queries.store(session, store_uid).id
        active, online_only = queries.campaigns(session, store_id, now=now)
        shown, moments = self._store_campaigns(session, store_id, now)
        settings = catalogue_queries.settings(session)
        campaigns = [bundle.campaign_to_state(campaign) for campaign in active]
        digests = {campaign["uid"]: _digest(campaign) for campaign in campaigns}
        state: dict[str, Any] = {
            "format": 1,
            "tenantId": str(tenant_id),
            "storeUid": store_uid,
            "currency": settings.currency,
            "decimals": money.minor_units(settings.currency),
            "strategy": settings.strategy,
            "onlineOnly": online_only,
            "storeCampaigns": shown,
        }
        state["version"] = _digest(state | {"campaigns": digests})
        state |= {"since": None, "issuedAt": rfc3339(now), "campaigns": campaigns, "removed": []}
        ends = [campaign.valid_to for campaign in active]
        until = min([*ends, *moments], default=datetime.max.replace(tzinfo=now.tzinfo))
        return TillBundle(stamp, until, store_id, state, digests, self.key.sign(state))


def bundles_of(app: Flask) -> TillBundles:
    """The bundles of this process."""
    if "bundles" not in app.extensions:
        secret = Signer(settings_of(app).keys, "promotions").derive("promotions bundles")
        bundles = TillBundles(Key(secret), app.extensions["till_store_campaigns"])
        app.extensions.setdefault("bundles", bundles)
    till_bundles: TillBundles = app.extensions["bundles"]
    return till_bundles


def verify(signed: str, jwk: Mapping[str, Any]) -> dict[str, Any]:
    """A state whose signature is that of ``jwk``.

    Raises:
        jwt.InvalidTokenError: it is not.
    """
    payload = PyJWS().decode(signed, jwt.PyJWK(dict(jwk)).key, algorithms=[ALGORITHM])
    state: dict[str, Any] = json.loads(payload)
    return state


def _digest(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
