"""Budgets to the minor unit of their currency (D9, D13), and campaigns that are sent back as they were read (D65)."""

from decimal import Decimal

import pytest
from sqlalchemy import update

from chassis.core.money import CURRENCIES, MAX_AMOUNT, written
from chassis.core.principal import Principal, acting_as
from services.campaigns.models import Campaign
from tests.campaigns.helpers import (
    CAMPAIGNS,
    PROPOSAL,
    ROLF,
    SPRING,
    audited,
    draft,
    fields_of,
    is_problem,
    last_id,
    rows,
    sent,
    stored,
)


def put_back(client, address, **changes):
    return client.put(address, json=client.get(address).json | changes)


@pytest.mark.parametrize(
    ("budget", "currency"),
    [(100.5, "JPY"), ("100.50", "jpy"), ("29.999", "SEK"), (29.999, None), ("19.9901", "KWD"), (1, "ZZZ"), (1, "XTS")],
)
def test_a_budget_that_is_no_amount_of_its_currency_is_refused(anna, campaigns, budget, currency):
    problem = is_problem(
        anna.post(CAMPAIGNS, json=SPRING | {"budget": budget, "currency": currency}), 422, "validation_failed"
    )
    assert fields_of(problem) == ["budget" if budget != 1 else "currency"]
    assert set(rows(campaigns).values()) == {0}


@pytest.mark.parametrize(
    ("budget", "currency", "answered", "published"),
    [
        ("100.000", "JPY", 100, "100"),
        ("29.9900", "SEK", 29.99, "29.99"),
        (0.1 + 0.2, "EUR", 0.3, "0.30"),
        ("19.990", "kwd", 19.99, "19.990"),
        (0.005, "KWD", 0.005, "0.005"),
        ("1.2345", "UYW", 1.2345, "1.2345"),
    ],
)
def test_a_budget_is_exact_in_its_currency(anna, campaigns, budget, currency, answered, published):
    address = draft(anna, budget=budget, currency=currency)
    assert anna.get(address).json["budget"] == answered
    [created] = campaigns.events("campaigns.CampaignCreated.v1")
    assert (created["data"]["budget"], created["data"]["currency"]) == (published, currency.upper())


def test_what_is_answered_is_accepted_back_in_every_currency(anna, campaigns, currencies):
    """D9, D65: for each currency of ISO 4217; from one minor unit to the largest amount for each number of decimals."""
    address = draft(anna)
    amounts = {places: [Decimal(1).scaleb(-places), MAX_AMOUNT] for places in CURRENCIES.values()}
    for currency in currencies:
        places = CURRENCIES[currency]
        for amount in (Decimal(12345678901).scaleb(-places), *amounts.pop(places, ())):
            body = SPRING | {"budget": written(amount, currency), "currency": currency}
            answer = anna.put(address, json=body)
            assert (answer.status_code, answer.json["currency"]) == (200, currency)
            assert Decimal(str(answer.json["budget"])) == amount
            again = anna.put(address, json=answer.json)
            assert (again.status_code, again.json["budget"]) == (200, answer.json["budget"])


def test_a_currency_that_changes_is_checked_against_the_budget(anna, campaigns):
    address = draft(anna, budget="100.50", currency="SEK")
    before = rows(campaigns)
    for currency in ("JPY", "ZZZ"):
        assert put_back(anna, address, currency=currency).status_code == 422
    assert rows(campaigns) == before
    assert put_back(anna, address, currency="NOK").json["budget"] == 100.5


def test_a_budget_of_before_can_be_sent_back_but_not_written_anew(anna, campaigns):
    address = draft(anna, budget="100.50", currency="SEK")
    with acting_as(Principal.system("test")), campaigns.database.begin() as session:
        session.execute(update(Campaign).values(currency="JPY"))
    answer = put_back(anna, address, name="Autumn")
    assert (answer.status_code, answer.json["name"], answer.json["budget"]) == (200, "Autumn", 100.5)
    assert put_back(anna, address, budget=100.25).status_code == 422
    assert put_back(anna, address, budget=100).status_code == 200


def test_a_campaign_can_be_sent_back_as_its_own_change(anna, campaigns):
    """D65: what a change cannot write is ignored, whatever it says."""
    address = draft(anna, **PROPOSAL)
    detail = anna.get(address).json
    nonsense = {"id": 7, "status": "Complete", "inviteCount": -1, "invites": [{"retailerId": "x"}], "createdAt": None}
    for more in ({}, nonsense):
        answer = anna.put(address, json=detail | more)
        assert answer.status_code == 200
        assert {key: value for key, value in anna.get(address).json.items() if key != "updatedAt"} == {
            key: value for key, value in detail.items() if key != "updatedAt"
        }
    problem = is_problem(anna.put(address, json=detail | {"version": 1}), 422, "validation_failed")
    assert fields_of(problem) == ["version"]
    assert [row.changes for row in audited(campaigns, "campaign.changed")] == [{}, {}]


ASSETS = {
    "HTTPS://Shop.Example/søk?q=blå": "https://shop.example/s%C3%B8k?q=bl%C3%A5",
    " https://exämple.com/a.png ": "https://xn--exmple-cua.com/a.png",
    "https://cdn.example.com/a%20b.png?x=1#top": "https://cdn.example.com/a%20b.png?x=1#top",
}


def test_assets_are_kept_in_encoded_form(anna, rolf):
    address = sent(anna, ROLF, assetUrls=list(ASSETS))
    assert anna.get(address).json["assetUrls"] == list(ASSETS.values())
    assert rolf.get(f"{CAMPAIGNS}/invites").json["items"][0]["assetUrls"] == list(ASSETS.values())
    other = draft(anna, assetUrls=list(ASSETS))
    assert put_back(anna, other).json["assetUrls"] == list(ASSETS.values())


def test_an_address_counts_by_its_encoded_length(anna):
    """Else an answer could not be sent back."""
    problem = is_problem(
        anna.post(CAMPAIGNS, json=SPRING | {"assetUrls": ["https://a.example/" + "ø" * 500]}), 422, "validation_failed"
    )
    assert fields_of(problem) == ["assetUrls.0"]


def test_prose_keeps_its_lines_and_is_composed(anna, campaigns, rolf):
    """D62."""
    text = {"description": "One\r\n\tTwo", "participationAsk": "Cafe\u0301\n"}
    address = sent(anna, ROLF, **text)
    detail = anna.get(address).json
    assert (detail["description"], detail["participationAsk"]) == ("One\r\n\tTwo", "Café")
    invite = f"{CAMPAIGNS}/invites/{detail['invites'][0]['id']}"
    for note in ("a\u202eb", "a\x1bb", "a\u2028b"):
        answer = rolf.post(f"{invite}/respond", json={"response": "Accepted", "note": note})
        is_problem(answer, 422, "validation_failed")
    answer = rolf.post(f"{invite}/respond", json={"response": "Accepted", "note": " Yes,\nplease "})
    assert answer.json["note"] == "Yes,\nplease"
    assert [campaign.id for campaign in stored(campaigns, Campaign)] == [last_id(address)]
