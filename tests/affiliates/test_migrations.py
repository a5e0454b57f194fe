"""What was there before amounts knew their currency keeps its meaning, and the ledger's sums what conversions say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from alembic import command
from sqlalchemy import MetaData, create_engine, event, insert, select, update
from sqlalchemy.exc import DBAPIError

from chassis.data import migrate
from chassis.process.service import Runtime
from services.affiliates import service
from tests.affiliates.helpers import AFFILIATES, CONVERSIONS, DASHAIN, KEYED, SHOP, ok, refused
from tests.older import move
from tests.plugin import ServiceUnderTest, postgres_database

BEFORE = "affiliates_0001"
THEN = datetime(2026, 4, 1, 12, tzinfo=UTC)


@pytest.fixture
def url(dialect, tmp_path):
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path}/affiliates.db"
        return
    with postgres_database() as url:
        yield url


class Old:
    """The database as code of the schema before left it, and what was written there."""

    def __init__(self, engine):
        self.engine = engine
        with engine.connect() as connection:
            config = migrate.config_of(service)
            config.attributes["connection"] = connection
            command.upgrade(config, "chassis@head")
            command.upgrade(config, BEFORE)
            connection.commit()
        self.tables = MetaData()
        self.tables.reflect(engine)
        self.campaign, self.affiliate = uuid4(), uuid4()
        self.add_merchant(DASHAIN)

    def add(self, table, **values):
        """Ids as each database keeps them; SQLite's are 32 digits, its amounts text."""
        on_sqlite = self.engine.dialect.name == "sqlite"
        plain = {UUID: lambda value: value.hex, Decimal: str} if on_sqlite else {}
        row = {name: plain.get(type(value), lambda same: same)(value) for name, value in values.items()}
        with self.engine.begin() as connection:
            connection.execute(insert(self.tables.tables[table]).values(row))

    def add_merchant(self, merchant_id):
        self.add("merchants", id=merchant_id, name="Dashain Market", slug="dashain-market", enabled=True, sequence=0,
                 allowed_hosts=[], affiliate_approval_required=True, updated_at=THEN)  # fmt: skip
        self.add("campaigns", merchant_id=merchant_id, id=self.campaign, code="CMP-AAAAAA", title="Sale",
                 cookie_days=30, traffic_sources=[], approval_required=False, visibility="PRIVATE",
                 status="ACTIVE", created_at=THEN, updated_at=THEN, commission_type="PERCENTAGE",
                 commission_value="15")  # fmt: skip
        self.add_affiliate("Bina@Blog.example", self.affiliate)

    def add_affiliate(self, email, affiliate_id=None, key=None):
        self.add("affiliates", merchant_id=DASHAIN, id=affiliate_id or uuid4(), name="Bina", email=email,
                 email_key=key or email.casefold(), status="APPROVED", created_at=THEN, updated_at=THEN)  # fmt: skip

    def add_order(self, number, currency, amount, commission, entries, *, lines=(), status="pending", refunded="0.00"):
        conversion = uuid4()
        self.add("conversions", merchant_id=DASHAIN, id=conversion, external_order_id=number,
                 order_amount=Decimal(amount), currency=currency, occurred_at=THEN, received_at=THEN, due_at=THEN,
                 status="CREDITED", reason="last_click", weighed_at=THEN, click_id=uuid4(), clicked_at=THEN,
                 window_days=30, link_id=uuid4(), campaign_id=self.campaign, affiliate_id=self.affiliate,
                 commission=Decimal(commission), commission_level="campaign", order_status=status,
                 refunded=Decimal(refunded), flags=[])  # fmt: skip
        for position, (name, price, earned) in enumerate(lines):
            self.add("conversion_items", merchant_id=DASHAIN, conversion_id=conversion, position=position,
                     external_id=name, quantity=1, amount=Decimal(price), commission=Decimal(earned),
                     level="campaign")  # fmt: skip
        for second, (account, cents) in enumerate(entries):
            self.add("ledger", id=uuid4(), merchant_id=DASHAIN, affiliate_id=self.affiliate, campaign_id=self.campaign,
                     conversion_id=conversion, at=THEN + timedelta(seconds=second), cause="credited", account=account,
                     cents=cents, currency=currency)  # fmt: skip
        return conversion


@pytest.fixture
def old(url):
    engine = create_engine(url)
    yield Old(engine)
    engine.dispose()


@pytest.fixture
def upgraded(old, url, test_settings):
    """Call it to migrate: the service as it runs then."""
    running = []

    def upgrade():
        migrate.upgrade(service, old.engine)
        runtime = Runtime(service, replace(test_settings, database_url=url))
        running.append(runtime)
        return ServiceUnderTest(runtime).client(SHOP)

    yield upgrade
    for runtime in running:
        runtime.close()


def sums_of(shop, number):
    entries = ok(shop.get(f"{KEYED}/ledger?externalOrderId={number}&pageSize=200"))["items"]
    assert all("." not in entry["amount"] for entry in entries if entry["currency"] == "JPY")
    return sum(Decimal(entry["amount"]) for entry in entries)


def test_commission_in_yen_becomes_whole_and_sums_stay_right(old, upgraded):
    """D9: on the conversion, its lines and each entry, whatever was refunded since."""
    moved = [("HELD", 8625), ("HELD", -8625), ("APPROVED", 8625), ("APPROVED", -2875)]
    old.add_order(
        "A-1", "JPY", "575.00", "86.25", [("HELD", 8625)], lines=[("a", "300", "45.00"), ("b", "275", "41.25")]
    )
    old.add_order("A-2", "JPY", "575.00", "86.25", moved, status="confirmed", refunded="191.67")
    old.add_order("A-3", "JPY", "3.00", "0.50", [("HELD", 50), ("HELD", -25)], refunded="1.50")
    old.add_order("A-4", "JPY", "575.00", "86.50", [("HELD", 8650), ("HELD", -8650)], status="returned",
                  lines=[("a", "575", "86.50")])  # fmt: skip
    shop = upgraded()
    seen = {}
    for number in ("A-1", "A-2", "A-3", "A-4"):
        conversion = ok(shop.get(f"{CONVERSIONS}/{number}"))
        assert sums_of(shop, number) == Decimal(conversion["commission"])
        assert sum(Decimal(line["commission"]) for line in conversion["items"]) in (
            0,
            Decimal(conversion["commissionCredited"]),
        )
        seen[number] = (conversion["commissionCredited"], conversion["commission"])
    assert seen == {"A-1": ("86", "86"), "A-2": ("86", "57"), "A-3": ("1", "1"), "A-4": ("87", "0")}
    assert [line["commission"] for line in ok(shop.get(f"{CONVERSIONS}/A-1"))["items"]] == ["45", "41"]
    (balance,) = ok(shop.get(f"{KEYED}/ledger/balances"))["items"]
    assert (balance["held"], balance["approved"]) == ("87", "57")
    ok(shop.post(f"{CONVERSIONS}/A-1/status", json={"status": "confirmed"}))
    assert sums_of(shop, "A-1") == 86
    (balance,) = ok(shop.get(f"{KEYED}/ledger/balances"))["items"]
    assert (balance["held"], balance["approved"]) == ("1", "143")


def test_what_had_cents_stays_as_it_is(old, upgraded):
    """D9: and three decimals are what two were; lines know what refunds took back."""
    lines = [("a", "60.00", "9.00"), ("b", "40.00", "6.00")]
    old.add_order("A-1", "SEK", "100.00", "15.00", [("HELD", 1500), ("HELD", -375)], lines=lines, refunded="25.00")
    old.add_order("A-2", "KWD", "100.00", "15.01", [("HELD", 1501)])
    old.add_order("A-3", "SEK", "100.00", "15.00", [("HELD", 1500), ("HELD", -1500)], lines=lines, status="cancelled")
    shop = upgraded()
    first = ok(shop.get(f"{CONVERSIONS}/A-1"))
    assert (first["commission"], [line["takenBack"] for line in first["items"]]) == ("11.25", ["2.25", "1.50"])
    assert sums_of(shop, "A-1") == Decimal("11.25")
    assert (ok(shop.get(f"{CONVERSIONS}/A-2"))["commission"], sums_of(shop, "A-2")) == ("15.010", Decimal("15.01"))
    assert [line["takenBack"] for line in ok(shop.get(f"{CONVERSIONS}/A-3"))["items"]] == ["9.00", "6.00"]
    period = "from=2026-04-01&to=2026-04-30"
    products = ok(shop.get(f"{KEYED}/reports?by=product&{period}"))["items"]
    assert [(row["commission"][0]["held"], row["commission"][0]["reversed"]) for row in products] == [
        ("6.75", "11.25"),
        ("4.50", "7.50"),
    ]


def test_the_ledger_only_grows_again(old, upgraded):
    """The triggers that the migration lifted are back."""
    old.add_order("A-1", "JPY", "575.00", "86.25", [("HELD", 8625)])
    upgraded()
    ledger = old.tables.tables["ledger"]
    for statement in (update(ledger).values(cents=1), ledger.delete()):
        with pytest.raises(DBAPIError, match="only ever added"), old.engine.begin() as connection:
            connection.execute(statement)


def test_entries_of_the_code_before_are_read_as_they_were_meant(old, upgraded):
    """While both run: it writes hundredths alone, in every currency."""
    shop = upgraded()
    for number, currency in enumerate(("JPY", "SEK", "KWD", "CLF")):
        old.add_order(f"A-{number}", currency, "100.00", "15.00", [("HELD", 1500)])
    held = {item["currency"]: item["held"] for item in ok(shop.get(f"{KEYED}/ledger/balances"))["items"]}
    assert held == {"JPY": "15", "SEK": "15.00", "KWD": "15.000", "CLF": "15.0000"}


@pytest.mark.parametrize(
    ("price", "currency", "merchants"), [("9.99", "JPY", None), ("9.00", "JPY", "JPY"), ("9.99", "EUR", "EUR")]
)
def test_a_merchant_s_currency_is_that_of_its_first_order(old, upgraded, price, currency, merchants):
    """D9: where what is stored fits it."""
    old.add("products", id=uuid4(), merchant_id=DASHAIN, external_id="a", name="A", price=Decimal(price),
            created_at=THEN, updated_at=THEN)  # fmt: skip
    old.add_order("A-1", currency, "100.00", "15.00", [("HELD", 1500)])
    assert ok(upgraded().get(f"{KEYED}/settings"))["currency"] == merchants


def test_mailboxes_get_one_key_and_approvals_stay(old, upgraded):
    """D62, D30: two enrolments that are one mailbox stay two, and nobody applies a third time."""
    old.add_affiliate("rita@exämple.example")
    old.add_affiliate("rita@xn--exmple-cua.example")
    shop = upgraded()
    rows = ok(shop.get(AFFILIATES))["items"]
    assert {row["approvedAt"] for row in rows} == {"2026-04-01T12:00:00Z"}
    for address in ("RITA@Exämple.example", "rita@xn--exmple-cua.example", "bina@blog.example"):
        refused(shop.post(AFFILIATES, json={"name": "Rita", "email": address}), 409, "already")
    with old.engine.connect() as connection:
        keys = connection.scalars(select(old.tables.tables["affiliates"].c.email_key)).all()
    assert len(keys) == len(set(keys)) == 3


def test_what_the_code_before_credits_in_yen_becomes_whole_when_it_is_followed(old, upgraded):
    """While both run: its orders can be confirmed and refunded, and the ledger says what the conversion says."""
    shop = upgraded()
    lines = [("a", "300", "45.00"), ("b", "275", "41.25")]
    for number in ("A-1", "A-2"):
        old.add_order(number, "JPY", "575.00", "86.25", [("HELD", 8625)], lines=lines)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["commissionCredited"] == "86"
    assert ok(shop.post(f"{CONVERSIONS}/A-1/status", json={"status": "confirmed"}))["commission"] == "86"
    partly = ok(shop.post(f"{CONVERSIONS}/A-2/status", json={"status": "refunded", "items": [{"externalId": "b"}]}))
    assert (partly["commission"], [line["commission"] for line in partly["items"]]) == ("45", ["45", "41"])
    assert [sums_of(shop, number) for number in ("A-1", "A-2")] == [86, 45]


def test_a_refund_from_before_may_be_reported_again_as_it_was(old, upgraded):
    """S2-27: also in yen, which had decimals then."""
    conversion = old.add_order("A-1", "JPY", "575.00", "86.25", [("HELD", 8625)], refunded="191.67")
    old.add(
        "refunds", merchant_id=DASHAIN, conversion_id=conversion, refund_id="R-1", amount=Decimal("191.67"), at=THEN
    )
    shop = upgraded()
    refund = {"status": "refunded", "refundAmount": "191.67"}
    assert ok(shop.post(f"{CONVERSIONS}/A-1/status", json=refund | {"refundId": "R-1"}))["commission"] == "57"
    refused(shop.post(f"{CONVERSIONS}/A-1/status", json=refund | {"refundId": "R-2"}), 400, "refundAmount")


def statements_of(engine, work):
    """How many statements a piece of work sends."""
    sent = []

    def note(*details):
        sent.append(details[2])

    event.listen(engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(sent)


def test_many_orders_take_no_more_statements_than_few(old):
    """The tables stay locked until it is done."""
    lines = [("a", "300", "45.00"), ("b", "275", "41.25")]

    def fill(prefix, number):
        for place in range(number):
            old.add_order(f"{prefix}-{place}", "JPY", "575.00", "86.25", [("HELD", 8625)], lines=lines)
            old.add_order(
                f"{prefix}-{place}-S", "SEK", "575.00", "86.25", [("HELD", 8625)], lines=lines, refunded="5.00"
            )

    fill("A", 1)
    few = statements_of(old.engine, lambda: move(service, old.engine, "affiliates_0002"))
    move(service, old.engine, BEFORE, command.downgrade)
    fill("B", 12)
    many = statements_of(old.engine, lambda: move(service, old.engine, "affiliates_0002"))
    assert many - few < 12  # alembic's own vary; there are 24 orders more
