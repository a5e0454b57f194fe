"""The notifier's migrations: what was stored before means the same after."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.orm import Session

from chassis.data import migrate
from services.notifier import service
from services.notifier.audience.models import Contact, Tenant
from services.notifier.outbound.models import Bounce
from services.notifier.webhooks.models import Webhook, WebhookMessage, WebhookQueue
from tests.plugin import postgres_database

BEFORE = "notifier_0004"
BEFORE_ACCOUNTS = "notifier_0007"
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
        remaining = connection.execute(select(Bounce.address, Bounce.score, Bounce.last_at).order_by(Bounce.address))
        assert remaining.all() == [
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
        remaining = connection.scalars(select(Webhook.description).order_by(Webhook.id)).all()
        assert remaining == ["ERP in Bergen", "Påske", ""]


def test_messages_that_waited_for_another_services_go(engine, before):
    """D63: nothing would wake them any more, for what they waited for is of another series now."""
    tenant, active, paused = UUID(int=9), UUID(int=1), UUID(int=2)
    later = datetime(2036, 1, 1, tzinfo=UTC)
    for webhook, status in ((active, "active"), (paused, "paused")):
        about = {"id": webhook, "tenant_id": tenant, "url": "https://x.example", "description": "", "types": ["*"]}
        about |= {"status": status, "secret": "s", "created_at": FIRST, "updated_at": FIRST}
        before.execute(insert(Webhook.__table__).values(about))
        due = later if status == "active" else None
        queue = {"webhook_id": webhook, "tenant_id": tenant, "failures": 0, "due_at": due}
        before.execute(insert(WebhookQueue.__table__).values(queue))
        lined_up = [
            ("identity.TenantChanged.v2", "ready", later),
            ("affiliates.ClickRecorded.v1", "waiting", None),
            ("identity.TenantChanged.v2", "waiting", None),
            ("affiliates.ClickRecorded.v1", "waiting", None),
        ]
        for number, (event_type, state, next_at) in enumerate(lined_up, 1):
            message = {"webhook_id": webhook, "event_id": UUID(int=number), "position": number, "type": event_type}
            message |= {"tenant_id": tenant, "subject": tenant, "state": state, "next_at": next_at}
            before.execute(insert(WebhookMessage.__table__).values(message | {"attempts": 0, "queued_at": FIRST}))
    before.commit()
    migrate.upgrade(service, engine)
    with engine.connect() as connection:
        by_position = select(WebhookMessage.state).order_by(WebhookMessage.webhook_id, WebhookMessage.position)
        assert connection.scalars(by_position).all() == ["ready", "ready", "waiting", "waiting"] * 2
        clicks = select(WebhookMessage.next_at).where(WebhookMessage.position == 2)
        assert all(moment < later for moment in connection.scalars(clicks))
        due = dict(connection.execute(select(WebhookQueue.webhook_id, WebhookQueue.due_at)).tuples().all())
        assert due[active] < later, "a sender looks at it now"
        assert due[paused] is None


def test_contacts_and_tenants_of_older_code_are_users_and_at_work(engine):
    """Also those that it writes while processes of both ages run."""
    old = text(
        "INSERT INTO contacts (id, tenant_id, email, name, role, active, sequence)"
        " VALUES (:id, :tenant, 'r@x.example', 'R', 'RetailerAdmin', true, 1)"
    )
    migrate.upgrade(service, engine)
    with engine.connect() as connection:
        config = migrate.config_of(service)
        config.attributes["connection"] = connection
        command.downgrade(config, BEFORE_ACCOUNTS)
        connection.execute(old, {"id": _stored(engine, 1), "tenant": _stored(engine, 9)})
        connection.execute(text("INSERT INTO tenants (id) VALUES (:id)"), {"id": _stored(engine, 9)})
        connection.commit()
    migrate.upgrade(service, engine)
    with engine.begin() as connection:
        connection.execute(old, {"id": _stored(engine, 2), "tenant": _stored(engine, 9)})
    with Session(engine) as session:
        contacts = session.scalars(select(Contact)).all()
        assert [(row.is_reachable, row.invited, row.suspended) for row in contacts] == [(True, False, False)] * 2
        assert not session.get_one(Tenant, UUID(int=9)).is_silent


def _stored(engine, number):
    return UUID(int=number).hex if engine.dialect.name == "sqlite" else UUID(int=number)
