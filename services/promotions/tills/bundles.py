"""Signed states of what is active or coming in a store, made once a change and kept in this process.

Signed as a compact JWS with Ed25519, by a key that is derived from the service's own: every process has the same, and
``/bundle-keys`` publishes its other half.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from jwt.algorithms import OKPAlgorithm
from jwt.api_jws import PyJWS
from sqlalchemy.orm import Session

from chassis.core import money
from chassis.core.clock import rfc3339
from chassis.http.identity import Signer
from chassis.process.service import settings_of
from services.promotions.catalogue import settings_queries
from services.promotions.engine import bundle
from services.promotions.evaluations import store_set_queries
from services.promotions.store_campaigns import queries as store_campaigns_queries
from services.promotions.store_campaigns.schemas import TillCampaignOut
from services.promotions.tills import actions, queries

ALGORITHM = "EdDSA"
MOMENT = timedelta(microseconds=1)
MOST_BYTES = 64 * 1024 * 1024
"""Of signed states that are kept; the one that was not asked for the longest goes first."""


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
class Built:
    """One state of a store: valid for as long as the tenant's stamp is ``stamp``, and until ``until``, when a campaign
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

    def change_since(self, version: str, before: Mapping[str, Any]) -> dict[str, Any]:
        """What has changed since a state with these digests."""
        changed = {uid for uid, digest in self.digests.items() if before.get(uid) != digest}
        return {
            **self.state,
            "since": version,
            "campaigns": [each for each in self.state["campaigns"] if each["uid"] in changed],
            "removed": sorted(set(before) - set(self.digests)),
        }


class Bundles:
    """The states this process has made."""

    def __init__(self, key: Key, most_bytes: int = MOST_BYTES) -> None:
        self.key = key
        self._most = most_bytes
        self._built: OrderedDict[tuple[UUID, str], Built] = OrderedDict()
        self._lock = Lock()

    def known(self, session: Session, tenant_id: UUID, store_uid: str, *, now: datetime) -> Built | None:
        """The present state, where it was made here before and nothing has changed since."""
        with self._lock:
            built = self._built.get((tenant_id, store_uid))
        if built and now <= built.until and built.stamp == store_set_queries.stamp(session, tenant_id):
            return built
        return None

    def build(self, session: Session, tenant_id: UUID, store_uid: str, *, now: datetime) -> Built:
        """Make the present state and remember it for those who will ask what has changed since.

        Raises:
            NotFound: the caller has no such store.
        """
        stamp = store_set_queries.stamp(session, tenant_id)
        store = queries.store(session, store_uid)
        settings = settings_queries.settings(session)
        found, limited = queries.campaigns(session, store.id, now=now)
        shown = store_campaigns_queries.running_in(session, store.id, now)
        campaigns = [bundle.campaign_to_state(each) for each in found]
        digests = {each["uid"]: _digest(each) for each in campaigns}
        state: dict[str, Any] = {
            "format": 1,
            "tenantId": str(tenant_id),
            "storeUid": store_uid,
            "currency": settings.currency,
            "decimals": money.minor_units(settings.currency),
            "strategy": settings.strategy,
            "onlineOnly": limited,
            "storeCampaigns": TillCampaignOut(many=True).dump(shown),
        }
        state["version"] = _digest(state | {"campaigns": digests})
        state |= {"since": None, "issuedAt": rfc3339(now), "campaigns": campaigns, "removed": []}
        ends = [*(each.valid_to for each in found), *(each.ends_at for each in shown)]
        start = store_campaigns_queries.next_start_in(session, store.id, now)
        until = min([*ends, *([start - MOMENT] if start else [])], default=datetime.max.replace(tzinfo=now.tzinfo))
        built = Built(stamp, until, store.id, state, digests, self.key.sign(state))
        actions.remember(session, tenant_id, store.id, built.version, digests, now=now)
        self._keep((tenant_id, store_uid), built)
        return built

    def _keep(self, key: tuple[UUID, str], built: Built) -> None:
        with self._lock:
            self._built[key] = built
            self._built.move_to_end(key)
            while len(self._built) > 1 and sum(len(each.signed) for each in self._built.values()) > self._most:
                self._built.popitem(last=False)


def bundles_of(app: Flask) -> Bundles:
    """The states of this process' application."""
    if "bundles" not in app.extensions:
        secret = Signer(settings_of(app).keys, "promotions").derive("promotions bundles")
        app.extensions.setdefault("bundles", Bundles(Key(secret)))
    bundles: Bundles = app.extensions["bundles"]
    return bundles


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
