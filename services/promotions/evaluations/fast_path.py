"""Orders and lines in which there is nothing to doubt, read at once: there is one for every basket at every till.

What is plain the schemas of ``schemas.evaluations`` would take as well, and make the same of it.
"""

import re
from decimal import Decimal
from typing import Any

from chassis.core import money
from services.promotions.engine import quantities
from services.promotions.evaluations import rules

PLAIN_UID = re.compile(r"[A-Za-z0-9_-]{1,100}")
PLAIN_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")
PLAIN_LINE = frozenset({"lineId", "productUid", "quantity", "unitPrice", "priceLocked"})
PLAIN_ORDER = frozenset({"storeUid", "currency", "lines", "campaignCodes", "customerGroupUid"})


def read_order(order: Any) -> dict[str, Any] | None:
    """An order in which there is nothing to doubt; None where there is."""
    if not isinstance(order, dict) or not order.keys() <= PLAIN_ORDER:
        return None
    store, group = order.get("storeUid"), order.get("customerGroupUid")
    currency, codes = order.get("currency"), order.get("campaignCodes", [])
    if not _is_plain(store, PLAIN_UID) or not (group is None or _is_plain(group, PLAIN_UID)):
        return None
    if currency is not None and not (type(currency) is str and money.is_currency(currency)):
        return None
    if type(codes) is not list or len(codes) > rules.MAX_CODES or not all(_is_plain(code, PLAIN_UID) for code in codes):
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
    """Lines in which there is nothing to doubt, neither in one alone nor in all of them together."""
    if type(lines) is not list or not 0 < len(lines) <= rules.MAX_LINES:
        return None
    plain = [found for line in lines if (found := _plain_line(line))]
    ids = {line["line_id"] for line in plain}
    are_plain = len(ids) == len(lines) and sum([rules.units_of(line["quantity"]) for line in plain]) <= rules.MAX_UNITS
    return plain if are_plain else None


def _plain_line(line: Any) -> dict[str, Any] | None:
    """A line in whose every field there is nothing to doubt; None where there is."""
    if not isinstance(line, dict) or not line.keys() <= PLAIN_LINE:
        return None
    line_id, product, quantity = line.get("lineId"), line.get("productUid"), line.get("quantity")
    price, locked = line.get("unitPrice"), line.get("priceLocked", False)
    if not _is_plain(line_id, PLAIN_UID) or not _is_plain(product, PLAIN_UID) or type(locked) is not bool:
        return None
    if type(quantity) is not int:
        quantity = _plain_quantity(quantity)
    if quantity is None or not 0 < quantity <= rules.MAX_UNITS:
        return None
    if type(price) in (int, float):
        price = str(price)  # as the field makes a decimal of it
    if price is not None and not _is_plain(price, PLAIN_PRICE):
        return None
    return {
        "line_id": line_id,
        "product_uid": product,
        "quantity": quantity,
        "unit_price": None if price is None else Decimal(price),
        "price_locked": locked,
        "return_of": None,
    }


def _plain_quantity(value: Any) -> quantities.Quantity | None:
    try:
        return quantities.read(value)
    except quantities.InexactQuantity:
        return None


def _is_plain(value: Any, pattern: re.Pattern[str]) -> bool:
    return type(value) is str and pattern.fullmatch(value) is not None
