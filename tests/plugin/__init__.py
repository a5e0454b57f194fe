"""What tests need of a service: databases, callers, brokers and samples. The fixtures are in ``fixtures``."""

from tests.plugin.callers import CallerClient, WsgiAdapter, principal
from tests.plugin.databases import POSTGRES, RABBITMQ, need, need_program, postgres_admin, postgres_database
from tests.plugin.samples import sample_event, value_of
from tests.plugin.services import ServiceUnderTest, endpoints

__all__ = [
    "POSTGRES",
    "RABBITMQ",
    "CallerClient",
    "ServiceUnderTest",
    "WsgiAdapter",
    "endpoints",
    "need",
    "need_program",
    "postgres_admin",
    "postgres_database",
    "principal",
    "sample_event",
    "value_of",
]
