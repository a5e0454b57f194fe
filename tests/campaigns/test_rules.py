"""The pure decisions."""

from decimal import Decimal
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.rules import (
    Network,
    Status,
    choose_recipients,
    currency_of,
    may_advance,
    status_after_send,
)

PEOPLE = [uuid4() for _ in range(6)]


def test_exactly_three_steps_are_allowed():
    """S0-10, S0-13, D12."""
    allowed = [pair for pair in product(Status, Status) if may_advance(*pair)]
    assert allowed == [("Sent", "ResponsesIn"), ("ResponsesIn", "Active"), ("Active", "Complete")]


@pytest.mark.parametrize("status", Status)
def test_sending_moves_only_a_draft(status):
    """S0-12, S0-32."""
    assert status_after_send(status) == (Status.SENT if status is Status.DRAFT else status)


@pytest.mark.parametrize(
    ("budget", "currency", "expected"),
    [(None, None, None), (None, "EUR", None), (Decimal(0), None, "SEK"), (Decimal(1), "EUR", "EUR")],
)
def test_currency(budget, currency, expected):
    """D13."""
    assert currency_of(budget, currency) == expected


ids = st.sampled_from(PEOPLE)


@given(st.sets(ids), st.dictionaries(ids, st.none() | st.just("Known")), st.sets(ids), st.booleans())
def test_everybody_is_counted_once(related, unrelated, invited, need_relationship):
    """S0-26, S0-29, D11: new, already invited and skipped share out all the wanted, each once."""
    unrelated = {retailer: name for retailer, name in unrelated.items() if retailer not in related}
    network = Network(dict.fromkeys(related, "Related"), unrelated)
    chosen = choose_recipients(network, invited, need_relationship=need_relationship)
    retailers = related | set(unrelated)
    assert set(chosen.new) | set(chosen.skipped) == retailers - invited
    assert not set(chosen.new) & set(chosen.skipped)
    assert chosen.already_invited == len(retailers & invited)
    assert related - invited <= set(chosen.new)
    lifted = {retailer for retailer, name in unrelated.items() if name} - invited
    assert set(chosen.new) - related == (set() if need_relationship else lifted)
    assert chosen.nobody == (not chosen.new and not retailers & invited)
