"""What the endpoints of cart campaigns and linked products have in common."""

from collections.abc import Sequence

from services.promotions.common.warning_rules import Warned
from services.promotions.sales.warning_api import header


def header_for(warnings: Sequence[Warned]) -> dict[str, str]:
    """The header that names the codes of a write's warnings, as the body does; none where there are none."""
    return header(*dict.fromkeys(warned.code for warned in warnings))
