"""The notifier's migrations: what was stored before means the same after."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import create_engine, insert, select

from chassis import migrate
from chassis.testing import postgres_database
from services.notifier import service
from services.notifier.models import Bounce, Webhook

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


@pytest.fixture
def before(engine):
    """A connection to the database as it was."""
    with engine.connect() as connection:
        config = migrate.config_of(service)
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
        yield connection


def test_refusals_from_before_belong_to_their_mailbox(engine, before):
    """D62: what was counted for two spellings of one mailbox is counted together."""
    rows = [
        {"address": "Rolf@Blåbær.example", "score": 2, "last_at": FIRST},
        {"address": "rolf@xn--blbr-roah.example", "score": 1, "last_at": LAST},
        {"address": "ANNA@nordic.example", "score": 1, "last_at": FIRST},
        {"address": "ida@fjord.example", "score": 3, "last_at": LAST},
        {"address": "no address", "score": 1, "last_at": LAST},
    ]
    before.execute(insert(Bounce.__table__), rows)
    before.commit()
    migrate.upgrade(service, engine)
    with engine.connect() as connection:
        kept = connection.execute(select(Bounce.address, Bounce.score, Bounce.last_at).order_by(Bounce.address))
        assert kept.all() == [
            ("anna@nordic.example", 1, FIRST),
            ("ida@fjord.example", 3, LAST),
            ("no address", 1, LAST),
            ("rolf@xn--blbr-roah.example", 3, LAST),
        ]


def test_descriptions_from_before_are_one_line(engine, before):
    """D65: they can be sent back."""
    descriptions = ["ERP\n\u202e in\r\nBergen ", "Påske", ""]
    for number, description in enumerate(descriptions, 1):
        values = {"id": UUID(int=number), "description": description, "created_at": FIRST, "updated_at": FIRST}
        values |= {
            "tenant_id": UUID(int=9),
            "url": "https://x.example",
            "types": ["*"],
            "status": "active",
            "secret": "s",
        }
        before.execute(insert(Webhook.__table__).values(values))
    before.commit()
    migrate.upgrade(service, engine)
    with engine.connect() as connection:
        kept = connection.scalars(select(Webhook.description).order_by(Webhook.id)).all()
        assert kept == ["ERP in Bergen", "Påske", ""]
