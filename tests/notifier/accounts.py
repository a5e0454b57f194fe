"""Events about accounts as identity publishes them, and an identity that gives out links."""

from uuid import UUID, uuid4

from flask import Flask, abort, jsonify, request

from chassis.http.identity import HEADER, Verifier
from tests.notifier.helpers import FJORD, ROLF
from tests.plugin import WsgiAdapter, sample_event

LINK = UUID("0e2f0000-0000-4000-8000-000000000008")
TOKEN = "cVq0T3n4tGm2Jw8yH5sKzR1bLx7uPd9eAfWkQo6iXvM"
LATER = "2036-03-08T08:30:00Z"
INTERNAL = "http://identity"


def user_invited(user_id=ROLF, tenant_id=FJORD, sequence=1, **changes):
    data = {
        "userId": str(user_id),
        "tenantId": str(tenant_id),
        "email": "rolf@fjord-retail.example",
        "name": "",
        "role": "RetailerAdmin",
        "tenantName": "Fjord Retail",
        "invitedBy": "Frida Fjord",
        "linkId": str(LINK),
        "expiresAt": LATER,
    }
    about = {"subject": str(user_id), "sequence": sequence, "tenantids": str(tenant_id)}
    return sample_event("identity.UserInvited.v1", data | changes, **about)


def user_changed(user_id=ROLF, tenant_id=FJORD, sequence=2, **changes):
    data = {
        "userId": str(user_id),
        "tenantId": str(tenant_id),
        "email": "rolf@fjord-retail.example",
        "name": "Rolf Fjord",
        "role": "RetailerAdmin",
        "suspended": False,
        "locale": None,
        "timeZone": None,
    }
    about = {"subject": str(user_id), "sequence": sequence, "tenantids": str(tenant_id)}
    return sample_event("identity.UserChanged.v1", data | changes, **about)


def reset_requested(user_id=ROLF, tenant_id=FJORD, sequence=2, **changes):
    """For no tenant's eyes."""
    data = {"userId": str(user_id), "tenantId": str(tenant_id), "linkId": str(LINK), "expiresAt": LATER}
    about = {"subject": str(user_id), "sequence": sequence, "tenantids": ""}
    return sample_event("identity.PasswordResetRequested.v1", data | changes, **about)


def account_secured(what="new_device", user_id=ROLF, tenant_id=FJORD, sequence=2, **changes):
    """For no tenant's eyes."""
    data = {
        "userId": str(user_id),
        "tenantId": str(tenant_id),
        "what": what,
        "detail": "Firefox on Windows",
        "address": "198.51.100.23",
        "at": "2026-03-01T08:29:00Z",
        "byProvider": False,
    }
    about = {"subject": str(user_id), "sequence": sequence, "tenantids": ""}
    return sample_event("identity.AccountSecured.v2", data | changes, **about)


def tenant_event(what, tenant_id=FJORD, sequence=2):
    """``what`` is Suspended, Resumed or Ended."""
    about = {"subject": str(tenant_id), "sequence": sequence, "tenantids": str(tenant_id)}
    return sample_event(f"identity.Tenant{what}.v1", {"tenantId": str(tenant_id)}, **about)


def new_link():
    return str(uuid4())


class Identity:
    """What the notifier asks of identity: links, for the notifier alone. ``status`` is answered instead when set."""

    def __init__(self, keys):
        self.links = {}
        self.asked = []
        self.status = None
        self.answer = None
        self.app = Flask("identity")
        verifier = Verifier(keys, "identity")

        @self.app.get("/internal/links/<uuid:link_id>")
        def link(link_id):
            principal, sender = verifier.verify(request.headers[HEADER])
            self.asked.append((link_id, sender, principal.role))
            if self.status:
                abort(self.status)
            if self.answer is not None:
                return jsonify(self.answer)
            if str(link_id) not in self.links:
                abort(404)
            return jsonify(self.links[str(link_id)])

    def give(self, purpose, *, link=LINK, token=TOKEN, email="rolf@fjord-retail.example"):
        self.links[str(link)] = {
            "token": token,
            "purpose": purpose,
            "email": email,
            "name": "Rolf Fjord",
            "expiresAt": LATER,
        }

    def reach_from(self, notifier):
        client = notifier.runtime.client
        client.addresses["identity"] = INTERNAL
        client.http.session.mount(INTERNAL, WsgiAdapter(self.app))
