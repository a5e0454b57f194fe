"""Several at once: one writer a version, one event a start, no item lost from a cart."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import time_machine

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.promotions.carts.campaign_models import CartCampaign, LinkedProducts
from services.promotions.store_campaigns import tasks
from services.promotions.store_campaigns.models import StoreCampaign
from tests.promotions.carts.campaign_helpers import CAMPAIGNS, LINKED, campaign, last_id, link, made
from tests.promotions.helpers import HERS as SHE
from tests.promotions.helpers import MINE as HE
from tests.promotions.helpers import RITA, ROLF, TILL, ok, stored
from tests.promotions.store_campaigns.helpers import HERS, MINE, away, events_about
from tests.promotions.store_campaigns.helpers import campaign as in_stores
from tests.promotions.store_campaigns.helpers import made as made_in_stores


def at_once(*works):
    """Run all works in threads that start together; their results in order."""
    barrier = Barrier(len(works))

    def start(work):
        barrier.wait(10)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(start, works))


def statuses(answers):
    return sorted(answer.status_code for answer in answers)


def test_of_writers_with_one_version_exactly_one_wins_each_round(promotions, rolf):
    """S4-14, S4-15: the others get 412."""
    address = made(rolf)
    for version in range(4):
        works = [
            lambda who=who, version=version: promotions.client(who).put(
                address, json=campaign(description=who.name, dbVersion=version)
            )
            for who in (ROLF, TILL, ROLF, TILL)
        ]
        assert statuses(at_once(*works)) == [200, 412, 412, 412]
    assert ok(rolf.get(address))["dbVersion"] == 4
    assert len(promotions.events("promotions.CartCampaignReplaced.v1")) == 4


def test_a_name_is_taken_once(promotions):
    """S4-9, D51, S3-15, S3-17: whoever comes second at the same moment is refused as if they had come later."""
    works = [lambda who=who: promotions.client(who).post(CAMPAIGNS, json=campaign()) for who in (ROLF, TILL, ROLF)]
    assert statuses(at_once(*works)) == [201, 409, 409]
    assert len(stored(promotions, CartCampaign)) == 1
    works = [lambda who=who: promotions.client(who).post(MINE, json=in_stores(name="A")) for who in (ROLF, TILL)]
    answers = at_once(*works)
    assert statuses(answers) == [201, 400]
    body = {"campaign_identifier": "ONE"}
    works = [
        lambda who=who, path=path: promotions.client(who).post(path, json=in_stores(**body))
        for who, path in ((ROLF, MINE), (RITA, HERS), (TILL, MINE))
    ]
    answers = at_once(*works)
    assert statuses(answers) == [201, 400, 400]
    refused = [answer.json for answer in answers if answer.status_code == 400]
    assert [body["validation_errors"][0]["field"] for body in refused] == ["campaign_identifier"] * 2
    assert len(stored(promotions, StoreCampaign)) == 2


def test_a_made_identifier_never_causes_a_refusal(promotions):
    """S3-17, S3-22: two companies with one name at the same moment, and neither hears of the other."""
    for round_ in range(4):
        works = [
            lambda who=who, path=path, name=f"Spring {round_}": promotions.client(who).post(
                path, json=in_stores(name=name)
            )
            for who, path in ((ROLF, MINE), (RITA, HERS))
        ]
        assert statuses(at_once(*works)) == [201, 201]
    assert len({row.campaign_identifier for row in stored(promotions, StoreCampaign)}) == 8


def test_two_schedulers_and_an_updater_tell_of_each_start_once(promotions, rolf):
    """S3-7, S3-9: whoever of them comes first."""
    addresses = [
        made_in_stores(rolf, starts_at=away(days=1), ends_at=away(days=3), status="scheduled") for _ in range(5)
    ]

    def tick():
        with acting_as(Principal.system("test")):
            return tasks.run(promotions.runtime)

    def update():
        return promotions.client(TILL).put(addresses[2], json={"description": "Now"})

    with time_machine.travel(utcnow() + timedelta(days=2), tick=False):
        at_once(tick, tick, update, tick)
        tick()
    for address in addresses:
        names = [name for name, _ in events_about(promotions, address)]
        assert names.count("CampaignStarted") == 1
        assert [sequence for _, sequence in events_about(promotions, address)] == list(range(1, len(names) + 1))
    assert {row.status for row in stored(promotions, StoreCampaign)} == {"active"}


def test_concurrent_updates_of_a_campaign_are_all_stored(promotions, rolf):
    """S3-4, S3-9: each changes what it names, and tells so."""
    address = made_in_stores(rolf)
    changes = [{"name": "New"}, {"description": "New"}, {"campaign_identifier": "NEW"}, {"status": "inactive"}]
    works = [lambda body=body: promotions.client(ROLF).put(address, json=body) for body in changes]
    assert statuses(at_once(*works)) == [200] * 4
    read = ok(rolf.get(address))
    assert all(read.items() >= body.items() for body in changes)
    assert len(promotions.events("promotions.CampaignUpdated.v1")) == 4


def test_nothing_is_linked_to_a_campaign_that_goes_at_the_same_moment(promotions, rolf):
    """S4-17, S4-20: either it comes first and goes with the campaign, or it is refused."""
    for _ in range(3):
        address = made(rolf)
        first, second = at_once(
            lambda address=address: promotions.client(ROLF).delete(address),
            lambda address=address: promotions.client(TILL).post(LINKED, json=link(last_id(address))),
        )
        assert (first.status_code, second.status_code in (201, 400)) == (204, True)
        assert stored(promotions, LinkedProducts) == []


def test_products_put_into_one_cart_at_once_are_all_there(promotions, rolf, rita):
    """S4-24, S4-22: and never more of the linked one than of its base."""
    for client, path in ((rolf, HE), (rita, SHE)):
        body = {"products": [{"productUid": uid, "name": uid, "price": 1} for uid in ("base", "extra")]}
        ok(client.post(f"{path}/products", json=body))
    ok(rolf.post(LINKED, json=link(last_id(made(rolf)))), 201)
    shopper = promotions.client(None)
    add = "/shops/fjord-retail/checkout/add"
    cart = ok(shopper.get(f"{add}?product=base&mktop=spring"), 201)["id"]
    works = [
        lambda product=product: promotions.client(None).post(f"{add}?product={product}&cart={cart}")
        for product in ("base", "extra", "base", "extra")
    ]
    assert statuses(at_once(*works)) == [200] * 4
    items = ok(shopper.get(f"/shops/fjord-retail/carts/{cart}"))["items"]
    quantities = {item["productId"]: item["quantity"] for item in items}
    assert quantities["base"] == 3
    assert 1 <= quantities["extra"] <= 2


def test_a_name_is_taken_once_in_whatever_case(promotions):
    """S4-9, S3-15, D62: also by two who come at the same moment."""
    kinds = ((CAMPAIGNS, campaign, 409), (MINE, lambda name: in_stores(name=name), 400))
    for path, body, refused in kinds:
        works = [
            lambda who=who, name=name, path=path, body=body: promotions.client(who).post(path, json=body(name))
            for who, name in ((ROLF, "Påske"), (TILL, "PÅSKE"), (ROLF, "påske"))
        ]
        assert statuses(at_once(*works)) == [201, refused, refused]


def test_a_campaign_is_deleted_once(promotions, rolf):
    """D44: who comes second finds nothing; a change at the same moment comes before it or not at all."""
    for _ in range(3):
        address = made_in_stores(rolf, starts_at=away(days=1), ends_at=away(days=2), status="scheduled")
        works = [lambda who=who, at=address: promotions.client(who).delete(at) for who in (ROLF, TILL)]
        change = lambda at=address: promotions.client(ROLF).put(at, json={"description": "x"})  # noqa: E731
        *deleted, changed = at_once(*works, change)
        assert statuses(deleted) == [200, 404]
        assert changed.status_code in (200, 404)
        names = [name for name, _ in events_about(promotions, address)]
        assert (names[-1], names.count("CampaignDeleted")) == ("CampaignDeleted", 1)
