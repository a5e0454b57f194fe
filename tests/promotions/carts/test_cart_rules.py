"""What a cart may hold, for any cart, any campaign and any order of changes."""

from hypothesis import assume, given
from hypothesis import strategies as st

from services.promotions.carts.campaign_rules import MatchMode, QuantitySelector, Reason
from services.promotions.carts.rules import Item, Link, Match, Removed, Terms, explained, linked_to, settle
from tests.plugin.matrix import generated

PRODUCTS = ["p", "q", "r", "s"]
PRODUCT_OF = {f"{product}{variant}": product for product in PRODUCTS for variant in ("", "-1", "-2")}
IDS = sorted(PRODUCT_OF)
ANY, EQUAL, LESS = QuantitySelector.ANY, QuantitySelector.EQUAL, QuantitySelector.LESS_OR_EQUAL


def match(product_id, mode=MatchMode.PRODUCT):
    return Match(product_id, mode, PRODUCT_OF[product_id])


def link(base, linked, selector=LESS):
    return Link(match(base), match(linked), selector)


def cart(**quantities):
    return [Item(name, PRODUCT_OF[name], quantity) for name, quantity in quantities.items()]


def quantities_in(items):
    return {item.product_id: item.quantity for item in items}


matches = st.builds(match, st.sampled_from(IDS), st.sampled_from(MatchMode))
links = st.lists(st.builds(Link, matches, matches, st.sampled_from(QuantitySelector)), max_size=6)
some_matches = st.lists(matches, max_size=3).map(tuple)
carts = st.dictionaries(st.sampled_from(IDS), st.integers(0, 6), max_size=8).map(
    lambda quantities: [Item(name, PRODUCT_OF[name], quantity) for name, quantity in quantities.items()]
)
changes = st.lists(st.tuples(st.sampled_from(IDS), st.integers(0, 6)), max_size=12)


def is_within(items, pair):
    """Whether a cart keeps what a link says, worked out the plain way."""
    linked = sum(item.quantity for item in items if pair.linked.fits(item))
    base = sum(item.quantity for item in items if pair.base.fits(item) and not pair.linked.fits(item))
    if linked == 0:
        return True
    return base > 0 and (pair.selector is ANY or linked <= base)


@generated(150)
@given(links, changes)
def test_never_more_linked_than_allowed_whatever_the_order_of_changes(links, changes):
    """S4-21, S4-22, S4-23: after each change, with any links, also in circles and several for one product."""
    terms, items = Terms(links=tuple(links)), []
    for product_id, quantity in changes:
        items = [item for item in items if item.product_id != product_id]
        if quantity:
            items.append(Item(product_id, PRODUCT_OF[product_id], quantity))
        items, reason = settle(items, terms)
        assert reason is None
        assert all(is_within(items, pair) for pair in links)


def is_chain(links):
    """No product is linked to something that goes with it in turn, and each is linked once."""
    pairs = [(pair.base.product_uid, pair.linked.product_uid) for pair in links]
    linked = [pair[1] for pair in pairs]
    return all(base < product for base, product in pairs) and len(set(linked)) == len(linked)


chains = links.filter(is_chain)


@generated(150)
@given(chains, carts)
def test_settling_twice_changes_nothing(links, items):
    """S4-22: a cart that is read again, or written without a change, is the same."""
    terms = Terms(links=tuple(links))
    once, _ = settle(items, terms)
    assert settle(once, terms) == (once, None)


@generated(150)
@given(chains, carts)
def test_equal_is_equal(links, items):
    """D53: where a linked product is in the cart, there is as much of it as of its base."""
    once, _ = settle(items, Terms(links=tuple(links)))
    for pair in links:
        linked = sum(item.quantity for item in once if pair.linked.fits(item))
        if pair.selector is EQUAL and linked:
            assert linked == sum(item.quantity for item in once if pair.base.fits(item))


@generated(150)
@given(carts, some_matches, some_matches, links)
def test_a_cart_keeps_its_lines_and_loses_only_for_a_reason(items, products, mandatory, links):
    """S4-26, D50: lines keep their places; what is gone says why; a campaign that does not count takes nothing."""
    settled, reason = settle(items, Terms(products, mandatory, tuple(links)))
    assert [item.product_id for item in settled] == [item.product_id for item in items]
    if reason is not None:
        assert (reason, settled) == (Reason.MANDATORY, items)
        return
    for before, after in zip(items, settled, strict=True):
        assert after.quantity >= 0
        if before.quantity and not after.quantity:
            assert after.removed_because in list(Removed)
        if after.quantity and products:
            assert any(match.fits(after) for match in (*products, *mandatory))
        if not before.quantity:
            assert after == before
    for match in mandatory:
        assert any(match.fits(item) and item.quantity for item in settled)


@generated(100)
@given(carts, some_matches)
def test_without_the_mandatory_products_the_campaign_does_not_count(items, mandatory):
    """S4-11, D50."""
    assume(mandatory)
    has_all = all(any(match.fits(item) and item.quantity for item in items) for match in mandatory)
    assert (settle(items, Terms(mandatory=mandatory))[1] is None) == has_all


def test_a_chain_falls_and_rises_from_its_base():
    """S4-21, S4-22: bases are settled before what goes with them, in whichever order the links are written."""
    chain = [link("q", "r", EQUAL), link("r", "s"), link("p", "q")]
    for links in (chain, chain[::-1]):
        terms = Terms(links=tuple(links))
        assert quantities_in(settle(cart(p=3, q=9, r=1, s=5), terms)[0]) == {"p": 3, "q": 3, "r": 3, "s": 3}
        without_base, _ = settle(cart(p=0, q=9, r=1, s=5), terms)
        assert quantities_in(without_base) == {"p": 0, "q": 0, "r": 0, "s": 0}
        assert {item.removed_because for item in without_base[1:]} == {"base_product_missing"}


def test_of_two_links_for_one_product_the_narrower_decides():
    """S4-21: each base is mandatory for it."""
    both = Terms(links=(link("p", "r"), link("q", "r", EQUAL)))
    assert quantities_in(settle(cart(p=2, q=5, r=9), both)[0])["r"] == 2
    assert quantities_in(settle(cart(p=2, q=1, r=9), both)[0])["r"] == 1
    assert quantities_in(settle(cart(p=2, r=9), both)[0])["r"] == 0


def test_a_circle_comes_to_rest():
    """S4-22: products that go only with each other."""
    circle = Terms(links=(link("p", "q", EQUAL), link("q", "r", EQUAL), link("r", "p", EQUAL)))
    settled = quantities_in(settle(cart(p=1, q=2, r=3), circle)[0])
    assert len(set(settled.values())) == 1
    assert quantities_in(settle(cart(p=1, q=2, r=0), circle)[0]) == {"p": 0, "q": 0, "r": 0}


def test_a_mandatory_product_that_the_links_would_remove_switches_the_campaign_off():
    """D50: for this cart, which then stays as it is."""
    terms = Terms(mandatory=(match("q"),), links=(link("p", "q"),))
    assert settle(cart(q=1), terms) == (cart(q=1), Reason.MANDATORY)
    assert settle(cart(p=1, q=1), terms) == (cart(p=1, q=1), None)


def test_what_an_item_is_linked_to():
    assert linked_to(Item("q-1", "q", 1), [link("p", "q")], cart(p=1, q=1)) == "p"
    assert linked_to(Item("p", "p", 1), [link("p", "q")], cart(p=1, q=1)) is None


def test_of_several_bases_the_one_that_is_missing_is_named():
    """D54: whichever is named first; else the one that leaves the least room."""
    for links in ([link("p", "r"), link("q", "r")], [link("q", "r"), link("p", "r")]):
        settled, _ = settle(cart(p=1, r=1), Terms(links=tuple(links)))
        assert (linked_to(settled[1], links, settled), settled[1].removed_because) == ("q", Removed.BASE_MISSING)
        assert explained(settled[1], "q") == "It goes only with q, which is not in the cart."
        settled, _ = settle(cart(p=5, q=2, r=9), Terms(links=tuple(links)))
        assert (linked_to(settled[2], links, settled), settled[2].quantity) == ("q", 2)
    loose = [link("p", "r", ANY), link("q", "r")]
    assert linked_to(Item("r", "r", 1), loose, cart(p=1, q=2, r=1)) == "q"
    assert linked_to(Item("r", "r", 0), loose, cart(q=2, r=0)) == "p"


@generated(150)
@given(carts, links)
def test_a_base_that_is_named_as_missing_is_missing(items, links):
    """D54: for any cart and any links."""
    settled, _ = settle(items, Terms(links=tuple(links)))
    for item in settled:
        if item.removed_because == Removed.BASE_MISSING:
            base = linked_to(item, links, settled)
            mine = [pair for pair in links if pair.base.id == base and pair.linked.fits(item)]
            assert any(not any(pair.base.fits(other) and other.is_there for other in settled) for pair in mine)
