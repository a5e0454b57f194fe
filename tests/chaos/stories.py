"""What else happens on the platform meanwhile: a few users go through everything that tells of an event.

Each story says which types it makes. With those of :mod:`tests.chaos.load` they are all that are published, which a
test holds; the verdict asks whether they were really made.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chassis.core.clock import rfc3339, utcnow
from tests.chaos.client import Client

WEIGHED_WITHIN = ENDED_WITHIN = 60.0  # seconds
PRM, CAMPAIGNS, THREADS = "/api/v1/prm", "/api/v1/campaigns", "/api/v1/messaging/threads"
MERCHANT = "/merchant/api/v1"
TEAM = "/api/v1/tenant/users"


@dataclass(frozen=True)
class Cast:
    """The users of a story, and where their tenants are."""

    operator: Client
    supplier: Client
    supplier_id: str
    retailer: Client  # a partner of the supplier's, with a shop
    retailer_id: str
    newcomer: Client  # a retailer that comes and goes
    newcomer_id: str
    merchant: Client
    merchant_id: str


@dataclass(frozen=True)
class Story:
    """Something that can happen again and again; ``events`` are the types that it makes each time."""

    name: str
    tell: Callable[[Cast, str], None]
    events: tuple[str, ...]


STORIES: list[Story] = []


def makes(*events: str) -> Callable[[Callable[[Cast, str], None]], Callable[[Cast, str], None]]:
    """Make a function a story. It is given the cast, and a tag that no other telling has."""

    def keep(tell: Callable[[Cast, str], None]) -> Callable[[Cast, str], None]:
        STORIES.append(Story(tell.__name__, tell, events))
        return tell

    return keep


@makes("identity.TenantChanged.v2", "identity.UserAdded.v1", "identity.UserRemoved.v1")
def a_merchant_is_renamed(cast: Cast, tag: str) -> None:
    """Identity numbers what it tells of the merchant's tenant; affiliates does so, too, of its clicks (D63)."""
    tenant = f"/api/v1/admin/tenants/{cast.merchant_id}"
    for name in (f"Merchant {tag}", f"Merchant {tag} again"):
        cast.operator.patch(tenant, {"name": name})
    person = {"email": f"{tag}@chaos.example", "name": tag, "role": "MerchantAdmin", "password": "concord-demo"}
    cast.operator.sign_in_again()
    user = cast.operator.post(f"{tenant}/users", person)
    cast.operator.delete(f"{tenant}/users/{user['id']}")


@makes("identity.UserChanged.v1", "identity.AccountSecured.v2", "identity.PasswordResetRequested.v1")
def a_person_looks_after_the_account(cast: Cast, tag: str) -> None:
    """The password stays the same word, so that a telling that breaks off locks nobody out. A mail with a link is sent
    three times an hour at most, however often it is asked for."""
    cast.newcomer.post("/session/recover", {"email": cast.newcomer.user.email})
    cast.newcomer.patch("/api/v1/me", {"name": f"Newcomer {tag}"})
    password = cast.newcomer.user.password
    cast.newcomer.post("/api/v1/me/password", {"current": password, "new": password})


@makes(
    *(f"identity.User{what}.v1" for what in ("Invited", "Changed")),
    *("identity.PasswordResetRequested.v1", "identity.PersonErased.v1"),
)
def a_colleague_comes_and_goes(cast: Cast, tag: str) -> None:
    tenant = f"/api/v1/admin/tenants/{cast.merchant_id}/users"
    invitation = {"email": f"{tag}@chaos.example", "name": tag, "role": "MerchantViewer"}
    invited = cast.merchant.post(TEAM, invitation)
    cast.merchant.delete(f"{TEAM}/{invited['id']}")
    user = cast.operator.post(tenant, invitation | {"password": "concord-demo"})
    cast.operator.post(f"{tenant}/{user['id']}/recover")
    cast.merchant.sign_in_again()
    cast.merchant.patch(f"{TEAM}/{user['id']}", {"role": "MerchantAdmin"})
    cast.merchant.post(f"{TEAM}/{user['id']}/erase")


@makes(*(f"identity.Tenant{what}.v1" for what in ("Suspended", "Resumed", "Ended")))
def a_company_leaves(cast: Cast, tag: str) -> None:
    """It ends as soon as the scheduler comes to it: the grace is over at once here."""
    created = cast.operator.post("/api/v1/admin/tenants", {"name": f"Leaver {tag}", "kind": "Merchant"})
    tenant = f"/api/v1/admin/tenants/{created['id']}"
    cast.operator.sign_in_again()
    cast.operator.post(f"{tenant}/users", {"email": f"{tag}@chaos.example", "name": tag, "role": "MerchantAdmin"})
    for suspended in (True, False):
        cast.operator.patch(tenant, {"suspended": suspended})
    cast.operator.sign_in_again()
    cast.operator.delete(f"{tenant}?exported=true")
    deadline = time.monotonic() + ENDED_WITHIN
    while cast.operator.get(f"{tenant}/users")["totalItems"] and time.monotonic() < deadline:
        time.sleep(0.5)


@makes(
    *(f"prm.Relationship{what}.v1" for what in ("Invited", "Requested", "Accepted", "Declined")),
    *(f"prm.Relationship{what}.v1" for what in ("Paused", "Resumed", "Ended")),
    *(f"prm.Tier{what}.v1" for what in ("Created", "Replaced", "Deleted", "Assigned", "Unassigned")),
)
def partners_come_and_go(cast: Cast, tag: str) -> None:
    asked = cast.newcomer.post(f"{PRM}/relationships", {"supplierId": cast.supplier_id})
    cast.supplier.post(f"{PRM}/relationships/{asked['id']}/decline")
    address = f"{PRM}/relationships/{asked['id']}"
    cast.supplier.post(f"{PRM}/relationships", {"retailerId": cast.newcomer_id})
    cast.newcomer.post(f"{address}/accept")
    cast.supplier.post(f"{address}/pause")
    cast.supplier.post(f"{address}/resume")
    tier = f"{PRM}/tiers/{cast.supplier.post(f'{PRM}/tiers', {'name': tag, 'benefits': ['Leads']})['id']}"
    cast.supplier.put(tier, {"name": f"{tag} and more", "benefits": ["Leads", "Rebate"]})
    cast.supplier.post(f"{tier}/assign", {"retailerId": cast.newcomer_id})
    cast.supplier.delete(f"{tier}/assign/{cast.newcomer_id}")
    cast.supplier.delete(tier)
    cast.supplier.post(f"{address}/end")


@makes("campaigns.CampaignCreated.v1", "campaigns.CampaignChanged.v1", "campaigns.CampaignDeleted.v1")
def a_draft_is_thrown_away(cast: Cast, tag: str) -> None:
    draft = campaign(f"draft {tag}")
    address = f"{CAMPAIGNS}/{cast.supplier.post(CAMPAIGNS, draft)['id']}"
    cast.supplier.put(address, draft | {"description": "Better."})
    cast.supplier.delete(address)


@makes("messaging.ThreadStarted.v1", "messaging.MessagePosted.v1", "messaging.ThreadRead.v1")
def a_conversation_is_read(cast: Cast, tag: str) -> None:
    body = {"retailerId": cast.retailer_id, "subject": f"About {tag}", "firstMessage": f"Hello {tag}"}
    thread = f"{THREADS}/{cast.supplier.post(THREADS, body)['id']}"
    cast.retailer.put(f"{thread}/read")


@makes(
    *("promotions.SettingsChanged.v1", "promotions.ProductsChanged.v1"),
    *("promotions.StoreCreated.v1", "promotions.StoreChanged.v1"),
    *("promotions.CustomerGroupCreated.v1", "promotions.CustomerGroupChanged.v1"),
    *(f"promotions.Pricelist{what}.v1" for what in ("Created", "Renamed", "Deleted", "ProductsChanged")),
)
def a_shop_is_furnished(cast: Cast, tag: str) -> None:
    shop, retailer = f"/v2/tenants/{cast.retailer_id}", cast.retailer
    for strategy in ("best_price", "priority"):
        retailer.put(f"{shop}/settings", {"strategy": strategy})
    retailer.post(f"{shop}/products", {"products": [{"productUid": f"p-{tag}", "name": tag, "price": "10.00"}]})
    for kind, key in (("stores", "storeUid"), ("customergroups", "customerGroupUid")):
        uid = f"{kind}-{tag}"
        retailer.post(f"{shop}/{kind}", {key: uid, "name": tag})
        retailer.put(f"{shop}/{kind}/{uid}", {"name": f"{tag} renamed"})
    prices = f"{shop}/pricelists/prices-{tag}"
    retailer.post(f"{shop}/pricelists", {"pricelistUid": f"prices-{tag}", "name": tag})
    retailer.put(f"{prices}/products", {"add": [{"productUid": f"p-{tag}", "price": "9.00"}]})
    retailer.put(prices, {"name": f"{tag} renamed"})
    retailer.delete(prices)


@makes(
    *(f"promotions.SalesCampaign{what}.v1" for what in ("Created", "Changed", "Activated", "Deactivated")),
    "promotions.SalesSelectionReplaced.v1",
)
def a_sales_campaign_runs(cast: Cast, tag: str) -> None:
    campaigns, retailer = f"/v2/tenants/{cast.retailer_id}/campaigns", cast.retailer
    body = {
        "campaignUid": f"sale-{tag}",
        "name": tag,
        "displayName": tag,
        "type": "CAMPAIGN",
        "discountType": "QUALIFIED_PRODUCT",
        "discountPercent": 10,
        "storeUids": [],
        "validFrom": "2026-01-01T00:00:00Z",
        "validTo": "2036-01-01T00:00:00Z",
    }
    address = f"{campaigns}/{retailer.post(campaigns, body)['campaignUid']}"
    retailer.put(address, {"name": f"{tag} renamed"})
    retailer.put(f"{address}/selections", {"create": {"include": {"brandUids": ["own"]}}})
    retailer.put(address, {"status": "ACTIVE"})
    retailer.put(address, {"status": "INACTIVE"})


@makes(*(f"promotions.Campaign{what}.v1" for what in ("Created", "Updated", "Started", "Ended", "Deleted")))
def a_store_campaign_runs(cast: Cast, tag: str) -> None:
    campaigns, now = f"/stores/company/{cast.retailer_id}/campaigns", utcnow()
    window = {"starts_at": rfc3339(now + timedelta(hours=1)), "ends_at": rfc3339(now + timedelta(hours=2))}
    made = cast.retailer.post(campaigns, {"name": f"in stores {tag}"} | window)
    address = f"{campaigns}/{made['campaign_id']}"
    cast.retailer.put(address, {"description": "At the entrance"})
    cast.retailer.put(address, {"status": "active"})
    cast.retailer.put(address, {"status": "expired"})
    cast.retailer.delete(address)


@makes(
    *(f"promotions.CartCampaign{what}.v1" for what in ("Created", "Replaced", "Deleted")),
    *(f"promotions.LinkedProducts{what}.v1" for what in ("Created", "Replaced", "Deleted")),
)
def a_cart_campaign_comes_and_goes(cast: Cast, tag: str) -> None:
    retailer, started = cast.retailer, 1_767_225_600_000
    campaigns, linked = "/marketing/campaigns", "/marketing/linked-products"
    base, extra = f"base-{tag}", f"extra-{tag}"
    products = [{"productUid": uid, "name": uid, "price": "10.00"} for uid in (base, extra)]
    retailer.post(f"/v2/tenants/{cast.retailer_id}/products", {"products": products})
    body = {"name": f"cart {tag}", "startDate": started, "status": "ENABLED", "products": [{"id": base}, {"id": extra}]}
    made = retailer.post(campaigns, body)
    _replace(retailer, f"{campaigns}/{made['id']}", description="Now better")
    link = {"marketingCampaignId": made["id"], "baseProduct": {"id": base}, "linkedProduct": {"id": extra}}
    pair = f"{linked}/{retailer.post(linked, link)['id']}"
    _replace(retailer, pair, linkedProduct={"id": extra, "quantitySelector": "any"})
    retailer.delete(pair)
    retailer.delete(f"{campaigns}/{made['id']}")


def _replace(retailer: Client, address: str, **changes: Any) -> None:
    retailer.put(address, retailer.get(address) | changes)


@makes(
    *("affiliates.CampaignActivated.v1", "affiliates.CampaignPaused.v1"),
    *("affiliates.AffiliateApproved.v1", "affiliates.AffiliateSuspended.v1", "affiliates.ClickRecorded.v1"),
    *("affiliates.ConversionCredited.v1", "affiliates.ConversionRefused.v1", "affiliates.CommissionReversed.v1"),
)
def a_link_earns_a_commission(cast: Cast, tag: str) -> None:
    merchant = cast.merchant
    terms = {"defaultCommissionType": "PERCENTAGE", "defaultCommissionValue": "10", "approvalRequired": False}
    campaign = f"{MERCHANT}/campaigns/{merchant.post(f'{MERCHANT}/campaigns', {'title': tag} | terms)['id']}"
    merchant.post(f"{campaign}/activate")
    person = merchant.post(f"{MERCHANT}/affiliates", {"name": tag, "email": f"{tag}@blog.example"})["id"]
    merchant.post(f"{MERCHANT}/affiliates/{person}/approve")
    link = merchant.post(f"{campaign}/links", {"affiliateId": person, "destination": "https://shop.example/"})
    for number in range(3):
        click = merchant.follow(link["code"])
        time.sleep(0.4)  # longer than clicks are gathered, so each is told of by itself
        if click:
            _order(merchant, f"{tag}-{number}", click)
    _order(merchant, f"{tag}-nobody", None)
    merchant.post(f"{campaign}/pause")
    merchant.post(f"{MERCHANT}/affiliates/{person}/suspend")


@makes("affiliates.AffiliateInvited.v1", "identity.UserInvited.v1", "identity.AffiliateInvitationRefused.v1")
def affiliates_are_asked_to_sign_in(cast: Cast, tag: str) -> None:
    """One whose address is free, and one whose address is a colleague's account."""
    users = f"/api/v1/admin/tenants/{cast.merchant_id}/users"
    colleague = {"email": f"{tag}-taken@chaos.example", "name": tag, "role": "MerchantAdmin"}
    cast.operator.sign_in_again()
    user = cast.operator.post(users, colleague | {"password": "concord-demo"})
    for email in (f"{tag}-free@chaos.example", colleague["email"]):
        person = cast.merchant.post(f"{MERCHANT}/affiliates", {"name": tag, "email": email})["id"]
        cast.merchant.post(f"{MERCHANT}/affiliates/{person}/invite")
    deadline = time.monotonic() + WEIGHED_WITHIN
    while cast.merchant.get(f"{MERCHANT}/affiliates/{person}")["account"] != "REFUSED":
        if time.monotonic() > deadline:
            return  # the verdict tells
        time.sleep(0.2)
    cast.operator.delete(f"{users}/{user['id']}")


def _order(merchant: Client, number: str, click: str | None) -> None:
    """Report an order and wait until it is weighed; what was credited is refunded."""
    order = {"externalOrderId": number, "orderAmount": "100.00", "currency": "NPR"}
    merchant.post(f"{MERCHANT}/conversions", order | ({"clickId": click} if click else {}))
    address = f"{MERCHANT}/conversions/{number}"
    deadline = time.monotonic() + WEIGHED_WITHIN
    while (weighed := merchant.get(address))["status"] == "ACCEPTED" and time.monotonic() < deadline:
        time.sleep(0.5)
    if weighed["status"] == "CREDITED":
        merchant.post(f"{address}/status", {"status": "refunded", "refundAmount": "50.00", "refundId": number})


def campaign(name: str) -> dict[str, str]:
    """A campaign's body."""
    return {
        "name": name,
        "description": "Sent while everything breaks.",
        "participationAsk": "Answer once.",
        "startDate": "2027-01-01T00:00:00Z",
        "endDate": "2027-02-01T00:00:00Z",
    }
