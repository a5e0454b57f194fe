"""Codes that were given (S1-30, D67): compared without case, and each is answered for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core import text
from services.promotions.engine import Evaluation
from services.promotions.engine.codes import fold
from tests.promotions.engine.helpers import END, START, basket, campaign, line, order_discount, price, reasons

JEANS = line("jeans")


def answers(*given_codes, **more):
    campaigns = more.pop("campaigns", [campaign("c", code="Påske10")])
    return price(basket(JEANS, codes=list(given_codes)), *campaigns, **more).to_wire()["codes"]


@pytest.mark.parametrize("code", ["Påske10", "PÅSKE10", " påske10\n", "pa\u030aske10"])
def test_codes_are_compared_without_case_and_spaces(code):
    [answer] = answers(code)
    assert answer == {"code": code.strip(), "status": "applied", "campaignUid": "c"}


def test_each_code_is_answered_for_in_turn():
    campaigns = [
        campaign("socks", code="socks", products={"socks"}),
        campaign("group", code="group", customer_group="staff"),
        order_discount("amount", code="amount", amount_threshold=500),
        campaign("later", code="later", valid_from=END, valid_to=END.replace(year=2025), products={"socks"}),
        campaign("past", code="past", valid_from=START.replace(year=2023), valid_to=START),
    ]
    results = answers("none", "SOCKS", "group", "amount", "later", "past", campaigns=campaigns)
    assert [
        (outcome["code"], outcome["status"], outcome.get("campaignUid"), outcome.get("reason")) for outcome in results
    ] == [
        ("none", "unknown", None, None),
        ("SOCKS", "not_applicable", "socks", "nothing_qualifies"),
        ("group", "not_applicable", "group", "other_customer_group"),
        ("amount", "not_applicable", "amount", "amount_missing"),
        ("later", "not_applicable", "later", "not_started"),
        ("past", "not_applicable", "past", "ended"),
    ]


def test_blank_codes_are_no_codes():
    """A campaign whose stored code is blank works by itself."""
    evaluation = price(basket(JEANS, codes=["", "  ", "\u200b"]), campaign("c", code="  "))
    assert (reasons(evaluation), evaluation.codes) == ({"c": "applied"}, [])


def test_of_several_campaigns_with_a_code_the_answer_names_the_one_that_applied():
    first, second = campaign("a", code="x", products={"socks"}), campaign("b", code="X", priority=9)
    assert answers("x", campaigns=[first, second]) == [{"code": "x", "status": "applied", "campaignUid": "b"}]


def test_a_dry_run_has_its_code():
    tried = campaign("tried", code="try")
    assert answers("TRY", "c", campaigns=[campaign("c", code="c")], dry_run=tried) == [
        {"code": "TRY", "status": "applied", "campaignUid": "tried"},
        {"code": "c", "status": "applied", "campaignUid": "c"},
    ]


def test_they_can_be_read_again():
    evaluation = price(basket(JEANS, codes=["x", "y"]), campaign("c", code="x"))
    assert Evaluation.from_record(evaluation.to_record()).to_wire() == evaluation.to_wire()


@given(st.text())
def test_the_engine_folds_as_everything_else(code):
    """D62: it is a library by itself, so it has a copy of the rule."""
    visible = any(map(str.isprintable, code.strip()))
    assert fold(code) == (text.fold(code.strip()) if visible else "")
