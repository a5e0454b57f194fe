"""A tenant's webhook in tests, and what the senders do without waiting for their turn."""

from datetime import timedelta

from sqlalchemy import select

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from services.notifier.webhooks import sender
from services.notifier.webhooks.call import CallResult
from services.notifier.webhooks.models import WebhookMessage, WebhookQueue
from tests.notifier.helpers import NORDIC, SYSTEM
from tests.plugin import sample_event

WEBHOOKS = "/api/v1/webhooks"


def happened(number=1, *, tenants=(NORDIC,), event_type="campaigns.CampaignAdvanced.v1", **attributes):
    events = ",".join(map(str, tenants))
    return sample_event(event_type, {"number": number}, tenantids=events, **attributes)


def add(client, url="https://hooks.example/in", **data):
    """A new webhook as its owner sees it, with its secret."""
    answer = client.post(WEBHOOKS, json={"url": url, **data})
    assert answer.status_code == 201, answer.json
    return answer.json


def send_due(notifier):
    """Everything that is due now, one after another."""
    with acting_as(SYSTEM):
        while sender.send_some(notifier.runtime, healthy=False, most=1):
            pass


def claim(notifier, now=None, *, healthy=False):
    with acting_as(SYSTEM):
        claims = sender.claim_due(notifier.database, now or utcnow(), healthy=healthy, most=1)
        return claims[0] if claims else None


def settle(notifier, claimed, status=None, now=None, *, error=None, retry_after=None):
    now = now or utcnow()
    answer = CallResult(status, error, retry_after)
    with acting_as(SYSTEM):
        sender.settle(notifier.database, [claimed], [answer], started=now, now=now)


def messages(notifier, **expected):
    """Every row in the order of the log."""
    statement = select(WebhookMessage).filter_by(**expected).order_by(WebhookMessage.position)
    with acting_as(SYSTEM), notifier.database.read() as session:
        return list(session.scalars(statement))


def states(notifier, **expected):
    return [row.state for row in messages(notifier, **expected)]


def queue_of(notifier):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return session.scalars(select(WebhookQueue)).one()


def number_in(body):
    return body["data"]["number"]


DAY = timedelta(days=1)
