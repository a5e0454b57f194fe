"""The ledger only grows, and always comes to what the rules give, whatever happens in whatever order."""

from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from chassis.core import money
from chassis.core.principal import Principal, acting_as
from services.affiliates.commissions import ledger_rules as rules
from services.affiliates.commissions.ledger_rules import OrderState, OrderStatus
from services.affiliates.commissions.models import LedgerEntry
from tests.affiliates.helpers import (
    CONVERSIONS,
    KEYED,
    activated,
    enrolled,
    everything,
    linked,
    ok,
    reported,
    settled,
    without_links_in_memory,
)
from tests.plugin.matrix import generated


@pytest.fixture
def code(shop, affiliates):
    without_links_in_memory(affiliates)
    return linked(shop, activated(shop))


def clicked(service, code) -> str:
    return service.client(None).get(f"/r/{code}").headers["Location"].partition("clickId=")[2]


@pytest.mark.parametrize("change", [update(LedgerEntry).values(cents=1), delete(LedgerEntry)], ids=["change", "delete"])
def test_the_database_refuses_to_change_what_was_entered(shop, affiliates, code, change):
    """Entries are only ever added."""
    reported(shop, "A-1", clickId=clicked(affiliates, code))
    settled(affiliates)
    before = everything(affiliates)
    refuses = pytest.raises(DBAPIError, match="only ever added")
    with acting_as(Principal.system("test")), refuses, affiliates.database.begin() as session:
        session.execute(change)
    assert everything(affiliates) == before


AMOUNTS = ["0.01", "10.00", "33.33", "999.99"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("report"), st.integers(0, 2), st.sampled_from(AMOUNTS)),
        st.tuples(st.just("status"), st.integers(0, 2), st.sampled_from(OrderStatus)),
        st.tuples(st.just("refund"), st.integers(0, 2), st.sampled_from(["0.01", "5.00", "33.33"])),
        st.tuples(st.just("weigh"), st.just(0), st.just("")),
        st.tuples(st.just("click"), st.just(0), st.just("")),
        st.tuples(st.just("toggle"), st.just(0), st.just("")),
    ),
    max_size=12,
)


class Shop:
    """What a merchant does, and what it must come to by the rules alone."""

    def __init__(self, service, client):
        self.service, self.client = service, client
        self.campaign = activated(client)
        self.affiliate = enrolled(client, name=f"Bina {uuid4().hex[:8]}")
        self.code = linked(client, self.campaign, self.affiliate)
        self.names = [f"{uuid4().hex[:8]}-{number}" for number in range(3)]
        self.orders: dict[str, OrderState] = {}
        self.credited: dict[str, bool] = {}
        self.paused = False
        self.click_id = clicked(service, self.code)

    def report(self, number, amount):
        name = self.names[number]
        status = reported(self.client, name, clickId=self.click_id, orderAmount=amount)
        assert status == ("DUPLICATE" if name in self.orders else "ACCEPTED")
        if name not in self.orders:
            self.orders[name] = OrderState(OrderStatus.PENDING, Decimal(amount), "NPR")
            self.credited[name] = not self.paused

    def status(self, number, new_status, refund=None):
        name = self.names[number]
        body = {"status": new_status} | ({"refundAmount": refund} if refund else {})
        answer = self.client.post(f"{CONVERSIONS}/{name}/status", json=body)
        if answer.status_code == 200:
            self.orders[name] = self.orders[name].after(OrderStatus(new_status), Decimal(refund) if refund else None)
        else:
            assert answer.status_code in ((404,) if name not in self.orders else (400, 409)), answer.json

    def refund(self, number, amount):
        self.status(number, "refunded", amount)

    def weigh(self, *_):
        settled(self.service)

    def click(self, *_):
        self.click_id = clicked(self.service, self.code) if not self.paused else self.click_id

    def toggle(self, *_):
        ok(self.client.post(f"{self.campaign}/{'activate' if self.paused else 'pause'}"))
        self.paused = not self.paused

    def must_come_to(self) -> dict[str, Decimal]:
        sums = {"held": Decimal(0), "approved": Decimal(0)}
        for name, state in self.orders.items():
            if self.credited[name]:
                for account, amount in rules.standing(money.rounded(state.amount * 12 / 100, "NPR"), state).items():
                    sums[account.lower()] += amount
        return sums

    def balance(self) -> dict[str, Decimal]:
        items = ok(self.client.get(f"{KEYED}/ledger/balances?affiliateId={self.affiliate}"))["items"]
        sums = {"held": Decimal(0), "approved": Decimal(0)}
        for item in items:
            sums = {key: sums[key] + Decimal(item[key]) for key in sums}
        return sums


@given(STEPS)
@generated(15)
def test_sums_are_what_the_rules_give(shop, affiliates, steps):
    """S2-13, S2-25, S2-27, D33, D34: for any order of clicks, conversions, refunds, repeats, pauses and weighing."""
    world = Shop(affiliates, shop)
    for step, number, value in steps:
        getattr(world, step)(number, value)
    settled(affiliates)
    assert world.balance() == world.must_come_to()
    for name, state in world.orders.items():
        conversion = ok(shop.get(f"{CONVERSIONS}/{name}"))
        assert conversion["status"] == ("CREDITED" if world.credited[name] else "REFUSED")
        assert conversion["orderStatus"] == state.status
        entries = ok(shop.get(f"{KEYED}/ledger?externalOrderId={name}&pageSize=200"))["items"]
        assert sum(Decimal(entry["amount"]) for entry in entries) == Decimal(conversion["commission"])


def test_balances_are_kept_by_currency(shop, affiliates, code):
    for number, currency in enumerate(("NPR", "EUR", "NPR")):
        reported(shop, f"A-{number}", clickId=clicked(affiliates, code), currency=currency, orderAmount="100.00")
    settled(affiliates)
    ok(shop.post(f"{CONVERSIONS}/A-1/status", json={"status": "confirmed"}))
    balances = [
        (balance["currency"], balance["held"], balance["approved"])
        for balance in ok(shop.get(f"{KEYED}/ledger/balances"))["items"]
    ]
    assert balances == [("EUR", "0.00", "12.00"), ("NPR", "24.00", "0.00")]
