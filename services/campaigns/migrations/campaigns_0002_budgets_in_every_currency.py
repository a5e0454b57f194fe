"""budgets with the decimals of every currency (D9), addresses of assets in encoded form.

Budgets that are no amount of their currency stay: nobody but their supplier knows what they should be.
"""

import sqlalchemy as sa
from alembic import op

from chassis.core.addresses import encoded

revision = "campaigns_0002"
down_revision = "campaigns_0001"
branch_labels = None
depends_on = None

CAMPAIGNS = sa.table("campaigns", sa.column("id", sa.Uuid()), sa.column("asset_urls", sa.JSON(none_as_null=True)))


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # SQLite keeps text
        op.alter_column("campaigns", "budget", type_=sa.Numeric(), existing_type=sa.Numeric(14, 2))
    with_assets = sa.select(CAMPAIGNS).where(CAMPAIGNS.c.asset_urls.is_not(None))
    for campaign in connection.execute(with_assets).all():
        addresses = [encoded(address) or address for address in campaign.asset_urls]
        if addresses != campaign.asset_urls:
            connection.execute(sa.update(CAMPAIGNS).where(CAMPAIGNS.c.id == campaign.id).values(asset_urls=addresses))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("campaigns", "budget", type_=sa.Numeric(14, 2), existing_type=sa.Numeric())
