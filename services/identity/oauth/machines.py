"""Recording sign-ins of machines."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.identity.api_keys import queries as api_key_queries
from services.identity.common.clients import Client
from services.identity.sign_ins import actions, metrics, queries
from services.identity.sign_ins.rules import How, Outcome

ONCE_IN = {Outcome.OK: timedelta(days=1), Outcome.WRONG_SECRET: timedelta(hours=1)}


def record(session: Session, api_key: str, *, is_good: bool, client: Client, now: datetime) -> None:
    """Record that an API key was used, or tried with a wrong secret.

    A machine asks for tokens all day long, so a success is recorded once a day for each network, and wrong secrets once
    an hour; all that fail are counted. A key that does not exist is only counted.
    """
    key = api_key_queries.lock_credential(session, api_key)
    outcome = Outcome.OK if is_good else Outcome.WRONG_SECRET
    if key is None or queries.is_recorded(
        session, key.id, outcome, network=client.network, since=now - ONCE_IN[outcome]
    ):
        if not is_good:
            metrics.failures.labels(How.API_KEY, outcome).inc()
        return
    actions.record(session, key, name=key.api_key, how=How.API_KEY, outcome=outcome, client=client, now=now)
