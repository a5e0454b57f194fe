"""Amounts in the minor units of their currency, refunds of single lines, approval by campaign, the merchant's zone.

What is stored is made right: commission in currencies without cents, which was kept with them, is rounded half up, and
the ledger's entries with it, so that its sums stay what conversions say. The triggers that let the ledger only grow are
lifted for that, inside the transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from alembic import op

from chassis.core import money
from chassis.core.emails import address_key
from chassis.data.columns import Money, UtcDateTime

revision = "affiliates_0002"
down_revision = "affiliates_0001"
branch_labels = None
depends_on = None

AMOUNT = sa.Numeric().with_variant(sa.String(20), "sqlite")
OLD_AMOUNT = sa.Numeric(14, 2)
ADDED: tuple[tuple[str, str, Any, str | None], ...] = (
    ("affiliates", "approved_at", sa.DateTime(timezone=True), None),
    ("campaigns", "commission_currency", sa.Text(), None),
    ("campaigns", "affiliate_approval_required", sa.Boolean(), None),
    ("conversions", "unapplied", sa.JSON(), None),
    ("conversions", "refunded_by_item", AMOUNT, "0"),
    ("conversions", "taken_by_item", AMOUNT, "0"),
    ("conversion_items", "refunded", AMOUNT, "0"),
    ("conversion_items", "refunded_quantity", sa.Integer(), "0"),
    ("conversion_items", "taken_back", AMOUNT, "0"),
    ("ledger", "minor", sa.BigInteger(), None),
    ("merchants", "currency", sa.Text(), None),
    ("merchants", "time_zone", sa.Text(), None),
    ("products", "currency", sa.Text(), None),
    ("refunds", "items", sa.JSON(), None),
)
"""Table, column, type, and what stands there where nothing was written; null where that is None."""

WIDENED = (
    ("conversions", "order_amount"),
    ("conversions", "commission"),
    ("conversions", "refunded"),
    ("conversion_items", "amount"),
    ("conversion_items", "commission"),
    ("products", "price"),
    ("refunds", "amount"),
)
WITHOUT_CENTS = sorted(code for code, places in money.CURRENCIES.items() if places < 2)
APPROVING = ("confirmed", "delivered")
REVERSING = ("cancelled", "returned", "refunded")
BATCH = 500  # conversions at a time: other processes wait meanwhile
KEYS = {"conversions": ("id",), "conversion_items": ("conversion_id", "position"), "ledger": ("id",)}

Written = tuple[tuple[Any, ...], Any]
"""The key of a row, and what is written there."""

conversions = sa.table(
    "conversions",
    sa.column("id", sa.Uuid()),
    sa.column("merchant_id", sa.Uuid()),
    sa.column("received_at", UtcDateTime()),
    sa.column("status", sa.Text()),
    sa.column("currency", sa.Text()),
    sa.column("order_amount", Money()),
    sa.column("refunded", Money()),
    sa.column("commission", Money()),
    sa.column("order_status", sa.Text()),
)
items = sa.table(
    "conversion_items",
    sa.column("conversion_id", sa.Uuid()),
    sa.column("position", sa.Integer()),
    sa.column("commission", Money()),
    sa.column("taken_back", Money()),
)
ledger = sa.table(
    "ledger",
    sa.column("id", sa.Uuid()),
    sa.column("conversion_id", sa.Uuid()),
    sa.column("at", UtcDateTime()),
    sa.column("account", sa.Text()),
    sa.column("cents", sa.BigInteger()),
    sa.column("minor", sa.BigInteger()),
)
merchants = sa.table(
    "merchants",
    sa.column("id", sa.Uuid()),
    sa.column("currency", sa.Text()),
    sa.column("commission_type", sa.Text()),
    sa.column("commission_value", sa.Text()),
)
campaigns = sa.table(
    "campaigns",
    sa.column("merchant_id", sa.Uuid()),
    sa.column("commission_type", sa.Text()),
    sa.column("commission_value", sa.Text()),
)
products = sa.table(
    "products",
    sa.column("merchant_id", sa.Uuid()),
    sa.column("price", Money()),
    sa.column("commission_type", sa.Text()),
    sa.column("commission_value", sa.Text()),
)
affiliates = sa.table(
    "affiliates",
    sa.column("id", sa.Uuid()),
    sa.column("merchant_id", sa.Uuid()),
    sa.column("email", sa.Text()),
    sa.column("email_key", sa.Text()),
)


def upgrade() -> None:
    connection = op.get_bind()
    for table, name, kind, default in ADDED:
        op.add_column(table, sa.Column(name, kind, server_default=default, nullable=default is None))
    if connection.dialect.name == "postgresql":
        for table, name in WIDENED:
            op.alter_column(table, name, type_=sa.Numeric(), existing_type=OLD_AMOUNT)
    op.execute("UPDATE affiliates SET approved_at = updated_at WHERE status = 'APPROVED'")
    _make_amounts_whole(connection)
    _note_what_lines_took_back(connection)
    _take_over_currencies(connection)
    _take_over_addresses(connection)


def downgrade() -> None:
    for table, name, *_ in reversed(ADDED):
        op.drop_column(table, name)


def _make_amounts_whole(connection: sa.Connection) -> None:
    """Commission in currencies without cents, on the conversion, on its lines and in the ledger."""
    credited = (conversions.c.status == "CREDITED", conversions.c.currency.in_(WITHOUT_CENTS))
    rows = connection.execute(sa.select(conversions).where(*credited)).all()
    if not rows:
        return
    _let_the_ledger_change(connection, allowed=True)
    for batch in _batches(rows):
        totals = {row.id: money.rounded(row.commission, row.currency) for row in batch}
        _write(connection, conversions, "commission", [((row_id,), total) for row_id, total in totals.items()])
        _write(connection, items, "commission", _parts(connection, batch, totals))
        _write(connection, ledger, "minor", _minors(connection, batch, totals))
    _let_the_ledger_change(connection, allowed=False)


def _minors(connection: sa.Connection, batch: Sequence[Any], totals: Mapping[Any, Decimal]) -> list[Written]:
    """The minor units of each entry of these conversions: the sums of each account are rounded sums at each time, and
    in the end what the rules give."""
    mine = ledger.c.conversion_id.in_([row.id for row in batch])
    accounts: dict[tuple[Any, str], list[Any]] = defaultdict(list)
    for entry in connection.execute(sa.select(ledger).where(mine).order_by(ledger.c.at, ledger.c.id)):
        accounts[entry.conversion_id, entry.account].append(entry)
    minors: list[Written] = []
    for row in batch:
        standing = "APPROVED" if row.order_status in APPROVING else "HELD"
        for name in ("HELD", "APPROVED"):
            left = _remaining(totals[row.id], row) if name == standing else Decimal(0)
            minors += _rounded_entries(accounts[row.id, name], row.currency, left)
    return minors


def _rounded_entries(entries: Sequence[Any], currency: str, left: Decimal) -> Iterable[Written]:
    exact, before = Decimal(0), 0
    for entry in entries:
        exact += Decimal(entry.cents) / 100
        after = left if entry is entries[-1] else money.rounded(exact, currency)
        yield (entry.id,), money.to_minor(after, currency) - before
        before = money.to_minor(after, currency)


def _note_what_lines_took_back(connection: sa.Connection) -> None:
    """All of its commission on a line of an order that was undone; a part where some of the order was refunded."""
    undone = sa.select(conversions.c.id).where(
        conversions.c.status == "CREDITED", conversions.c.order_status.in_(REVERSING)
    )
    connection.execute(
        sa.update(items)
        .where(items.c.conversion_id.in_(undone), items.c.commission.is_not(None))
        .values(taken_back=items.c.commission)
    )
    partial = sa.select(conversions).where(
        conversions.c.status == "CREDITED",
        conversions.c.order_status.not_in(REVERSING),
        conversions.c.refunded.not_in([Decimal(0), Decimal("0.00")]),
    )
    for batch in _batches(connection.execute(partial).all()):
        taken = {row.id: row.commission - _remaining(row.commission, row) for row in batch}
        _write(connection, items, "taken_back", _parts(connection, batch, taken))


def _take_over_currencies(connection: sa.Connection) -> None:
    """A merchant's currency is that of its first order, where all fits that is stored without one."""
    first = (
        sa.select(conversions.c.merchant_id, sa.func.min(conversions.c.received_at).label("at"))
        .group_by(conversions.c.merchant_id)
        .subquery()
    )
    statement = sa.select(conversions.c.merchant_id, conversions.c.currency).join(
        first, sa.and_(first.c.merchant_id == conversions.c.merchant_id, first.c.at == conversions.c.received_at)
    )
    latest_first = connection.execute(statement.order_by(conversions.c.id.desc())).all()
    for merchant_id, currency in {row.merchant_id: row.currency for row in latest_first}.items():
        if money.is_currency(currency) and _all_fits(connection, merchant_id, currency):
            connection.execute(sa.update(merchants).where(merchants.c.id == merchant_id).values(currency=currency))


def _all_fits(connection: sa.Connection, merchant_id: Any, currency: str) -> bool:
    """Nothing that was stored has more than two decimals."""
    if money.minor_units(currency) >= 2:
        return True
    amounts = list(connection.scalars(sa.select(products.c.price).where(products.c.merchant_id == merchant_id)))
    for table, key in ((merchants, "id"), (campaigns, "merchant_id"), (products, "merchant_id")):
        fixed = (table.c[key] == merchant_id, table.c.commission_type == "FIXED")
        amounts += map(Decimal, connection.scalars(sa.select(table.c.commission_value).where(*fixed)))
    return all(amount == round(amount, money.minor_units(currency)) for amount in amounts)


def _take_over_addresses(connection: sa.Connection) -> None:
    """One key for all spellings of a mailbox. Where two enrolments of a merchant are the same mailbox, the later one
    keeps the key it has."""
    rows = connection.execute(sa.select(affiliates).order_by(affiliates.c.id)).all()
    taken = {(row.merchant_id, row.email_key) for row in rows}
    for row in rows:
        key = address_key(row.email)
        if (row.merchant_id, key) not in taken:
            connection.execute(sa.update(affiliates).where(affiliates.c.id == row.id).values(email_key=key))
            taken.add((row.merchant_id, key))


def _let_the_ledger_change(connection: sa.Connection, *, allowed: bool) -> None:
    if connection.dialect.name == "postgresql":
        op.execute(f"ALTER TABLE ledger {'DISABLE' if allowed else 'ENABLE'} TRIGGER ledger_grows")
        return
    if allowed:
        op.execute("DROP TRIGGER ledger_refuses_update")
        return
    op.execute(
        "CREATE TRIGGER ledger_refuses_update BEFORE UPDATE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END"
    )


def _batches(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _parts(connection: sa.Connection, batch: Sequence[Any], totals: Mapping[Any, Decimal]) -> list[Written]:
    """Each conversion's total in parts, in proportion to what its lines earned."""
    mine = (items.c.conversion_id.in_(list(totals)), items.c.commission.is_not(None))
    lines: dict[Any, list[Any]] = defaultdict(list)
    for line in connection.execute(sa.select(items).where(*mine).order_by(items.c.position)):
        lines[line.conversion_id].append(line)
    parts: list[Written] = []
    for row in batch:
        keys = [(line.conversion_id, line.position) for line in lines[row.id]]
        shares = _split(totals[row.id], [line.commission for line in lines[row.id]], row.currency)
        parts += zip(keys, shares, strict=True)
    return parts


def _write(connection: sa.Connection, table: sa.TableClause, name: str, rows: Sequence[Written]) -> None:
    """Set one column of many rows, which are named by their keys."""
    if not rows:
        return
    keys = [table.c[key] for key in KEYS[table.name]]
    mine = [key == sa.bindparam(f"key_{place}") for place, key in enumerate(keys)]
    statement = sa.update(table).where(*mine).values({name: sa.bindparam("written")})
    values = [{f"key_{place}": part for place, part in enumerate(key)} | {"written": value} for key, value in rows]
    connection.execute(statement, values)


def _remaining(commission: Decimal, conversion: Any) -> Decimal:
    if conversion.order_status in REVERSING:
        return Decimal(0)
    if not conversion.refunded or not conversion.order_amount:
        return commission
    share = (conversion.order_amount - conversion.refunded) / conversion.order_amount
    return money.rounded(commission * share, conversion.currency)


def _split(total: Decimal, weights: Sequence[Decimal], currency: str) -> Iterable[Decimal]:
    """By largest remainder; all to the first where the weights are nothing."""
    whole = sum(weights, Decimal(0))
    if not whole:
        return [total, *[Decimal(0)] * (len(weights) - 1)] if weights else []
    units = money.to_minor(total, currency)
    exact = [units * weight / whole for weight in weights]
    parts = [int(part) for part in exact]
    places = sorted(range(len(weights)), key=lambda place: (parts[place] - exact[place], place))
    for place in places[: units - sum(parts)]:
        parts[place] += 1
    return [money.from_minor(part, currency) for part in parts]
