"""The notifier's migrations: what was stored before means the same after."""

from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import create_engine, insert, select

from chassis import migrate
from chassis.testing import postgres_database
from services.notifier import service
from services.notifier.models import Bounce

BEFORE = "notifier_0004"
FIRST, LAST = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def engine(dialect, tmp_path):
    if dialect == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path}/notifier.db")
        yield engine
        engine.dispose()
        return
    with postgres_database() as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


def test_refusals_from_before_belong_to_their_mailbox(engine):
    """D62: what was counted for two spellings of one mailbox is counted together."""
    with engine.begin() as connection:
        config = migrate.config_of(service)
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
        rows = [
            {"address": "Rolf@Blåbær.example", "score": 2, "last_at": FIRST},
            {"address": "rolf@xn--blbr-roah.example", "score": 1, "last_at": LAST},
            {"address": "ANNA@nordic.example", "score": 1, "last_at": FIRST},
            {"address": "ida@fjord.example", "score": 3, "last_at": LAST},
            {"address": "no address", "score": 1, "last_at": LAST},
        ]
        connection.execute(insert(Bounce.__table__), rows)
    migrate.upgrade(service, engine)
    with engine.connect() as connection:
        kept = connection.execute(select(Bounce.address, Bounce.score, Bounce.last_at).order_by(Bounce.address))
        assert kept.all() == [
            ("anna@nordic.example", 1, FIRST),
            ("ida@fjord.example", 3, LAST),
            ("no address", 1, LAST),
            ("rolf@xn--blbr-roah.example", 3, LAST),
        ]
