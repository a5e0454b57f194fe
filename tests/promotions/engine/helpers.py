"""Baskets and campaigns in few words."""

from datetime import UTC, datetime
from decimal import Decimal

from services.promotions.engine import Basket, Campaign, Discount, Line, Strategy, evaluate

START = datetime(2024, 8, 4, 8, tzinfo=UTC)
END = datetime(2024, 8, 20, 23, 59, 59, tzinfo=UTC)
NOON = datetime(2024, 8, 10, 12, tzinfo=UTC)


def money(value):
    return None if value is None else Decimal(str(value))


def line(product, quantity=1, price=100, *, id=None, locked=False):
    return Line(id or product, product, quantity, money(price), locked)


def basket(*lines, currency="NOK", **known):
    return Basket(currency, lines, **known)


def campaign(uid, discount=Discount.QUALIFIED_PRODUCT, **rules):
    """Ten percent off everything all through August, but for what ``rules`` says."""
    if not {"percent", "amount", "prices"} & set(rules):
        rules["percent"] = 10
    for name in ("percent", "amount", "amount_threshold"):
        if name in rules:
            rules[name] = money(rules[name])
    if "prices" in rules:
        rules["prices"] = {product: money(price) for product, price in rules["prices"].items()}
    if rules.get("products") is not None:
        rules["products"] = frozenset(rules["products"])
    return Campaign(uid, discount, rules.pop("valid_from", START), rules.pop("valid_to", END), **rules)


def cheapest(uid="3for2socks", **rules):
    """The document's own: 3 for 2, once in an order (S1-22)."""
    defaults = {"percent": 100, "quantity_threshold": 3, "max_usage": 1, "products": {"socks"}}
    return campaign(uid, Discount.CHEAPEST_PRODUCT, **defaults | rules)


def order_discount(uid="order", **rules):
    return campaign(uid, Discount.ORDER_DISCOUNT, **rules)


def price(basket, *campaigns, at=NOON, strategy=Strategy.PRIORITY, **more):
    return evaluate(basket, campaigns, at, strategy=strategy, **more)


def units(evaluation):
    """What was taken off each unit, by line id, in minor units."""
    return {line.id: [unit.discount for unit in line.units()] for line in evaluation.lines}


def reasons(evaluation):
    return {outcome.uid: str(outcome.reason) for outcome in evaluation.campaigns}


def outcome(evaluation, uid):
    return next(outcome for outcome in evaluation.campaigns if outcome.uid == uid)
