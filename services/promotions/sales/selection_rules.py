"""Whether a product is in a selection (S1-23 … S1-26)."""

from collections.abc import Iterable, Set

KINDS = {"brand": "brands", "category": "categories", "product_group": "product_groups", "product": "products"}
"""By what products are selected, and what more of a kind are called in an answer."""

Term = tuple[str, str]
"""What a product is, or what a selection names: ``("brand", uid)``, ``category``, ``product_group``, ``product``, which
a variant is as well (D68)."""


def selects(include: Set[Term], exclude: Set[Term], product: Iterable[Term]) -> bool:
    """Exclude beats include (S1-24); an empty include is everything (S1-25)."""
    terms = set(product)
    return not terms & exclude and (not include or bool(terms & include))
