"""The decisions about cart campaigns and linked products (S4): when one counts, and which version may be written."""

from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

from chassis.errors import Failure, Stale


class Status(StrEnum):
    """S4-7. A campaign's dates are apart from it."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class MatchMode(StrEnum):
    """What an id in a campaign stands for (S4-23, D53)."""

    PRODUCT = "product"
    VARIANT = "variant"


class QuantitySelector(StrEnum):
    """How much of a linked product goes with its base product (S4-22, D53)."""

    LESS_OR_EQUAL = "alignedLessOrEqual"
    EQUAL = "alignedEqual"
    ANY = "any"


class Reason(StrEnum):
    """Why the campaign that a cart was to have does not count (D50, D52)."""

    UNKNOWN = "unknown_campaign"
    AMBIGUOUS = "ambiguous_campaign"
    DISABLED = "campaign_disabled"
    NOT_STARTED = "campaign_not_started"
    ENDED = "campaign_ended"
    MANDATORY = "mandatory_product_missing"


class VersionRequired(Failure):
    """An update that does not say which version it goes by (D6)."""

    status = HTTPStatus.PRECONDITION_REQUIRED
    default_code = "version_required"


def reason_against(status: str, start: datetime, end: datetime | None, now: datetime) -> Reason | None:
    """Why a campaign does not count at ``now``, or None where it does (S4-25): both its dates belong to it (D3)."""
    if status != Status.ENABLED:
        return Reason.DISABLED
    if now < start:
        return Reason.NOT_STARTED
    if end is not None and now > end:
        return Reason.ENDED
    return None


def require_version(current: int, offered: int | None, *, has_condition: bool) -> None:
    """Compare the ``dbVersion`` of an update with what is stored (S4-14, S4-15, D6).

    Args:
        has_condition: the request carries an ``If-Match``, which may stand instead.

    Raises:
        VersionRequired: 428, it names no version at all.
        Stale: 412, it was read before the last change.
    """
    if offered is None and not has_condition:
        raise VersionRequired("Send the dbVersion that you have read, or If-Match.")
    if offered is not None and offered != current:
        raise Stale("This has been changed since you read it. Read it again and repeat your change.")
