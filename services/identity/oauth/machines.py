"""Recording sign-ins of machines."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.identity.api_keys import queries as api_key_queries
from services.identity.common.clients import Client
from services.identity.sign_ins import actions, metrics, queries
from services.identity.sign_ins.rules import How, Outcome

ONCE_IN = {
    Outcome.OK: timedelta(days=1),
    Outcome.WRONG_SECRET: timedelta(hours=1),
    Outcome.TENANT_SUSPENDED: timedelta(hours=1),
}


def record(session: Session, api_key: str, outcome: Outcome, *, client: Client, now: datetime) -> None:
    """Record how it ended that an API key was used.

    A machine asks for tokens all day long, so a success is recorded once a day for each network, and each refusal once
    an hour; all that fail are counted. A key that does not exist is only counted.
    """
    key = api_key_queries.lock_credential(session, api_key)
    if key is None or queries.is_recorded(
        session, key.id, outcome, network=client.network, since=now - ONCE_IN[outcome]
    ):
        if outcome is not Outcome.OK:
            metrics.failures.labels(How.API_KEY, outcome).inc()
        return
    actions.record(session, key, name=key.api_key, how=How.API_KEY, outcome=outcome, client=client, now=now)
