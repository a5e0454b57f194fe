"""Weighing an order: reads the buyer's clicks, the campaign, the affiliate and the terms, and decides from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.affiliates.affiliates.models import Affiliate
from services.affiliates.affiliates.rules import Enrolment, why_links_rest
from services.affiliates.campaigns.models import Campaign, CampaignRun
from services.affiliates.campaigns.rules import Status, why_not_live_then
from services.affiliates.clicks.models import Click
from services.affiliates.commissions.rules import Commission, Item, Level, commission_of, default_terms
from services.affiliates.common.terms import Terms
from services.affiliates.conversions import rules
from services.affiliates.conversions.rules import Clicked, Flag, NoClick, Order, attribute
from services.affiliates.links.rules import MERCHANT_DISABLED
from services.affiliates.merchant_settings.queries import misfit
from services.affiliates.merchants.models import Merchant
from services.affiliates.products.models import Product

MAX_CLICKS = 200  # the newest of a visitor; nobody who clicks more often between two orders is a buyer


@dataclass
class Verdict:
    """The decision about an order, and why. ``click`` is the one that wins or would have won."""

    reason: str
    click: Click | None = None
    campaign: Campaign | None = None
    affiliate: Affiliate | None = None
    commission: Commission | None = None
    flags: list[Flag] = field(default_factory=list)


def knows_click(session: Session, merchant_id: UUID, click_id: UUID) -> bool:
    """Whether a click on the merchant's links was written. Another merchant's click is unknown (D5)."""
    own = (Click.id == click_id, Click.merchant_id == merchant_id)
    return session.scalar(select(Click.id).where(*own)) is not None


def weigh(session: Session, merchant: Merchant, order: Order, platform: Terms) -> Verdict:
    """Decide about an order as things stand (D32, D33, D34, S2-13, S2-14, S2-19).

    Args:
        platform: the commission if no other level defines one.
    """
    clicks, reason = _clicks(session, merchant, order)
    if not clicks:
        return Verdict(reason, flags=rules.time_flags(order.occurred_at, order.received_at, None))
    before = [click for click in clicks if click.live and click.clicked_at <= order.occurred_at]
    candidates = [Clicked(click.id, click.clicked_at, click.window_days) for click in before]
    attribution = attribute(candidates, named=order.click_id, at=order.occurred_at)
    click = next((row for row in before if attribution.click and row.id == attribution.click.id), None)
    reason = str(attribution.reason or rules.LAST_CLICK)
    if click is None:
        click = clicks[0]
        reason = NoClick.AFTER_ORDER if click.live else NoClick.NOT_LIVE
    verdict = Verdict(reason, click, flags=_flags_of(click, order))
    return _with_terms(session, merchant, order, verdict, platform)


def _clicks(session: Session, merchant: Merchant, order: Order) -> tuple[Sequence[Click], str]:
    """The buyer's newest clicks on the merchant's links, newest first; and the reason if there are none."""
    own = Click.merchant_id == merchant.id
    visitors = {order.visitor_id} - {None}
    if order.click_id:
        named = session.scalar(select(Click).where(Click.id == order.click_id, own))
        if named is None and not visitors:
            return [], NoClick.UNKNOWN
        if named:
            visitors |= {named.visitor_id}
    if not visitors:
        return [], NoClick.NONE_NAMED
    newest = (Click.clicked_at.desc(), Click.id.desc())
    statement = select(Click).where(Click.visitor_id.in_(visitors), own).order_by(*newest).limit(MAX_CLICKS)
    before = statement.where(Click.clicked_at <= order.occurred_at)
    return session.scalars(before).all() or session.scalars(statement).all(), NoClick.NONE_NAMED


def _with_terms(session: Session, merchant: Merchant, order: Order, verdict: Verdict, platform: Terms) -> Verdict:
    click = verdict.click
    assert click is not None
    campaign = verdict.campaign = session.get_one(Campaign, click.campaign_id)
    affiliate = verdict.affiliate = session.get_one(Affiliate, click.affiliate_id)
    if verdict.reason == rules.LAST_CLICK:
        verdict.reason = _why_refused(session, merchant, campaign, affiliate, order) or verdict.reason
    products = _products(session, merchant, order)
    any_attached = any(product.campaign_id == campaign.id for product in products)
    if order.lines and not any_attached and _has_products(session, campaign):
        verdict.flags.append(rules.WITHOUT_PRODUCTS)
    if verdict.reason == rules.LAST_CLICK:
        verdict.commission = _commission(session, merchant, campaign, order, products, platform)
    return verdict


def _why_refused(
    session: Session, merchant: Merchant, campaign: Campaign, affiliate: Affiliate, order: Order
) -> str | None:
    """Why an attributed order is not credited: the campaign at the time of the order (D34), or the affiliate today."""
    if not merchant.is_on:
        return MERCHANT_DISABLED
    if resting := why_links_rest(Enrolment(affiliate.status), campaign.affiliate_approval_required):
        return resting
    statement = select(CampaignRun.began_at, CampaignRun.ended_at).where(CampaignRun.campaign_id == campaign.id)
    runs = [(began, ended) for began, ended in session.execute(statement)]
    status = Status(campaign.status)
    return why_not_live_then(status, campaign.start_date, campaign.end_date, runs, order.occurred_at)


def _products(session: Session, merchant: Merchant, order: Order) -> Sequence[Product]:
    if not order.lines:
        return []
    external_ids = {line.external_id for line in order.lines}
    own = (Product.merchant_id == merchant.id, Product.external_id.in_(external_ids))
    return session.scalars(select(Product).where(*own)).all()


def _has_products(session: Session, campaign: Campaign) -> bool:
    return session.scalar(select(Product.id).where(Product.campaign_id == campaign.id).limit(1)) is not None


def _commission(
    session: Session, merchant: Merchant, campaign: Campaign, order: Order, products: Sequence[Product], platform: Terms
) -> Commission:
    """A product's own terms hold in its own campaign, and if it belongs to none (S2-14, S2-15).

    A FIXED commission that names no currency is in the merchant's, or in the order's if that would become the
    merchant's (D9).
    """
    currency = merchant.currency
    if currency is None and misfit(session, merchant.id, order.currency) is None:
        currency = order.currency
    own = {
        product.external_id: product.terms and product.terms.or_in(currency)
        for product in products
        if product.campaign_id in (None, campaign.id)
    }
    items = [Item(line.external_id, line.amount, own.get(line.external_id)) for line in order.lines]
    levels = ((Level.CAMPAIGN, campaign.terms), (Level.MERCHANT, merchant.terms))
    level, terms = default_terms(levels, platform)
    return commission_of(order.amount, items, (level, terms.or_in(currency)), order.currency)


def _flags_of(click: Click, order: Order) -> list[Flag]:
    flags = [rules.FROM_CLICK[word] for word in click.flags.split() if word in rules.FROM_CLICK]
    return flags + rules.time_flags(order.occurred_at, order.received_at, click.clicked_at)
