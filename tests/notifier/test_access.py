"""Who may ask the notifier what; every endpoint stands in the table."""

import re
from uuid import uuid4

import pytest

from contracts.roles import Role
from tests.notifier.helpers import FJORD, NORDIC, PREFERENCES, invite_created, send, user_added
from tests.plugin import endpoints, principal

DELIVERIES = "/api/v1/notifications/deliveries"
EVERYBODY = ()
ADMINS = (Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN, Role.MERCHANT_ADMIN)
VIEWERS = (Role.RETAILER_VIEWER, Role.MERCHANT_VIEWER)
EVENT_READERS = (*ADMINS, *VIEWERS, Role.MACHINE)
WEBHOOK_OWNERS = (*ADMINS, Role.MACHINE)
SIGNED_IN = ("everybody signed in",)
UNSUBSCRIBE = "/unsubscribe/<token>"
TABLE = {
    ("GET", DELIVERIES): (*ADMINS, Role.PLATFORM_ADMIN, *VIEWERS),
    ("POST", f"{DELIVERIES}/<uuid:delivery_id>/resend"): (*ADMINS, Role.PLATFORM_ADMIN),
    ("POST", f"{DELIVERIES}/<uuid:delivery_id>/forget"): (*ADMINS, Role.PLATFORM_ADMIN),
    ("GET", "/api/v1/notifications/audit"): ADMINS,
    ("GET", PREFERENCES): SIGNED_IN,
    ("PUT", PREFERENCES): SIGNED_IN,
    ("GET", UNSUBSCRIBE): EVERYBODY,
    ("POST", UNSUBSCRIBE): EVERYBODY,
    ("GET", "/api/v1/events"): EVENT_READERS,
    ("GET", "/api/v1/events/<uuid:event_id>"): EVENT_READERS,
    **dict.fromkeys(
        (
            *((method, "/api/v1/webhooks") for method in ("GET", "POST")),
            *((method, "/api/v1/webhooks/<uuid:webhook_id>") for method in ("GET", "PUT", "DELETE")),
            *(
                ("POST", f"/api/v1/webhooks/<uuid:webhook_id>/{step}")
                for step in ("pause", "resume", "rotate-secret", "test", "redeliver")
            ),
            *(("GET", f"/api/v1/webhooks/<uuid:webhook_id>/{kind}") for kind in ("messages", "attempts")),
            ("GET", "/api/v1/webhooks/audit"),
        ),
        WEBHOOK_OWNERS,
    ),
    ("GET", "/dev/mailbox"): EVERYBODY,
    ("GET", "/dev/mailbox.json"): EVERYBODY,
}
REFUSALS = ("unauthorized", "forbidden")
GUARDED = [endpoint for endpoint, roles in TABLE.items() if roles]


def concrete(path):
    """An address of something that is not there."""
    return re.sub(r"<uuid:\w+>", lambda _: str(uuid4()), path)


def test_the_table_names_every_endpoint(notifier):
    assert {endpoint: tuple(access) for endpoint, access in endpoints(notifier.app).items()} == TABLE


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_who_is_not_signed_in_is_refused(notifier, method, path):
    """S0-5"""
    answer = notifier.client(None).open(concrete(path), method=method)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(("method", "path"), TABLE)
def test_every_role_is_let_in_or_refused_as_the_table_says(notifier, method, path):
    """A viewer sees what happens and which mails were sent, and no webhooks. No feature flag gates notifications."""
    for role in Role:
        who = principal(role, features=frozenset())
        body = {"json": {}} if method == "PUT" else {}
        answer = notifier.client(who).open(concrete(path), method=method, **body)
        if TABLE[method, path] in (EVERYBODY, SIGNED_IN) or role in TABLE[method, path]:
            assert answer.status_code not in (401, 403), role
        else:
            assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), role


@pytest.mark.parametrize(("method", "path"), TABLE)
def test_what_an_address_does_not_offer_is_refused(notifier, method, path):
    for verb in {"POST", "PUT", "PATCH", "DELETE"} - {one for one, known in TABLE if known == path}:
        assert notifier.client(principal(Role.PLATFORM_ADMIN)).open(concrete(path), method=verb).status_code == 405


def test_a_tenant_sees_the_mails_to_its_own_users_only(notifier):
    """S0-9: also the supplier whose invite it is does not learn the retailer's addresses."""
    other = uuid4()
    notifier.deliver(user_added(), invite_created(), invite_created(other))
    send(notifier)
    seen = {
        tenant: notifier.client(principal(role, tenant_id=tenant)).get(DELIVERIES).json
        for tenant, role in ((FJORD, Role.RETAILER_ADMIN), (NORDIC, Role.SUPPLIER_ADMIN), (other, Role.RETAILER_ADMIN))
    }
    assert [item["to"] for item in seen[FJORD]["items"]] == ["rolf@fjord-retail.example"]
    assert [item["state"] for item in seen[other]["items"]] == ["no_recipient"]
    assert (seen[NORDIC]["items"], seen[NORDIC]["totalItems"]) == ([], 0)
    assert seen[FJORD]["totalItems"] == 1
    operator = notifier.client(principal(Role.PLATFORM_ADMIN)).get(DELIVERIES).json
    assert operator["totalItems"] == 2


def test_a_viewer_sees_the_own_tenants_mails_and_decides_nothing(notifier):
    """Mails of a tenant are read by its viewers; whether an uncertain one goes again is for admins."""
    notifier.deliver(user_added(), invite_created())
    send(notifier)
    viewer = notifier.client(principal(Role.RETAILER_VIEWER, tenant_id=FJORD))
    admin = notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD))
    assert viewer.get(DELIVERIES).json == admin.get(DELIVERIES).json
    assert viewer.get(DELIVERIES).json["totalItems"] == 1
    assert viewer.get("/api/v1/events").json["items"] == admin.get("/api/v1/events").json["items"]
    stranger = notifier.client(principal(Role.RETAILER_VIEWER))
    assert stranger.get(DELIVERIES).json["items"] == stranger.get("/api/v1/events").json["items"] == []
    delivery = viewer.get(DELIVERIES).json["items"][0]["id"]
    assert viewer.post(f"{DELIVERIES}/{delivery}/resend").status_code == 403


def test_viewers_get_no_mails(notifier):
    """A mail asks for an answer, which a viewer cannot give; without an admin it waits for one."""
    notifier.deliver(user_added(uuid4(), FJORD, role=str(Role.RETAILER_VIEWER)), invite_created())
    send(notifier)
    admin = notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD))
    assert [item["state"] for item in admin.get(DELIVERIES).json["items"]] == ["no_recipient"]
