"""Fast path: reads orders of the usual form without marshmallow, because every basket at every till sends one.

It reads what ``order_schemas`` would read, to the same result. It gives up (None) where a field is unusual.
"""

import re
from decimal import Decimal
from typing import Any

from chassis.core import money
from services.promotions.engine import quantities
from services.promotions.evaluations import rules

USUAL_UID = re.compile(r"[A-Za-z0-9_-]{1,100}")
USUAL_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")
USUAL_LINE = frozenset({"lineId", "productUid", "quantity", "unitPrice", "priceLocked"})
USUAL_ORDER = frozenset({"storeUid", "currency", "lines", "campaignCodes", "customerGroupUid"})


def read_order(order: Any) -> dict[str, Any] | None:
    """An order of the usual form; None for any other."""
    if not isinstance(order, dict) or not order.keys() <= USUAL_ORDER:
        return None
    store, group = order.get("storeUid"), order.get("customerGroupUid")
    currency, codes = order.get("currency"), order.get("campaignCodes", [])
    if not _is_usual(store, USUAL_UID) or not (group is None or _is_usual(group, USUAL_UID)):
        return None
    if currency is not None and not (type(currency) is str and money.is_currency(currency)):
        return None
    if type(codes) is not list or len(codes) > rules.MAX_CODES or not all(_is_usual(code, USUAL_UID) for code in codes):
        return None
    lines = read_lines(order.get("lines"))
    if lines is None:
        return None
    return {
        "store_uid": store,
        "at": None,
        "currency": currency,
        "lines": lines,
        "campaign_codes": codes,
        "customer_group_uid": group,
        "dry_run": None,
    }


def read_lines(lines: Any) -> list[dict[str, Any]] | None:
    """Lines of the usual form; None where one has another form, or where all together break a rule."""
    if type(lines) is not list or not 0 < len(lines) <= rules.MAX_LINES:
        return None
    usual = [fields for line in lines if (fields := _usual_line(line))]
    ids = {line["line_id"] for line in usual}
    are_valid = len(ids) == len(lines) and sum([rules.units_of(line["quantity"]) for line in usual]) <= rules.MAX_UNITS
    return usual if are_valid else None


def _usual_line(line: Any) -> dict[str, Any] | None:
    """A line of the usual form; None for any other."""
    if not isinstance(line, dict) or not line.keys() <= USUAL_LINE:
        return None
    line_id, product, quantity = line.get("lineId"), line.get("productUid"), line.get("quantity")
    price, locked = line.get("unitPrice"), line.get("priceLocked", False)
    if not _is_usual(line_id, USUAL_UID) or not _is_usual(product, USUAL_UID) or type(locked) is not bool:
        return None
    if type(quantity) is not int:
        quantity = _usual_quantity(quantity)
    if quantity is None or not 0 < quantity <= rules.MAX_UNITS:
        return None
    if type(price) in (int, float):
        price = str(price)  # as the field makes a decimal of it
    if price is not None and not _is_usual(price, USUAL_PRICE):
        return None
    return {
        "line_id": line_id,
        "product_uid": product,
        "quantity": quantity,
        "unit_price": None if price is None else Decimal(price),
        "price_locked": locked,
        "return_of": None,
    }


def _usual_quantity(value: Any) -> quantities.Quantity | None:
    try:
        return quantities.read(value)
    except quantities.InexactQuantity:
        return None


def _is_usual(value: Any, pattern: re.Pattern[str]) -> bool:
    return type(value) is str and pattern.fullmatch(value) is not None
