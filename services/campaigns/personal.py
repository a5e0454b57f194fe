"""What this service keeps of people: nothing but what they wrote."""

from privacy.personal_data import PersonalData
from services.campaigns.models import Campaign, Invite

PERSONAL = (
    PersonalData(
        Campaign,
        "What a supplier proposes; for as long as it is a customer.",
        letters=("description", "participation_ask", "targeting_criteria"),
        tenant="supplier_id",
    ),
    PersonalData(
        Invite,
        "What a retailer replied.",
        letters=("note",),
        tenant="retailer_id",
    ),
)
