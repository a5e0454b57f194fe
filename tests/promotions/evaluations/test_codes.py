"""Campaign codes at the till (S1-30, D67): taken as people type them, and each is answered for."""

from datetime import timedelta

import pytest

from services.promotions.sales.models import SalesCampaign
from tests.promotions.evaluations.shop import NOW, Shop, order
from tests.promotions.helpers import BERGEN, MINE, ok

DAY = timedelta(days=1)


@pytest.fixture
def shop(promotions):
    shop = Shop(promotions)
    shop.store()
    shop.product("jeans", 800)
    shop.campaign("coded", products=["jeans"], campaign_code="SAVE10")
    return shop


def evaluated(client, codes, product="jeans"):
    return ok(client.post(f"{MINE}/orders/evaluate", json=order((product, 1), campaignCodes=codes)))


@pytest.mark.parametrize("code", ["SAVE10", "save10", " Save10\n"])
def test_a_code_is_taken_without_case_and_spaces(shop, till, code):
    answer = evaluated(till, [code])
    assert answer["totals"]["discount"] == "80.00"
    assert answer["codes"] == [{"code": code.strip(), "status": "applied", "campaignUid": "coded"}]
    assert ok(till.get(f"{MINE}/orders/evaluations/{answer['evaluationId']}")) == answer


@pytest.mark.parametrize("codes", [None, [], [""], [None], ["  ", None, "\n"], ["\u200b"]])
def test_a_blank_code_is_none(shop, till, codes):
    assert evaluated(till, codes)["codes"] == []


def test_each_code_is_answered_for(shop, till):
    """Known is what is active, also elsewhere or until some time ago; of what was stopped a till hears nothing."""
    shop.product("hat")
    shop.store("bergen-1")
    shop.campaign("there", products=["jeans"], campaign_code="THERE", stores=["bergen-1"])
    shop.campaign("off", products=["jeans"], campaign_code="OFF", status="INACTIVE")
    shop.campaign("over", products=["hat"], campaign_code="Over", valid_from=NOW - 9 * DAY, valid_to=NOW - 5 * DAY)
    shop.campaign("just", products=["hat"], campaign_code="Just", valid_from=NOW - 9 * DAY, valid_to=NOW - DAY / 2)
    answer = evaluated(till, ["SAVE1O", "", "save10", " THERE", "off", "over", "just"], "hat")
    assert answer["codes"] == [
        {"code": "SAVE1O", "status": "unknown"},
        {"code": "save10", "status": "not_applicable", "campaignUid": "coded", "reason": "nothing_qualifies"},
        {"code": "THERE", "status": "not_applicable", "campaignUid": "there", "reason": "other_store"},
        {"code": "off", "status": "unknown"},
        {"code": "over", "status": "not_applicable", "campaignUid": "over", "reason": "ended"},
        {"code": "just", "status": "not_applicable", "campaignUid": "just", "reason": "ended"},
    ]
    assert ok(till.get(f"{MINE}/orders/evaluations/{answer['evaluationId']}")) == answer


def test_a_code_of_another_tenant_is_unknown(shop, till):
    """D5."""
    theirs = Shop(shop.service, BERGEN)
    theirs.store()
    theirs.product("jeans")
    theirs.campaign("theirs", products=["jeans"], campaign_code="THEIRS")
    assert evaluated(till, ["theirs"])["codes"] == [{"code": "theirs", "status": "unknown"}]


def test_a_code_is_known_as_soon_as_its_campaign_is_active(shop, till):
    assert evaluated(till, ["new"])["codes"][0]["status"] == "unknown"
    shop.campaign("new", products=["jeans"], campaign_code="NEW")
    assert evaluated(till, ["new"])["codes"][0]["status"] == "applied"


def test_an_old_blank_code_is_none(shop, till):
    """It was stored so when a blank one could be set; the campaign works by itself."""
    shop.change(SalesCampaign, {"campaign_uid": "coded"}, campaign_code="  ")
    assert evaluated(till, [])["totals"]["discount"] == "80.00"


def test_a_code_of_before_may_have_spaces_and_any_case(shop, till):
    shop.change(SalesCampaign, {"campaign_uid": "coded"}, campaign_code=" ÖL10 ")
    assert evaluated(till, ["öl10"])["totals"]["discount"] == "80.00"
    assert evaluated(till, ["o\u0308l10"])["totals"]["discount"] == "80.00"
