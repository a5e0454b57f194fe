"""Amounts as exact as their currency, prices and selections of variants, and texts as they are compared.

What is stored is made to fit: keys and names in NFC (D62), and amounts that no coin of their currency pays, rounded as
evaluations rounded them (D9, D27).
"""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import IntegrityError

from chassis.core import money
from chassis.core.text import normal
from chassis.data.migrate import fill_folded

revision = "promotions_0004"
down_revision = "promotions_0003"
branch_labels = None
depends_on = None

AMOUNT = sa.Numeric().with_variant(sa.String(20), "sqlite")
NARROW = sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite")
AMOUNTS = {
    "products": ("price", "cost"),
    "variants": ("price",),
    "pricelist_entries": ("price",),
    "sales_campaigns": ("amount_threshold", "discount_amount", "discount_percent", "total_discount_limit"),
}
FOLDED = {
    "products": ("product_uid", "name"),
    "sales_campaigns": ("campaign_uid", "name", "display_name", "campaign_code"),
}
TEXTS = {
    "products": ("id", ("product_uid", "name", "brand_uid", "product_group_uid")),
    "variants": ("id", ("variant_uid",)),
    "product_categories": ("product_id, category_uid", ("category_uid",)),
    "stores": ("id", ("store_uid", "name")),
    "customer_groups": ("id", ("customer_group_uid", "name")),
    "pricelists": ("id", ("pricelist_uid", "name")),
    "sales_campaigns": ("id", ("campaign_uid", "name", "display_name", "campaign_code")),
    "sales_selections": ("campaign_id, side, kind, uid", ("uid",)),
    "cart_campaign_products": ("campaign_id, position", ("product_id",)),
    "linked_products": ("id", ("base_id", "linked_id")),
    "cart_items": ("cart_id, product_id", ("product_id",)),
    "reservations": ("id", ("order_id",)),
}
"""Keys and names by table, and how their rows are known."""


def upgrade() -> None:
    connection = op.get_bind()
    for table, (keys, columns) in TEXTS.items():  # before tables are locked for their new columns
        for column in columns:
            _compose(connection, table, keys.split(", "), column)
    _retype(NARROW, AMOUNT)
    op.create_table(
        "pricelist_variants",
        sa.Column("pricelist_id", sa.Uuid(), nullable=False),
        sa.Column("variant_uid", sa.Text(), nullable=False),
        sa.Column("price", AMOUNT, nullable=False),
        sa.ForeignKeyConstraint(["pricelist_id"], ["pricelists.id"], name=op.f("fk_pricelist_variants_pricelist_id")),
        sa.PrimaryKeyConstraint("pricelist_id", "variant_uid", name=op.f("pk_pricelist_variants")),
    )
    op.create_table(
        "sales_variants",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("variant_uid", sa.Text(), nullable=False),
        sa.Column("selected", sa.Boolean(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "variant_uid", name=op.f("pk_sales_variants")),
    )
    op.create_index("ix_sales_variants_variant", "sales_variants", ["tenant_id", "variant_uid"], unique=False)
    for table, columns in FOLDED.items():
        for column in columns:
            op.add_column(table, sa.Column(f"{column}_folded", sa.Text(), server_default="", nullable=False))
    for table, columns in FOLDED.items():
        for column in columns:
            fill_folded(connection, table, column, f"{column}_folded")
    for tenant_id, currency in _whole_currencies(connection):
        _round(connection, tenant_id, currency)
    _exclude_variants(connection)


def downgrade() -> None:
    for table, columns in FOLDED.items():
        for column in columns:
            op.drop_column(table, f"{column}_folded")
    op.drop_index("ix_sales_variants_variant", table_name="sales_variants")
    op.drop_table("sales_variants")
    op.drop_table("pricelist_variants")
    _retype(AMOUNT, NARROW)


def _retype(before: Any, after: Any) -> None:
    """PostgreSQL only notes the wider type; SQLite keeps texts of any length as they are."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in AMOUNTS.items():
        for column in columns:
            op.alter_column(table, column, existing_type=before, type_=after)


def _compose(connection: sa.Connection, table: str, keys: Sequence[str], column: str) -> None:
    """Bring a text to NFC, unless another row of the same owner has that spelling already."""
    columns: list[Any] = [sa.column(name) for name in dict.fromkeys([*keys, column])]
    known = sa.table(table, *columns)
    rows = connection.execute(sa.select(known).where(known.c[column].is_not(None))).mappings().all()
    for row in rows:
        composed = normal(row[column])
        if composed == row[column]:
            continue
        same = [known.c[key] == row[key] for key in keys]
        try:
            with connection.begin_nested():
                connection.execute(sa.update(known).where(*same).values({column: composed}))
        except IntegrityError:
            continue


def _whole_currencies(connection: sa.Connection) -> Iterator[tuple[Any, str]]:
    """Tenants in whose currency two decimals are too many."""
    settings = sa.table("settings", sa.column("tenant_id"), sa.column("currency"))
    for tenant_id, currency in connection.execute(sa.select(settings)).all():
        if money.minor_units(currency) < 2:
            yield tenant_id, currency


def _round(connection: sa.Connection, tenant_id: Any, currency: str) -> None:
    """Round a tenant's amounts; one that would be nothing stays, because a discount of nothing is none."""
    unit = Decimal(1).scaleb(-money.minor_units(currency))
    lists = sa.table("pricelists", sa.column("id"), sa.column("tenant_id"))
    for table, names in AMOUNTS.items():
        keys = ["pricelist_id", "product_id"] if table == "pricelist_entries" else ["id"]
        amounts = [name for name in names if name != "discount_percent"]
        columns: list[Any] = [sa.column(name) for name in (*keys, *amounts, "tenant_id")]
        known = sa.table(table, *columns)
        shown = sa.select(*(known.c[name] for name in (*keys, *amounts)))
        if table == "pricelist_entries":
            mine = shown.where(known.c.pricelist_id.in_(sa.select(lists.c.id).where(lists.c.tenant_id == tenant_id)))
        else:
            mine = shown.where(known.c.tenant_id == tenant_id)
        for row in connection.execute(mine).mappings().all():
            before = {name: Decimal(row[name]) for name in amounts if row[name] is not None}
            rounded = {name: amount.quantize(unit, ROUND_HALF_UP) for name, amount in before.items()}
            changed = {name: amount for name, amount in rounded.items() if amount and amount != before[name]}
            if changed:
                values = {name: sa.literal(amount, AMOUNT) for name, amount in changed.items()}
                if connection.dialect.name == "sqlite":
                    values = {name: sa.literal(format(amount, "f")) for name, amount in changed.items()}
                connection.execute(sa.update(known).where(*(known.c[k] == row[k] for k in keys)).values(values))
    catalogues = sa.table("catalogues", sa.column("tenant_id"), sa.column("revision"))
    raised = sa.update(catalogues).where(catalogues.c.tenant_id == tenant_id)
    connection.execute(raised.values(revision=catalogues.c.revision + 1))


def _exclude_variants(connection: sa.Connection) -> None:
    """What active campaigns exclude by a variant's uid, which meant nothing until now."""
    for statement in (
        """
        INSERT INTO sales_variants (campaign_id, variant_uid, selected, tenant_id)
        SELECT lines.campaign_id, lines.uid, false, campaigns.tenant_id
        FROM sales_selections AS lines
        JOIN sales_campaigns AS campaigns ON campaigns.id = lines.campaign_id
        WHERE campaigns.status = 'ACTIVE' AND lines.side = 'exclude' AND lines.kind = 'product'
          AND NOT EXISTS (
            SELECT 1 FROM products
            WHERE products.tenant_id = campaigns.tenant_id AND products.product_uid = lines.uid
          )
        """,
        """
        UPDATE catalogues SET revision = revision + 1
        WHERE tenant_id IN (SELECT tenant_id FROM sales_variants)
        """,
    ):
        connection.execute(sa.text(statement))
