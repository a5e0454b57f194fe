"""Demo data for an empty platform, created through the gateway as its users would do it.

Two suppliers with tiers, groups and campaigns in every status; twelve retailers with relationships in every status;
a few conversations; a merchant with affiliates (``concord.demo_merchant``); a retailer with sales campaigns
(``concord.demo_sales``), a campaign in its stores and one for carts (``concord.demo_carts``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import requests

from chassis.process.service import Runtime
from concord import demo_carts, demo_merchant, demo_sales
from concord.demo_user import PASSWORD, Account, User
from services.identity.users import bootstrap

FEATURES = ["campaigns", "prm", "messaging"]
RETAILER_FEATURES = [*FEATURES, "promotions"]


OPERATOR = Account("admin@concord.example", "Ada Operator", "PlatformAdmin")
ANNA = Account("anna@nordic-heating.example", "Anna Lind", "SupplierAdmin")
VERA = Account("vera@nordic-heating.example", "Vera Holm", "SupplierViewer")
ROLF = Account("rolf@fjord-retail.example", "Rolf Fjord", "RetailerAdmin")
RITA = Account("rita@bergen-bygg.example", "Rita Berg", "RetailerAdmin")
MAJA = Account("maja@dashain-market.example", "Maja Rai", "MerchantAdmin")
ACCOUNTS = (OPERATOR, ANNA, VERA, ROLF, RITA, MAJA)

PETER = Account("peter@alpine-pumps.example", "Peter Gruber", "SupplierAdmin")
RETAILERS = {
    "Fjord Retail": ROLF,
    "Bergen Bygg": RITA,
    **{
        name: Account(f"shop@{name.lower().replace(' ', '-')}.example", f"{name} Office", "RetailerAdmin")
        for name in (
            "Oslo Varme",
            "Malmo Klimat",
            "Uppsala VVS",
            "Aarhus Energi",
            "Tampere Talo",
            "Turku Heat",
            "Lund Installation",
            "Kiruna Komfort",
            "Stavanger Bad",
            "Odense Hjem",
        )
    },
}

SPRING = {
    "name": "Spring Showroom Push",
    "description": "Co-branded spring promotion across showroom partners.",
    "participationAsk": "Feature the spring display for 4 weeks and run the 10% bundle offer.",
    "startDate": "2026-04-01T00:00:00Z",
    "endDate": "2026-05-15T00:00:00Z",
}
PROPOSAL = {
    "name": "HVAC Installer Co-Marketing",
    "description": "Lead-gen push targeting HVAC installers within 50 km.",
    "participationAsk": "Co-fund local ads and accept routed installer leads.",
    "startDate": "2026-06-01T00:00:00Z",
    "endDate": "2026-07-01T00:00:00Z",
    "assetUrls": ["https://cdn.example.com/banner-a.png"],
    "targetingCriteria": '{"geoRadius":50,"categories":["HVAC"]}',
    "budget": 25000,
    "currency": "SEK",
    "proposalType": "Proposal",
}
ADVANCES = ["ResponsesIn", "Active", "Complete"]


def create_operator(runtime: Runtime) -> None:
    """Create the first PlatformAdmin of a development platform, if there is none."""
    if runtime.settings.development:
        bootstrap.platform_admin(runtime, OPERATOR.email, PASSWORD, name=OPERATOR.name)


def seed(base: str, say: Callable[[str], None]) -> None:
    """Write the demo data through the gateway at ``base``, unless it is there.

    Every request has an idempotency key, so a run that was interrupted can be repeated.
    """
    operator = User(base, OPERATOR)
    if _is_complete(base, operator):
        return
    say("Writing demo data …")
    nordic = _tenant(operator, "Nordic Heating", "Supplier", [ANNA, VERA], FEATURES)
    alpine = _tenant(operator, "Alpine Pumps", "Supplier", [PETER], FEATURES)
    _tenant(operator, "Dashain Market", "Merchant", [MAJA], ["affiliates"])
    shops = {
        name: Shop(_tenant(operator, name, "Retailer", [account], RETAILER_FEATURES), User(base, account))
        for name, account in RETAILERS.items()
    }
    say("  tenants and users")
    anna, peter = User(base, ANNA), User(base, PETER)
    _network(anna, nordic, list(shops.values()))
    _network(peter, alpine, list(shops.values())[:4])
    _tiers(anna, list(shops.values()))
    say("  relationships, groups and tiers")
    _campaigns(anna, list(shops.values()))
    say("  campaigns")
    demo_merchant.seed(User(base, MAJA), operator)
    say("  a merchant with affiliates")
    demo_sales.sales_campaigns(shops["Fjord Retail"].admin, slug="fjord-retail")
    say("  a retailer with sales campaigns")
    demo_carts.stores_and_carts(shops["Fjord Retail"].admin, slug="fjord-retail")
    say("  stores and carts")
    _conversations(anna, peter, list(shops.values()))
    say("  conversations")


def _is_complete(base: str, operator: User) -> bool:
    """Whether the last thing that :func:`seed` writes is there."""
    if operator.get("/api/v1/admin/tenants?pageSize=1")["totalItems"] == 1:
        return False
    try:
        threads = User(base, PETER).get("/api/v1/messaging/threads")["items"]
        return any(thread["waitingFor"] == "supplier" for thread in threads)
    except requests.HTTPError:  # Peter cannot sign in yet
        return False


@dataclass(frozen=True)
class Shop:
    """A retailer: its tenant's id and its admin."""

    id: str
    admin: User


def _tenant(operator: User, name: str, kind: str, accounts: Iterable[Account], features: list[str]) -> str:
    tenant = operator.post("/api/v1/admin/tenants", {"name": name, "kind": kind, "features": features})
    for account in accounts:
        user = {"email": account.email, "name": account.name, "role": account.role, "password": PASSWORD}
        operator.post(f"/api/v1/admin/tenants/{tenant['id']}/users", user)
    return str(tenant["id"])


def _network(supplier: User, supplier_id: str, shops: list[Shop]) -> None:
    """Relationships in every status: the last ones Pending, Invited, Inactive and Paused, the others Active."""
    for index, shop in enumerate(shops):
        if len(shops) - index == 1:
            shop.admin.post("/api/v1/prm/relationships", {"supplierId": supplier_id})  # stays Pending
            continue
        relationship = supplier.post("/api/v1/prm/relationships", {"retailerId": shop.id})
        address = f"/api/v1/prm/relationships/{relationship['id']}"
        if len(shops) - index == 2:
            continue  # stays Invited
        shop.admin.post(f"{address}/accept")
        if len(shops) - index == 3:
            supplier.post(f"{address}/end")
        if len(shops) - index == 4:
            supplier.post(f"{address}/pause")


def _tiers(supplier: User, shops: list[Shop]) -> None:
    tiers = [
        ("Gold", ["Priority installer lead routing", "Co-op marketing fund eligibility", "Featured placement"]),
        ("Silver", ["Co-op marketing fund eligibility", "Volume rebate"]),
        ("Bronze", ["Volume rebate"]),
    ]
    for order, (name, benefits) in enumerate(tiers):
        tier = {"name": name, "description": f"{name} partners.", "sortOrder": order, "benefits": benefits}
        created = supplier.post("/api/v1/prm/tiers", tier)
        for shop in shops[order * 2 : order * 2 + 2]:
            supplier.post(f"/api/v1/prm/tiers/{created['id']}/assign", {"retailerId": shop.id})


def _campaigns(supplier: User, shops: list[Shop]) -> None:
    """One campaign in every status; half of the invited retailers have answered."""
    groups = [
        supplier.post("/api/v1/prm/groups", {"name": name, "retailerIds": [shop.id for shop in members]})
        for name, members in (
            ("Showrooms", shops[:4]),
            ("Installers", shops[2:7]),
            ("Coast", [shops[0], shops[1], shops[5]]),
        )
    ]
    supplier.post("/api/v1/campaigns", {**PROPOSAL, "name": "Autumn Boiler Swap"})  # stays Draft
    for steps, group in enumerate((groups[0], groups[1], groups[2], groups[0])):
        template = SPRING if steps % 2 == 0 else PROPOSAL
        campaign = supplier.post("/api/v1/campaigns", {**template, "name": f"{template['name']} {2023 + steps}"})
        address = f"/api/v1/campaigns/{campaign['id']}"
        supplier.post(f"{address}/send", {"groupIds": [group["id"]]})
        _answer(shops[: 2 + steps], campaign["id"])
        for status in ADVANCES[:steps]:
            supplier.post(f"{address}/status", {"status": status})


def _conversations(anna: User, peter: User, shops: list[Shop]) -> None:
    """One that was answered, one that waits for the retailer, and one that waits for the supplier."""
    fjord, bergen = shops[:2]
    campaigns = anna.get("/api/v1/campaigns")["items"]
    spring = next(campaign for campaign in campaigns if campaign["name"].startswith(SPRING["name"]))
    artwork = {
        "subject": "Spring campaign artwork",
        "firstMessage": "Hi — here is the artwork for the spring push. Let me know if it works.",
        "about": {"type": "campaign", "id": spring["id"]},
    }
    answered = _thread(anna, fjord, artwork)
    fjord.admin.post(f"{answered}/messages", {"body": "It does. Can we have the banner in Norwegian as well?"})
    anna.post(f"{answered}/messages", {"body": "Of course, you will have it on Monday."})
    _thread(anna, bergen, artwork)
    question = _thread(peter, fjord, {"subject": "Pump display", "firstMessage": "Two square metres by the door?"})
    fjord.admin.post(f"{question}/messages", {"body": "We can do three. When does it arrive?"})


def _thread(supplier: User, shop: Shop, opening: dict[str, Any]) -> str:
    created = supplier.post("/api/v1/messaging/threads", {"retailerId": shop.id, **opening})
    return f"/api/v1/messaging/threads/{created['id']}"


def _answer(shops: list[Shop], campaign_id: str) -> None:
    for index, shop in enumerate(shops):
        inbox = shop.admin.get("/api/v1/campaigns/invites?status=Pending")["items"]
        for invite in inbox:
            if invite["campaignId"] == campaign_id:
                answer = {"response": "Declined", "note": "Not this season."} if index % 3 == 2 else _yes(index)
                shop.admin.post(f"/api/v1/campaigns/invites/{invite['id']}/respond", answer)


def _yes(index: int) -> dict[str, str]:
    return {"response": "Accepted", "note": "Happy to join."} if index % 2 else {"response": "Accepted"}
