"""What this service keeps of people."""

from collections.abc import Mapping
from typing import Any

from privacy.person import FORMER_USER, NO_ADDRESS
from privacy.personal_data import PersonalData
from services.affiliates.affiliates.models import Affiliate, AffiliateUser


def _key(row: Mapping[str, Any]) -> str:
    """One address is enrolled once with a merchant, and several affiliates may have been erased."""
    return f"{row['id']}:{NO_ADDRESS}"


PERSONAL = (
    PersonalData(
        Affiliate,
        "Whom a merchant pays commission; as long as its books must be kept.",
        by_user=("id", "user_id"),
        by_address=("email", "email_key"),
        tenant="merchant_id",
        erase={"name": FORMER_USER, "email": NO_ADDRESS, "email_key": _key},
    ),
    PersonalData(
        AffiliateUser,
        "By which address an affiliate's account is known; until the person is removed.",
        by_user=("id",),
        by_address=("email_key",),
        tenant="merchant_id",
        erase={"email_key": None},
    ),
)
