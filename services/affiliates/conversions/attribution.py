"""What decides about an order: the buyer's clicks, the campaign, the affiliate, the terms; and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.affiliates import settings
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.affiliates.rules import Enrolment, why_links_rest
from services.affiliates.campaigns.models import Campaign, CampaignRun
from services.affiliates.campaigns.rules import Status, why_not_live_then
from services.affiliates.clicks.models import Click
from services.affiliates.common.terms import Commission, Item, Level, commission_of, default_terms
from services.affiliates.conversions import rules
from services.affiliates.conversions.attribution_rules import Clicked, NoClick, attribute
from services.affiliates.conversions.rules import Flag, Order
from services.affiliates.links.rules import SWITCHED_OFF
from services.affiliates.merchant_settings.queries import misfit
from services.affiliates.merchants.models import Merchant
from services.affiliates.products.models import Product

LOOKED_AT = 200  # of a visitor's newest clicks; whoever clicks more often between two orders is no buyer


@dataclass
class Verdict:
    """What becomes of an order, and why. ``click`` is the one that wins, or that would have."""

    reason: str
    click: Click | None = None
    campaign: Campaign | None = None
    affiliate: Affiliate | None = None
    commission: Commission | None = None
    flags: list[Flag] = field(default_factory=list)


def knows_click(session: Session, merchant_id: UUID, click_id: UUID) -> bool:
    """Whether a click on the merchant's links was written; another's is as unknown as one that never was (D5)."""
    mine = (Click.id == click_id, Click.merchant_id == merchant_id)
    return session.scalar(select(Click.id).where(*mine)) is not None


def weigh(session: Session, merchant: Merchant, order: Order) -> Verdict:
    """Decide about an order as things stand (D32, D33, D34, S2-13, S2-14, S2-19)."""
    clicks, reason = _clicks(session, merchant, order)
    if not clicks:
        return Verdict(reason, flags=rules.time_flags(order.occurred_at, order.received_at, None))
    before = [click for click in clicks if click.live and click.clicked_at <= order.occurred_at]
    candidates = [Clicked(click.id, click.clicked_at, click.window_days) for click in before]
    found = attribute(candidates, named=order.click_id, at=order.occurred_at)
    click = next((each for each in before if found.click and each.id == found.click.id), None)
    reason = str(found.reason or rules.LAST_CLICK)
    if click is None:
        click = clicks[0]
        reason = NoClick.AFTER_ORDER if click.live else NoClick.NOT_LIVE
    verdict = Verdict(reason, click, flags=_flags_of(click, order))
    return _with_terms(session, merchant, order, verdict)


def _clicks(session: Session, merchant: Merchant, order: Order) -> tuple[Sequence[Click], str]:
    """The buyer's newest clicks on the merchant's links, the newest first; why there are none where there are none."""
    mine = Click.merchant_id == merchant.id
    visitors = {order.visitor_id} - {None}
    if order.click_id:
        named = session.scalar(select(Click).where(Click.id == order.click_id, mine))
        if named is None and not visitors:
            return [], NoClick.UNKNOWN
        if named:
            visitors |= {named.visitor_id}
    if not visitors:
        return [], NoClick.NONE_NAMED
    newest = (Click.clicked_at.desc(), Click.id.desc())
    wanted = select(Click).where(Click.visitor_id.in_(visitors), mine).order_by(*newest).limit(LOOKED_AT)
    until = wanted.where(Click.clicked_at <= order.occurred_at)
    return session.scalars(until).all() or session.scalars(wanted).all(), NoClick.NONE_NAMED


def _with_terms(session: Session, merchant: Merchant, order: Order, verdict: Verdict) -> Verdict:
    click = verdict.click
    assert click is not None
    campaign = verdict.campaign = session.get_one(Campaign, click.campaign_id)
    affiliate = verdict.affiliate = session.get_one(Affiliate, click.affiliate_id)
    if verdict.reason == rules.LAST_CLICK:
        verdict.reason = _why_refused(session, merchant, campaign, affiliate, order) or verdict.reason
    products = _products(session, merchant, order)
    attached = {product.external_id for product in products if product.campaign_id == campaign.id}
    any_attached = bool(attached) or _has_products(session, campaign)
    verdict.flags += rules.product_flags(order.lines, attached, campaign_has_products=any_attached)
    if verdict.reason == rules.LAST_CLICK:
        verdict.commission = _commission(session, merchant, campaign, order, products)
    return verdict


def _why_refused(
    session: Session, merchant: Merchant, campaign: Campaign, affiliate: Affiliate, order: Order
) -> str | None:
    """What keeps an attributed order from being credited: by the time it was placed (D34), or by who takes part now."""
    if not merchant.enabled:
        return SWITCHED_OFF
    if resting := why_links_rest(Enrolment(affiliate.status), campaign.affiliate_approval_required):
        return resting
    statement = select(CampaignRun.began_at, CampaignRun.ended_at).where(CampaignRun.campaign_id == campaign.id)
    runs = [(began, ended) for began, ended in session.execute(statement)]
    status = Status(campaign.status)
    return why_not_live_then(status, campaign.start_date, campaign.end_date, runs, order.occurred_at)


def _products(session: Session, merchant: Merchant, order: Order) -> Sequence[Product]:
    if not order.lines:
        return []
    wanted = {line.external_id for line in order.lines}
    known = select(Product).where(Product.merchant_id == merchant.id, Product.external_id.in_(wanted))
    return session.scalars(known).all()


def _has_products(session: Session, campaign: Campaign) -> bool:
    return session.scalar(select(Product.id).where(Product.campaign_id == campaign.id).limit(1)) is not None


def _commission(
    session: Session, merchant: Merchant, campaign: Campaign, order: Order, products: Sequence[Product]
) -> Commission:
    """S2-14, S2-15: a product's own terms hold in its own campaign, and where it belongs to none.

    A FIXED commission that names no currency is in the merchant's, or in that of the order which would make it so (D9).
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
    level, terms = default_terms(levels, settings.load().platform_commission)
    return commission_of(order.amount, items, (level, terms.or_in(currency)), order.currency)


def _flags_of(click: Click, order: Order) -> list[Flag]:
    found = [rules.FROM_CLICK[word] for word in click.flags.split() if word in rules.FROM_CLICK]
    return found + rules.time_flags(order.occurred_at, order.received_at, click.clicked_at)
