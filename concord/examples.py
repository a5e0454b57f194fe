"""Made-up contents for the examples in the catalogue of events, by the names of the fields."""

from typing import Any

_BY_NAME: dict[str, Any] = {
    "about_type": "campaign",
    "affiliate_email": "lena@heat-blog.example",
    "affiliate_name": "Heat Blog",
    "asset_urls": ["https://assets.example/spring.png"],
    "base_match_mode": "product",
    "campaign_code": "SPRING26",
    "campaign_name": "Spring Showroom Push",
    "campaign_title": "Spring heat",
    "commission_level": "campaign",
    "currency": "SEK",
    "description": "Co-branded spring promotion across showroom partners.",
    "email": "rolf@fjord-retail.example",
    "features": ("campaigns", "prm", "messaging"),
    "kind": "Supplier",
    "linked_match_mode": "variant",
    "merchant_name": "Dashain Market",
    "name": "Nordic Heating",
    "note": "Happy to join.",
    "order_status": "CONFIRMED",
    "participation_ask": "Feature the spring display for 4 weeks and run the 10% bundle offer.",
    "preview": "Hi — here is the artwork. Let me know if it works.",
    "previous_status": "Sent",
    "previous_tier_name": "Silver",
    "quantity_selector": "alignedLessOrEqual",
    "response": "Accepted",
    "retailer_name": "Fjord Retail",
    "role": "RetailerAdmin",
    "sender_name": "Nordic Heating",
    "slug": "nordic-heating",
    "status": "Active",
    "strategy": "priority",
    "subject": "Artwork",
    "supplier_name": "Nordic Heating",
    "tier_name": "Gold",
    "time_zone": "Europe/Oslo",
    "title": "Spring heat",
}


def example_of_field(name: str) -> Any:
    """What a field of that name may say; None where any value of its type will do."""
    return _BY_NAME.get(name)
