"""A merchant that has ended: its books stay with what they refer to, by ids; everything else goes."""

from uuid import UUID, uuid4

from sqlalchemy import insert, select

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from privacy.person import FORMER_USER, NO_ADDRESS
from services.affiliates import service
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.campaigns.models import Campaign
from services.affiliates.commissions.models import LedgerEntry
from services.affiliates.conversions.models import Conversion
from services.affiliates.merchants.models import Merchant
from tests.plugin.endings import end, go_through, may_remain, tables_with
from tests.plugin.filling import count_rows, fill
from tests.plugin.search import rows_with

OWNERS = ("merchant_id", "merchants.id", "click_feeds.id")
KNOWN = {"conversions.currency": "SEK", "ledger.currency": "SEK", "conversions.status": "CREDITED"}
SYSTEM = Principal.system("test")
BOOKED = {"ledger", "conversions", "conversion_items", "refunds", "campaigns", "affiliates", "merchants"}


def filled(affiliates):
    """A merchant with a row in every table, one order of which is in the books."""
    merchant = uuid4()
    with acting_as(SYSTEM), affiliates.database.begin() as session:
        rows = fill(session, service.metadata, merchant, owners=OWNERS, known=KNOWN)
    return merchant, rows


def add_unbooked(affiliates, rows):
    """Another campaign, affiliate and order of the merchant, of which nothing was earned."""
    with acting_as(SYSTEM), affiliates.database.begin() as session:
        for model in (Campaign, Affiliate, Conversion):
            fresh = {"id": uuid4(), "user_id": None}
            fresh |= dict.fromkeys(("code", "email_key", "external_order_id"), "other")
            columns = model.__table__.columns.keys()
            values = rows[model.__tablename__] | {name: value for name, value in fresh.items() if name in columns}
            session.execute(insert(model.__table__).values(values))


def all_of(affiliates, model):
    with acting_as(SYSTEM), affiliates.database.read() as session:
        return session.scalars(select(model)).all()


def rows(affiliates):
    with acting_as(SYSTEM), affiliates.database.read() as session:
        return count_rows(session, service.metadata)


def test_the_books_stay_and_nothing_else(affiliates):
    merchant, made = filled(affiliates)
    add_unbooked(affiliates, made)
    ledger = [entry.id for entry in all_of(affiliates, LedgerEntry)]
    end(affiliates, merchant)
    assert tables_with(affiliates, merchant) == BOOKED
    assert tables_with(affiliates, merchant) <= may_remain(affiliates)
    assert rows(affiliates) == dict.fromkeys(rows(affiliates), 0) | dict.fromkeys(BOOKED, 1)
    assert [entry.id for entry in all_of(affiliates, LedgerEntry)] == ledger


def test_what_stays_names_nobody(affiliates):
    merchant, made = filled(affiliates)
    end(affiliates, merchant)
    (affiliate,) = all_of(affiliates, Affiliate)
    assert (affiliate.name, affiliate.email, affiliate.user_id) == (FORMER_USER, NO_ADDRESS, None)
    (shop,) = all_of(affiliates, Merchant)
    assert (shop.name, shop.fallback_url, shop.currency) == ("former company", None, made["merchants"]["currency"])
    (order,) = all_of(affiliates, Conversion)
    assert (order.visitor_id, order.buyer_hash, order.click_id) == (None, None, None)
    assert order.external_order_id == made["conversions"]["external_order_id"]
    engine = affiliates.database.engine
    personal = (*(made["affiliates"][name] for name in ("name", "email", "email_key")), made["merchants"]["name"])
    for text in (*personal, made["campaigns"]["description"], made["clicks"]["address_hash"]):
        assert rows_with(engine, text) == [], text


def test_two_affiliates_of_the_books_can_both_become_former_users(affiliates):
    merchant, made = filled(affiliates)
    with acting_as(SYSTEM), affiliates.database.begin() as session:
        second = made["affiliates"] | {"id": uuid4(), "email_key": "other", "user_id": None}
        session.execute(insert(Affiliate.__table__).values(second))
        entry = made["ledger"] | {"id": uuid4(), "affiliate_id": second["id"]}
        session.execute(insert(LedgerEntry.__table__).values(entry))
    end(affiliates, merchant)
    assert [one.name for one in all_of(affiliates, Affiliate)] == [FORMER_USER] * 2
    assert len({one.email_key for one in all_of(affiliates, Affiliate)}) == 2


def test_a_merchant_without_books_goes_whole_and_another_one_stays(affiliates):
    bare, other = UUID(int=5), filled(affiliates)[0]
    before = rows(affiliates)
    with acting_as(SYSTEM), affiliates.database.begin() as session:
        session.execute(insert(Merchant.__table__).values(merchant_row(bare)))
    end(affiliates, bare)
    assert tables_with(affiliates, bare) == set()
    assert rows(affiliates) == before
    assert tables_with(affiliates, other) >= BOOKED


def merchant_row(merchant_id):
    values = {column.name: None for column in Merchant.__table__.columns if column.nullable}
    required = {"id": merchant_id, "name": "Bare", "slug": "bare", "enabled": True, "sequence": 1, "version": 1}
    standing = {"suspended": True, "suspension_sequence": 1, "allowed_hosts": [], "affiliate_approval_required": True}
    return values | required | standing | {"updated_at": utcnow()}


def test_it_goes_in_pieces_and_a_later_pass_changes_nothing(affiliates, monkeypatch):
    monkeypatch.setattr("privacy.tenant_data.AT_ONCE", 1)
    merchant, made = filled(affiliates)
    add_unbooked(affiliates, made)
    end(affiliates, merchant)
    after = rows(affiliates)
    assert after == dict.fromkeys(after, 0) | dict.fromkeys(BOOKED, 1)
    go_through(affiliates)
    assert rows(affiliates) == after
