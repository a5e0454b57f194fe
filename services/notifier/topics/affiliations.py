"""The standing of an affiliate with a merchant, for the affiliate."""

from chassis.messaging.events import Received
from services.notifier.topics.affiliates import AffiliateIn, notice
from services.notifier.topics.base import Notice, Source, Topic


def approved(event: Received) -> list[Notice]:
    merchant = event.data.merchant_name
    context = {
        "headline": f"{merchant} has approved you as an affiliate",
        "detail": f"Links that {merchant} makes for you earn commission from now on.",
    }
    return [notice(event, context)]


def suspended(event: Received) -> list[Notice]:
    merchant = event.data.merchant_name
    context = {
        "headline": f"{merchant} has suspended you as an affiliate",
        "detail": f"Your links no longer earn commission. Ask {merchant} if you do not know why.",
    }
    return [notice(event, context)]


AFFILIATION = Topic(
    name="affiliation",
    description="your standing as an affiliate",
    roles=(),
    subject="{headline}",
    sources=(
        Source("affiliates.AffiliateApproved.v1", AffiliateIn, approved),
        Source("affiliates.AffiliateSuspended.v1", AffiliateIn, suspended),
    ),
)
