"""What a cart can hold under a campaign (S4): the filter, mandatory products, linked products. Pure functions.

Settling a cart makes its new lines from its lines and the campaign's terms, and says why a line was removed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from uuid import UUID

from services.promotions.carts.campaign_rules import MatchMode, QuantitySelector, Reason

MAX_ITEMS = 100  # different products in a cart, those that were removed included
MAX_QUANTITY = 999  # of one of them


class Removed(StrEnum):
    """Why a product is no longer in the cart."""

    NOT_IN_CAMPAIGN = "not_in_campaign"
    BASE_MISSING = "base_product_missing"
    NO_ROOM = "more_than_base_product"
    NOT_SOLD = "no_longer_sold"


SENTENCES = {
    Removed.NOT_IN_CAMPAIGN: "It is not part of the campaign.",
    Removed.BASE_MISSING: "It goes only with {base}, which is not in the cart.",
    Removed.NO_ROOM: "The cart cannot hold more of it than of {base}.",
    Removed.NOT_SOLD: "It is no longer sold.",
}


@dataclass(frozen=True)
class Notice:
    """Something that the shop should know about a cart."""

    code: str
    message: str


CART_CLOSED = Notice("cart_closed", "The cart of the link is closed, so this is a new one.")


def cart_id_of(text: str | None) -> UUID | None:
    """The id of a cart in a link; None where it is none."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def quantities_for(products: Sequence[str], quantities: Sequence[int]) -> Sequence[int]:
    """A quantity for each product of a link: one quantity counts for all of them (S4-24)."""
    return quantities if len(quantities) > 1 else [*quantities] * len(products)


def link_ignored(base: str) -> Notice:
    """A link to a base that the catalogue does not have could only empty carts (D68)."""
    return Notice(
        "unknown_base_product", f"The catalogue does not have {base}, so products that are linked to it stay."
    )


@dataclass(frozen=True)
class Item:
    """A line of a cart.

    Attributes:
        product_id: what was put in: a product or a variant.
        product_uid: that product, or the one it is a variant of.
        quantity: 0 where it was removed.
    """

    product_id: str
    product_uid: str
    quantity: int
    removed_because: str | None = None

    @property
    def is_there(self) -> bool:
        return self.quantity > 0

    def holding(self, quantity: int, why: Removed) -> "Item":
        """The same line with another quantity; ``why`` it went, where that is none."""
        return replace(self, quantity=quantity, removed_because=None if quantity else str(why))


@dataclass(frozen=True)
class Match:
    """A product as a campaign names it: by an id, which stands for one variant or for all of a product (S4-23).

    ``product_uid`` is the product that the id is, or is a variant of.
    """

    id: str
    mode: MatchMode
    product_uid: str

    def fits(self, item: Item) -> bool:
        if self.mode is MatchMode.VARIANT:
            return item.product_id == self.id
        return item.product_uid == self.product_uid


@dataclass(frozen=True)
class Link:
    """A product that goes only with another one (S4-21, S4-22)."""

    base: Match
    linked: Match
    selector: QuantitySelector


@dataclass(frozen=True)
class Terms:
    """What a campaign asks of a cart."""

    products: tuple[Match, ...] = ()
    mandatory: tuple[Match, ...] = ()
    links: tuple[Link, ...] = ()


def settle(items: Sequence[Item], terms: Terms) -> tuple[list[Item], Reason | None]:
    """What a cart holds under a campaign, and why the campaign does not count for it where it does not (D50).

    Lines keep their order and number. Each rule on a linked product holds for itself, so of two for one product the
    narrower decides.
    """
    if not _has_all(items, terms.mandatory):
        return list(items), Reason.MANDATORY
    settled = [item if _is_allowed(item, terms) else item.holding(0, Removed.NOT_IN_CAMPAIGN) for item in items]
    settled = _align(settled, terms.links)
    if not _has_all(settled, terms.mandatory):  # what makes the campaign count would be removed by it
        return list(items), Reason.MANDATORY
    return settled, None


def linked_to(item: Item, links: Iterable[Link], items: Sequence[Item]) -> str | None:
    """The id of the product that an item goes with, or None.

    Of several that is the one that leaves it the least room in a cart of ``items``: where a base is missing, that one
    (D54).
    """
    mine = [link for link in links if link.linked.fits(item)]
    narrowest = min(mine, key=lambda link: _room(link, items), default=None)
    return narrowest.base.id if narrowest else None


def explained(item: Item, base: str | None) -> str | None:
    """A sentence about why an item was removed; it names the base product that decided (D54)."""
    return SENTENCES[Removed(item.removed_because)].format(base=base) if item.removed_because else None


def _room(link: Link, items: Iterable[Item]) -> float:
    base = sum(item.quantity for item in items if link.base.fits(item) and not link.linked.fits(item))
    return inf if base and link.selector is QuantitySelector.ANY else base


def _has_all(items: Sequence[Item], mandatory: Iterable[Match]) -> bool:
    return all(any(match.fits(item) and item.is_there for item in items) for match in mandatory)


def _is_allowed(item: Item, terms: Terms) -> bool:
    """S4-26. What is mandatory is allowed; what is gone already keeps its reason."""
    if not item.is_there or not terms.products:
        return True
    return any(match.fits(item) for match in (*terms.products, *terms.mandatory))


def _align(items: list[Item], links: Sequence[Link]) -> list[Item]:
    """Give linked products the quantities their bases allow: first up and down, bases before what is linked to
    them; then only down until nothing changes, where products are linked in a circle or more than once."""
    settled = list(items)
    bounds = [_Bound.to(link, settled) for link in links]
    for bound in _bases_first([bound_link for bound_link in bounds if bound_link.linked]):
        bound.apply(settled, may_raise=True)
    while any(bound.apply(settled, may_raise=False) for bound in bounds):
        pass
    return settled


@dataclass(frozen=True)
class _Bound:
    """A link and the places of the lines in a cart that it is about."""

    selector: QuantitySelector
    base: tuple[int, ...]
    linked: tuple[int, ...]

    @classmethod
    def to(cls, link: Link, items: Sequence[Item]) -> "_Bound":
        def places(fits: Callable[[Item], bool]) -> tuple[int, ...]:
            return tuple(place for place, item in enumerate(items) if item.is_there and fits(item))

        linked = places(link.linked.fits)
        return cls(link.selector, tuple(place for place in places(link.base.fits) if place not in linked), linked)

    def apply(self, items: list[Item], *, may_raise: bool) -> bool:
        """Bring the linked lines within what the base allows; say whether anything has changed."""
        before = [items[place] for place in self.linked]
        room = sum(items[place].quantity for place in self.base)
        have = sum(item.quantity for item in before)
        if not room:
            self._lower(items, 0, Removed.BASE_MISSING)
        elif self.selector is not QuantitySelector.ANY and have > room:
            self._lower(items, room, Removed.NO_ROOM)
        elif self.selector is QuantitySelector.EQUAL and may_raise and 0 < have < room:
            first = next(place for place in self.linked if items[place].is_there)
            items[first] = replace(items[first], quantity=items[first].quantity + room - have)
        return before != [items[place] for place in self.linked]

    def _lower(self, items: list[Item], room: int, why: Removed) -> None:
        """Let the earlier lines keep what there is room for."""
        for place in self.linked:
            if items[place].is_there:
                quantity = min(items[place].quantity, room)
                room -= quantity
                items[place] = items[place].holding(quantity, why)


def _bases_first(bounds: list[_Bound]) -> list[_Bound]:
    """The links in such an order that a base's own links come before those to it; a circle begins anywhere."""
    waiting, ordered = list(bounds), []
    while waiting:
        free = [
            bound_link
            for bound_link in waiting
            if not any(_decides(other, bound_link) for other in waiting if other is not bound_link)
        ]
        ready = free or waiting[:1]
        ordered += ready
        waiting = [bound_link for bound_link in waiting if bound_link not in ready]
    return ordered


def _decides(first: _Bound, second: _Bound) -> bool:
    """Whether ``first`` sets the quantity that ``second`` depends on."""
    return not set(first.linked).isdisjoint(second.base)
