"""Campaigns made ready for many evaluations: found by product, so those that do not touch a basket cost nothing."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from .campaigns import Campaign, Discount
from .codes import fold
from .money import rounded

Touch = tuple["Rule", int | None]
"""A rule that is for a product, and what the product costs in its price list."""


class Rule:
    """A campaign in whole minor units; ``by_order`` ones need no product to touch a basket."""

    __slots__ = (
        "amount_threshold",
        "by_order",
        "campaign",
        "cheapest",
        "code",
        "denominator",
        "numerator",
        "off",
        "uid",
    )

    def __init__(self, campaign: Campaign, places: int) -> None:
        self.campaign = campaign
        self.uid = campaign.uid
        self.code = fold(campaign.code)
        self.by_order = campaign.discount is Discount.ORDER_DISCOUNT
        self.cheapest = campaign.discount is Discount.CHEAPEST_PRODUCT
        self.amount_threshold = rounded(campaign.amount_threshold, places)
        self.off = None if campaign.amount is None else rounded(campaign.amount, places)
        self.numerator, self.denominator = (campaign.percent or Decimal(0)).as_integer_ratio()
        self.denominator *= 100

    def covers(self, product: str) -> bool:
        """Whether the product is selected; exclude beats include (S1-24)."""
        campaign = self.campaign
        if self.by_order or product in campaign.excluded:
            return False
        if campaign.prices is not None:
            return product in campaign.prices
        return campaign.products is None or product in campaign.products


class CampaignSet:
    """Campaigns of one currency and their index.

    Args:
        campaigns: with distinct uids. Amounts finer than the currency's minor unit are rounded half up.
        decimals: how many the currency's minor unit is.
    """

    def __init__(self, campaigns: Iterable[Campaign], currency: str, decimals: int = 2) -> None:
        self.currency = currency
        self.decimals = decimals
        self._by_product: dict[str, list[Touch]] = {}
        self._for_everything: list[Rule] = []
        self.by_order: list[Rule] = []
        self.rules: dict[str, Rule] = {}
        self._by_code: dict[str, list[Rule]] = {}
        for campaign in campaigns:
            self._add(campaign)

    def touching(self, product: str) -> Sequence[Touch]:
        """The rules that are for a product."""
        rules = self._by_product.get(product, ())
        if not self._for_everything:
            return rules
        return [*rules, *((rule, None) for rule in self._for_everything if product not in rule.campaign.excluded)]

    def with_codes(self, codes: Iterable[str]) -> Iterable[Rule]:
        """The rules that have one of these folded codes."""
        return [rule for code in codes for rule in self._by_code.get(code, ())]

    def concerning(self, products: Iterable[str]) -> set[str]:
        """The uids of all that would be considered for a basket of these products."""
        return {rule.uid for rule in self.by_order} | {r.uid for product in products for r, _ in self.touching(product)}

    def set_memberships(self, product: str, memberships: Iterable[tuple[str, Decimal | None]]) -> None:
        """Say which campaigns a product belongs to, by uid and with its price in a price list.

        For sets too large to be held whole: campaigns are given without products, and these follow when a basket asks
        for them. What was known of the product before is forgotten.
        """
        self._by_product[product] = [
            (self.rules[uid], None if price is None else rounded(price, self.decimals))
            for uid, price in memberships
            if uid in self.rules
        ]

    def rule_of(self, campaign: Campaign) -> Rule:
        return Rule(campaign, self.decimals)

    def price_in(self, rule: Rule, product: str) -> int | None:
        """What the product costs in the price list of a rule that is not in the index."""
        prices = rule.campaign.prices
        return None if prices is None else rounded(prices[product], self.decimals)

    def _add(self, campaign: Campaign) -> None:
        if campaign.uid in self.rules:
            raise ValueError(f"there are two campaigns {campaign.uid}")
        rule = self.rules[campaign.uid] = self.rule_of(campaign)
        if rule.code:
            self._by_code.setdefault(rule.code, []).append(rule)
        if rule.by_order:
            self.by_order.append(rule)
        elif campaign.prices is None and campaign.products is None:
            self._for_everything.append(rule)
        else:
            for product in campaign.products if campaign.prices is None else campaign.prices:  # type: ignore[union-attr]
                if product not in campaign.excluded:
                    self._by_product.setdefault(product, []).append((rule, self.price_in(rule, product)))
