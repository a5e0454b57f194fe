"""Reports and statements: what was clicked, ordered and earned, and tables that a spreadsheet only shows."""

import codecs
import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine

from services.affiliates.reports.rules import FORMULA, period_of, to_csv
from tests.affiliates.helpers import (
    CONVERSIONS,
    KEYED,
    activated,
    enrolled,
    last_id,
    linked,
    ok,
    refused,
    reported,
    settled,
    without_links_in_memory,
)

REPORTS = f"{KEYED}/reports"
STATEMENTS = f"{KEYED}/statements"
TODAY = datetime.now(UTC).date()


class World:
    """Two campaigns, two affiliates, and what happened to them."""

    def __init__(self, service, shop):
        self.service, self.shop = service, shop
        self.bina, self.rita = enrolled(shop, name="Bina"), enrolled(shop, name="=Rita")
        self.dashain = activated(shop, title="Dashain")
        self.tihar = activated(shop, title="Tihar", defaultCommissionValue="10")
        self.links = {
            (campaign, affiliate): linked(shop, campaign, affiliate)
            for campaign in (self.dashain, self.tihar)
            for affiliate in (self.bina, self.rita)
        }
        self.number = 0

    def click(self, campaign, affiliate) -> str:
        return self.follow(self.links[campaign, affiliate])

    def follow(self, code) -> str:
        answer = self.service.client(None).get(f"/r/{code}")
        return answer.headers["Location"].partition("clickId=")[2]

    def order(self, campaign, affiliate, amount, status=None, refund=None, **changes) -> str:
        number, self.number = f"A-{self.number}", self.number + 1
        reported(self.shop, number, clickId=self.click(campaign, affiliate), orderAmount=amount, **changes)
        settled(self.service)
        if status:
            body = {"status": status} | ({"refundAmount": refund} if refund else {})
            ok(self.shop.post(f"{CONVERSIONS}/{number}/status", json=body))
        return number

    def rows(self, query, *names):
        items = ok(self.shop.get(f"{REPORTS}?{query}"))["items"]
        return [tuple(item[name] for name in names) for item in items]


@pytest.fixture
def world(affiliates, shop):
    without_links_in_memory(affiliates)
    return World(affiliates, shop)


def money(**parts):
    return [{"currency": "NPR", "held": "0.00", "approved": "0.00", "reversed": "0.00"} | parts]


def test_a_report_for_each_campaign_affiliate_and_day(world):
    """Clicks, conversions, rate, commission by state."""
    world.order(world.dashain, world.bina, "100.00")
    world.order(world.dashain, world.rita, "100.00", "confirmed")
    world.order(world.tihar, world.bina, "100.00", "cancelled")
    world.order(world.tihar, world.bina, "100.00", "refunded", "25.00")
    world.click(world.tihar, world.bina)
    ok(world.shop.post(f"{world.dashain}/pause"))
    world.service.client(None).get(f"/r/{world.links[world.dashain, world.bina]}")
    settled(world.service)
    names = ("name", "clicks", "deadClicks", "conversions", "rate", "commission")
    dashain = ("Dashain", 2, 1, 2, "1.0000", money(held="12.00", approved="12.00"))
    tihar = ("Tihar", 3, 0, 2, "0.6667", money(held="7.50", reversed="12.50"))
    assert world.rows("by=campaign", *names) == [dashain, tihar]
    assert world.rows("", *names) == [dashain, tihar]
    assert world.rows("by=affiliate", *names) == [
        ("=Rita", 1, 0, 1, "1.0000", money(approved="12.00")),
        ("Bina", 4, 1, 3, "0.7500", money(held="19.50", reversed="12.50")),
    ]
    whole = money(held="19.50", approved="12.00", reversed="12.50")
    assert world.rows("by=day", "key", *names[1:]) == [(str(TODAY), 5, 1, 4, "0.8000", whole)]
    narrowed = f"by=affiliate&campaignId={last_id(world.tihar)}"
    assert world.rows(narrowed, "key", "conversions") == [(world.bina, 2)]
    assert world.rows(f"by=campaign&affiliateId={world.rita}", "name", "conversions") == [("Dashain", 1)]
    assert world.rows("by=day&from=2020-01-01&to=2020-01-31", "key") == []
    assert world.rows("by=campaign&page=2&pageSize=1", "name") == [("Tihar",)]


def test_a_report_for_each_product(world):
    """By the lines of orders; a click is of no one product."""
    lines = [{"externalId": "SKU-1", "quantity": 2, "amount": "60.00"}, {"externalId": "SKU-2", "amount": "40.00"}]
    products = [{"externalId": "SKU-1", "name": "Shoes", "price": 1, "commissionType": "FIXED", "commissionValue": "5"}]
    ok(world.shop.post(f"{KEYED}/products", json={"products": products}), 202)
    world.order(world.dashain, world.bina, "100.00", items=lines)
    world.order(world.dashain, world.bina, "100.00", "confirmed", items=lines[:1])
    world.order(world.dashain, world.bina, "100.00", "returned", items=lines[1:])
    world.order(world.dashain, world.bina, "100.00", "refunded", "50.00", items=lines)
    assert world.rows("by=product", "key", "name", "clicks", "conversions", "commission") == [
        ("SKU-2", "", None, 3, money(held="7.20", reversed="7.20")),
        ("SKU-1", "Shoes", None, 3, money(held="7.50", approved="5.00", reversed="2.50")),
    ]


def test_currencies_are_kept_apart(world):
    world.order(world.dashain, world.bina, "100.00")
    world.order(world.dashain, world.bina, "50.00", currency="EUR")
    (row,) = world.rows("by=campaign", "conversions", "commission")
    assert row[0] == 2
    assert [(entry["currency"], entry["held"]) for entry in row[1]] == [("EUR", "6.00"), ("NPR", "12.00")]
    table = read_csv(world.shop.get(f"{REPORTS}?format=csv"))
    assert [(line["clicks"], line["currency"], line["held"]) for line in table] == [
        ("2", "EUR", "6.00"),
        ("", "NPR", "12.00"),
    ]


def read_csv(answer):
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.get_data().startswith(codecs.BOM_UTF8)
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def test_a_table_opens_safely_in_a_spreadsheet(world):
    """No cell is a formula, whatever an affiliate calls itself."""
    world.order(world.dashain, world.rita, "100.00")
    answer = world.shop.get(f"{REPORTS}?by=affiliate&format=csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="affiliates.csv"'
    (line,) = read_csv(answer)
    assert (line["name"], line["held"]) == ("'=Rita", "12.00")


@pytest.mark.parametrize("start", FORMULA)
def test_no_cell_is_a_formula(start):
    text = to_csv(["a"], [[f"{start}cmd|' /C calc'!A0"], [f" {start}1"]])
    for row in list(csv.reader(io.StringIO(text)))[1:]:
        assert row[0].startswith("'")


def test_amounts_and_quotes_stay_as_they_are_in_a_table():
    table = to_csv(["a"], [['say "hi", you'], [Decimal("-1.50")], [None]])
    assert table == '\ufeff"a"\r\n"say ""hi"", you"\r\n"-1.50"\r\n""\r\n'


def test_statements_for_payout(world):
    """Opening and what came and left come to closing; what is held is no one's yet."""
    world.order(world.dashain, world.bina, "100.00", "confirmed")
    world.order(world.dashain, world.bina, "200.00")
    world.order(world.dashain, world.rita, "300.00", "delivered")
    later = datetime.now(UTC) + timedelta(days=40)
    with time_machine.travel(later):
        ok(world.shop.post(f"{CONVERSIONS}/A-0/status", json={"status": "refunded", "refundAmount": "50.00"}))
        world.order(world.dashain, world.bina, "1000.00", "confirmed")
        (bina, rita) = sorted(
            ok(world.shop.get(STATEMENTS))["items"], key=lambda entry: entry["affiliateName"], reverse=True
        )
        assert bina == {
            "affiliateId": world.bina,
            "affiliateName": "Bina",
            "affiliateEmail": "bina@blog.example",
            "currency": "NPR",
            "from": str(later.date() - timedelta(days=29)),
            "to": str(later.date()),
            "opening": "12.00",
            "earned": "120.00",
            "takenBack": "6.00",
            "closing": "126.00",
            "held": "24.00",
        }
        assert (rita["opening"], rita["earned"], rita["closing"]) == ("36.00", "0.00", "36.00")
        lines = read_csv(world.shop.get(f"{STATEMENTS}?affiliateId={world.rita}&format=csv"))
        assert [(line["affiliateName"], line["closing"]) for line in lines] == [("'=Rita", "36.00")]
    first = ok(world.shop.get(f"{STATEMENTS}?to={TODAY + timedelta(days=1)}&affiliateId={world.bina}"))["items"]
    assert [(entry["opening"], entry["earned"], entry["closing"]) for entry in first] == [("0.00", "12.00", "12.00")]


def test_reports_hold_nothing_of_others(world, otto):
    """S2-22."""
    world.order(world.dashain, world.bina, "100.00", "confirmed", items=[{"externalId": "SKU-1", "amount": "1.00"}])
    for by in ("campaign", "affiliate", "product", "day"):
        assert ok(otto.get(f"{REPORTS}?by={by}"))["items"] == []
        assert ok(otto.get(f"{REPORTS}?by={by}&affiliateId={world.bina}"))["items"] == []
    assert ok(otto.get(f"{STATEMENTS}?affiliateId={world.bina}"))["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        "by=colour",
        "from=2026-02-30",
        "from=2026-02-02&to=2026-02-01",
        "from=2025-01-01&to=2026-01-02",
        "from=2020-01-01",
        "from=9999-12-31",
        "to=0001-01-01",
        "format=xml",
        "x=1",
    ],
)
def test_questions_that_do_not_fit(shop, query):
    """S2-29."""
    refused(shop.get(f"{REPORTS}?{query}"), 400)


def test_by_itself_a_period_is_thirty_days():
    noon = datetime(2026, 4, 30, 12, tzinfo=UTC)
    period = period_of(None, None, noon, ZoneInfo("UTC"))
    assert (period.since, period.until) == (date(2026, 4, 1), date(2026, 4, 30))
    assert period_of(date(2026, 5, 9), None, noon, ZoneInfo("UTC")).until == date(2026, 5, 9)
    assert period.end - period.begin == timedelta(days=30)


def test_names_stand_in_the_order_people_expect(world):
    """D62: whatever their case, the same on both databases."""
    for name in ("anna", "Örjan", "ANNA B"):
        code = linked(world.shop, world.dashain, enrolled(world.shop, name=name))
        reported(world.shop, name, clickId=world.follow(code))
    world.order(world.dashain, world.bina, "100.00")
    expected = ["anna", "ANNA B", "Bina", "Örjan"]
    assert [name for (name,) in world.rows("by=affiliate", "name")] == expected
    assert [row["affiliateName"] for row in ok(world.shop.get(STATEMENTS))["items"]] == expected


def test_answers_are_of_the_types_that_the_document_declares(world):
    """Text to four places, as it is declared; and so with the others."""
    world.order(world.dashain, world.bina, "100.00")
    document = world.service.client(None).get("/openapi.json").json["components"]["schemas"]
    (row,) = ok(world.shop.get(REPORTS))["items"]
    assert (document["ReportRowOut"]["properties"]["rate"]["type"], row["rate"]) == ("string", "1.0000")
    types = {"string": str, "integer": int, "number": float, "array": list, "boolean": bool}
    answers = {
        "ReportRowOut": row,
        "ReportMoneyOut": row["commission"][0],
        "StatementOut": ok(world.shop.get(STATEMENTS))["items"][0],
        "ConversionOut": ok(world.shop.get(f"{CONVERSIONS}/A-0")),
        "LedgerEntryOut": ok(world.shop.get(f"{KEYED}/ledger"))["items"][0],
        "BalanceOut": ok(world.shop.get(f"{KEYED}/ledger/balances"))["items"][0],
        "CampaignOut": ok(world.shop.get(world.dashain)),
        "SettingsOut": ok(world.shop.get(f"{KEYED}/settings")),
    }
    for schema, answer in answers.items():
        for name, value in answer.items():
            declared = document[schema]["properties"][name].get("type", "string")
            assert value is None or isinstance(value, types[declared]), (schema, name)
