"""Several people at one sales campaign: nothing is half active, nothing active has changed, no uid is given twice."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from services.promotions.sales.models import SalesCampaign, SalesSnapshot
from tests.promotions.helpers import MINE, ROLF, TILL, ok, revision, stored
from tests.promotions.sales.helpers import AUGUST, CAMPAIGNS, LISTS, SOCKS, activate, furnish, made


@pytest.fixture
def shop(rolf):
    return furnish(rolf)


def at_once(promotions, *requests):
    """Send requests from as many threads that start together; their answers in order."""
    barrier = Barrier(len(requests))

    def send(request):
        number, (method, path, body) = request
        client = promotions.client((ROLF, TILL)[number % 2])
        barrier.wait(10)
        return client.open(path, method=method, json=body)

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, enumerate(requests)))


def sequences(promotions, campaign):
    return [event["sequence"] for event in promotions.events() if event["subject"] == str(campaign.id)]


def test_activations_at_once_are_one(shop, promotions):
    """S1-12, S1-27."""
    address = made(shop)
    first = revision(promotions)
    answers = at_once(promotions, *[("PUT", address, {"status": "ACTIVE"})] * 6)
    assert {answer.status_code for answer in answers} == {200}
    assert len(promotions.events("promotions.SalesCampaignActivated.v1")) == 1
    assert len(stored(promotions, SalesSnapshot)) == 5
    assert revision(promotions) == first + 1
    [campaign] = stored(promotions, SalesCampaign)
    assert sequences(promotions, campaign) == [1, 2]


def test_what_is_active_was_activated_as_it_is(shop, promotions):
    """S1-13: an edit comes before the activation or is refused, never in between or after."""
    for number in range(3):
        address = made(shop, SOCKS, campaignUid=f"c{number}")
        edit = {"create": {"include": {"productUids": ["mug"]}}}
        answers = at_once(
            promotions,
            ("PUT", address, {"status": "ACTIVE"}),
            ("PUT", address, {"maxUsage": 7}),
            ("PUT", f"{address}/selections", edit),
        )
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert answers[0].status_code == 200
        data = promotions.events("promotions.SalesCampaignActivated.v1")[-1]["data"]
        shown = ok(shop.get(address))
        assert (data["maxUsage"], shown["status"]) == (shown["maxUsage"], "ACTIVE")
        assert shown["maxUsage"] == (7 if answers[1].status_code == 200 else 1)
        assert data["productCount"] == (1 if answers[2].status_code == 200 else 5)


def test_uids_made_at_once_are_all_different(shop, promotions):
    """S1-8, D28: nobody is refused for a uid that it did not choose."""
    answers = at_once(promotions, *[("POST", CAMPAIGNS, AUGUST)] * 6)
    assert [answer.status_code for answer in answers] == [201] * 6
    uids = {answer.json["campaignUid"] for answer in answers}
    assert uids == {"backtoschool", *(f"backtoschool-{number}" for number in range(2, 7))}


def test_a_uid_asked_for_at_once_goes_to_one(shop, promotions):
    """S1-8."""
    answers = at_once(promotions, *[("POST", CAMPAIGNS, SOCKS)] * 4)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json["code"] for answer in answers if answer.status_code == 409} == {"campaign_exists"}


def test_products_price_lists_and_campaigns_are_written_at_once_without_a_deadlock(shop, promotions):
    """S1-14: every change is there afterwards, and their events have numbers without gaps."""
    address = made(shop, AUGUST)
    prices = f"{LISTS}/pricelist-august-2024/products"
    rows = [{"productUid": row, "name": "New name", "price": 90} for row in ("mug", "iphone", "galaxy")]
    answers = at_once(
        promotions,
        ("PUT", address, {"status": "ACTIVE"}),
        ("PUT", prices, {"add": [{"productUid": "mug", "price": 1}]}),
        ("PUT", prices, {"add": [{"productUid": "galaxy", "price": 2}], "remove": ["iphone"]}),
        ("POST", f"{MINE}/products", {"products": rows}),
        ("POST", f"{MINE}/products", {"products": rows[::-1]}),
        ("PUT", f"{MINE}/stores/sandnes-1", {"name": "Renamed"}),
    )
    assert {answer.status_code for answer in answers} == {200}
    listed = {item["productUid"]: item["price"] for item in ok(shop.get(prices))["items"]}
    assert listed == {"mug": "1.00", "galaxy": "2.00"}
    by_subject = {}
    for event in promotions.events():
        by_subject.setdefault(event["subject"], []).append(event["sequence"])
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_subject.values())
    activate(shop, address, "INACTIVE")
